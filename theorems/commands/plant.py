"""``theorems plant``: single-token errors in the source of predictions, and which of them the suite refutes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from theorems.commands.console import EXIT_EXPECTED, EXIT_UNEXPECTED, header, out, progress, require_writable, select

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
    require_writable(table, "--table")
    header(seed, examples)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # drawn networks are small: with more threads they stall
    done: dict[str, list[Trial]] = {}
    try:
        with progress() as bar:
            for claim in claims:
                chosen = planted_in(claim, sample=sample, seed=seed)
                task = bar.add_task(claim.name, total=len(chosen))
                done[claim.name] = []
                for trial in trials(claim, chosen, examples=examples, seed=seed):
                    done[claim.name].append(trial)
                    bar.advance(task)
                bar.remove_task(task)
    finally:
        torch.set_num_threads(threads)
    out.print(trial_table(done))
    known = explained.read_text(encoding="utf-8") if explained is not None else ""
    survivors = [trial for each in done.values() for trial in each if trial.fate is Fate.SURVIVED]
    survivors = [trial for trial in survivors if f"`{trial.planted.change}`" not in known]
    for trial in survivors:
        out.print(f"[yellow]survived {trial.instances} instances:[/] {escape(str(trial.planted))}", highlight=False)
    if table is not None:
        table.write_text(markdown(done, examples=examples, seed=seed), encoding="utf-8")
    raise typer.Exit(EXIT_UNEXPECTED if survivors else EXIT_EXPECTED)
