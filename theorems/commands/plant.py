"""``theorems plant``: single-token errors in the source of predictions, and which of them the suite refutes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from theorems.commands.console import EXIT_EXPECTED, EXIT_INTERRUPTED, EXIT_UNEXPECTED, EXIT_USAGE, header
from theorems.commands.running import Run
from theorems.commands.selection import select
from theorems.commands.terminal import line_width, out, progress
from theorems.files import replace_file, require_target

if TYPE_CHECKING:
    from theorems.searching.planting.trial import Trial


def plant_command(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="claims, by name or glob")] = None,
    examples: Annotated[int, typer.Option(min=1, help="instances per error at most")] = 1000,
    seed: Annotated[int, typer.Option(min=0, max=2**62, help="of the drawing and of the sample")] = 0,
    sample: Annotated[int | None, typer.Option(min=1, help="errors per claim at most; all unless given")] = None,
    explained: Annotated[
        Path | None,
        typer.Option(metavar="FILE.md", exists=True, dir_okay=False, help="survivors quoted there are known"),
    ] = None,
    table: Annotated[Path | None, typer.Option(metavar="FILE.md", help="write every survivor there")] = None,
) -> None:
    """Plant single-token errors in predictions and try to refute each: would a wrong theorem have been caught?

    Exit code 1 if an error changes what is predicted and is neither refuted nor undecided nor explained.
    """
    import torch

    from theorems.searching.planting.report import markdown, trial_table
    from theorems.searching.planting.trial import Fate, planted_in, trials
    from theorems.verdict import Outcome

    claims = [claim for claim in select(names or []) if claim.expected is Outcome.HOLDS]
    require_target(table, "--table")
    header(seed, examples)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # drawn networks are small: with more threads they stall
    done: dict[str, list[Trial]] = {}
    run = Run(claims)
    try:
        with run, progress() as bar:
            for at, claim in enumerate(claims):
                task = bar.add_task(f"claim {at + 1} of {len(claims)}: {claim.name}", total=None)
                with run.judging(claim):
                    chosen = planted_in(claim, sample=sample, seed=seed)
                    bar.update(task, total=len(chosen))
                    done[claim.name] = []
                    for trial in trials(claim, chosen, examples=examples, seed=seed):
                        done[claim.name].append(trial)
                        bar.advance(task)
                bar.remove_task(task)
    finally:
        torch.set_num_threads(threads)
    out.print(trial_table(done, width=line_width()))
    known = explained.read_text(encoding="utf-8") if explained is not None else ""
    survivors = [trial for each in done.values() for trial in each if trial.fate is Fate.SURVIVED]
    survivors = [trial for trial in survivors if f"`{trial.planted.change}`" not in known]
    for trial in survivors:
        out.print(f"[yellow]survived {trial.instances} instances:[/] {escape(str(trial.planted))}", highlight=False)
    if run.interrupted:
        last = f", the last of them, {list(done)[-1]}, not to its end" if done else ""
        out.print(f"[bold yellow]interrupted[/]: {len(done)} of {len(claims)} claims{last}", highlight=False)
    if table is not None and not run.interrupted:
        replace_file(table, markdown(done, examples=examples, seed=seed))
    elif table is not None:
        out.print(f"{table} is as it was: it is written of whole runs", highlight=False)
    if run.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    raised = EXIT_USAGE if run.entries else EXIT_EXPECTED
    raise typer.Exit(EXIT_UNEXPECTED if survivors else raised)
