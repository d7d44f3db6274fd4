"""``theorems plant``: single-token errors in the source of predictions, and which of them the suite
refutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from theorems.commands.apart import Raised, in_processes, judged_by, longest_first
from theorems.commands.console import (
    EXIT_EXPECTED,
    EXIT_INTERRUPTED,
    EXIT_UNEXPECTED,
    EXIT_USAGE,
    header,
)
from theorems.commands.running import Run
from theorems.commands.selection import select
from theorems.commands.terminal import line_width, out, progress
from theorems.commands.workers import JOBS, processes
from theorems.files import replace_file, require_target

if TYPE_CHECKING:
    from theorems.claim import Claim
    from theorems.planting.trial import Fate, Trial


def plant_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="claims, by name or glob")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="instances per error at most")] = 1000,
    seed: Annotated[
        int, typer.Option(min=0, max=2**62, help="of the drawing and of the sample")
    ] = 0,
    jobs: JOBS = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="errors per claim at most; all unless given")
    ] = None,
    explained: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.md", exists=True, dir_okay=False, help="survivors quoted there are known"
        ),
    ] = None,
    table: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="write every survivor there")
    ] = None,
) -> None:
    """Plant single-token errors in predictions and try to refute each: would a wrong theorem have
    been caught?

    Exit code 1 if an error changes what is predicted and is neither refuted nor undecided nor
    explained.
    """
    import torch

    from theorems.evidence.planting_tables import markdown, trial_table
    from theorems.planting.trial import Fate, Trial, planted_in, trials

    claims = _holding(names or [])
    require_target(table, "--table")
    header(seed, examples)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # drawn networks are small: with more threads they stall
    done: dict[str, list[Trial]] = {}
    run = Run(claims)
    try:
        with run, progress() as bar:
            several = processes(jobs, len(claims), len(claims) * examples)
            if several > 1:
                task = bar.add_task(
                    f"{len(claims)} claims in {several} processes", total=len(claims)
                )

                def take(at: int, fates: list[tuple[Fate, int]]) -> None:
                    chosen = planted_in(claims[at], sample=sample, seed=seed)
                    done[claims[at].name] = [
                        Trial(one, *fate) for one, fate in zip(chosen, fates, strict=True)
                    ]
                    bar.advance(task)

                order = _Order(tuple(names or ()), examples, seed, sample)
                in_processes(run, _planted_apart, order, longest_first(claims), several, take)
            for at, claim in enumerate(claims if several == 1 else ()):
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
        out.print(
            f"[yellow]survived {trial.instances} instances:[/] {escape(str(trial.planted))}",
            highlight=False,
        )
    if run.interrupted:
        last = f", the last of them, {list(done)[-1]}, not to its end" if done else ""
        out.print(
            f"[bold yellow]interrupted[/]: {len(done)} of {len(claims)} claims{last}",
            highlight=False,
        )
    if table is not None and not run.interrupted:
        replace_file(table, markdown(done, examples=examples, seed=seed))
    elif table is not None:
        out.print(f"{table} is as it was: it is written of whole runs", highlight=False)
    if run.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    raised = EXIT_USAGE if run.entries else EXIT_EXPECTED
    raise typer.Exit(EXIT_UNEXPECTED if survivors else raised)


def _holding(names: Iterable[str]) -> list[Claim]:
    from theorems.verdict import Outcome

    return [claim for claim in select(names) if claim.expected is Outcome.HOLDS]


@dataclass(frozen=True)
class _Order:
    """What another process needs to know."""

    names: tuple[str, ...]
    examples: int
    seed: int
    sample: int | None

    def claims(self) -> list[Claim]:
        """The claims in which errors are planted."""
        return _holding(self.names)


def _planted_apart(
    order: _Order, at: int, _step: Callable[[], None]
) -> list[tuple[Fate, int]] | Raised:
    """What became of the errors in one of the claims, in a process of its own."""
    from theorems.planting.trial import planted_in, trials

    def judge(claim: Claim) -> list[tuple[Fate, int]]:
        chosen = planted_in(claim, sample=order.sample, seed=order.seed)
        found = trials(claim, chosen, examples=order.examples, seed=order.seed)
        return [(trial.fate, trial.instances) for trial in found]

    return judged_by(order, at, judge)
