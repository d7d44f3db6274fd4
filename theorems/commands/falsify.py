"""``theorems falsify``: search hard for a refutation."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.markup import escape

from theorems.commands.apart import Raised, claims_of, in_processes, judged_by, longest_first
from theorems.commands.console import header, require_writable, seed_option
from theorems.commands.refutations import DEFAULT, keep_counterexample, print_spent, require_folder
from theorems.commands.running import Run
from theorems.commands.selection import select, select_mutants, spelled
from theorems.commands.terminal import Screen, Target, err, out, progress, searching
from theorems.commands.workers import JOBS, processes

if TYPE_CHECKING:
    from theorems.checking.falsifying import Search
    from theorems.checking.records import Record
    from theorems.claim import Claim


_MANY = 100_000
"""Statistical verdicts for which a search without a limit provides."""


def falsify_command(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="claims, by name or glob, or FILE.py[:CLAIM]"),
    ],
    examples: Annotated[
        int | None, typer.Option(min=1, help="instances per claim at most [default: 2000]")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.001, help="time per claim at most")] = None,
    seed: Annotated[int, seed_option("of the search")] = 0,
    jobs: JOBS = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="write the evidence there; - is standard output"
        ),
    ] = None,
    mutant: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="search this wrong variant of the claims, by name or glob"
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--counterexamples", metavar="DIR", help="for scripts [default: counterexamples/]"
        ),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="keep refuting instances there and try those first"),
    ] = None,
) -> None:
    """Search hard for a refutation: at random, aimed at the bound, in structured corners, around
    the worst instance.
    """
    from theorems.checking.alarms import together

    claims = select(names)
    if mutant is not None:
        claims = select_mutants(claims, mutant)
    require_writable(json_file)
    folder = DEFAULT if folder is None else folder
    require_folder(folder, "--counterexamples")
    require_folder(database, "--database")
    limit = examples if examples is not None or seconds is not None else 2000
    order = _Order(tuple(names), mutant, limit, seconds, seed, database, folder, len(claims) > 1)
    run, parts = Run(claims), list[tuple[float, int] | None]()
    with Target(json_file).alone():
        header(seed, None)
        shared = processes(jobs, len(claims), len(claims) * (limit or _MANY))
        if shared > 1:
            with run, progress() as bar:
                whole = len(claims) * limit if limit else None
                task = bar.add_task(f"{len(claims)} claims in {shared} processes", total=whole)

                def take(_: int, found: Found) -> None:
                    out.file.write(found.told)
                    parts.append(found.spent)
                    run.add(found.entry)

                step = lambda count: bar.advance(task, count)  # noqa: E731
                in_processes(
                    run, _searched_apart, order, longest_first(claims), shared, take, on_step=step
                )
        else:
            _one_by_one(run, order, parts)
        alarm = print_spent(together(parts))
        if len(claims) > 1 or run.interrupted:
            run.print_sum()
        run.write((json_file, None), seed=seed, profile="falsify", false_alarm=alarm)
    raise typer.Exit(run.exit_code)


@dataclass(frozen=True)
class _Order:
    """What is to be searched and how: all that another process needs to know."""

    names: tuple[str, ...]
    mutant: str | None
    limit: int | None
    seconds: float | None
    seed: int
    database: Path | None
    folder: Path
    several: bool
    screen: Screen = field(default_factory=Screen.here)

    def claims(self) -> list[Claim]:
        """The claims that are meant, each with its share of the run's false-alarm probability."""
        claims = select(self.names)
        return self.shares(claims if self.mutant is None else select_mutants(claims, self.mutant))

    def shares(self, claims: list[Claim]) -> list[Claim]:
        """Half of what the run may spend for the fixed-size tests, half for those that are
        watched.
        """
        from theorems.checking.alarms import FAMILY, shared_out

        return shared_out(claims, self.limit or _MANY, family=FAMILY / 2)


class Found(NamedTuple):
    """What is left of a search: nothing that holds an instance."""

    entry: Record
    told: str
    spent: tuple[float, int] | None


def _search(claim: Claim, order: _Order, count: int) -> tuple[Search, float | None]:
    """The search of one of so many claims, and what watching it may cost."""
    from theorems.checking.alarms import FAMILY
    from theorems.checking.betting import watchable
    from theorems.checking.falsifying import Search

    watched = watchable(claim) and order.seconds is not None
    seconds = order.seconds / 2 if watched and order.seconds else order.seconds
    return Search(
        claim, order.seed, order.limit, seconds, None, order.database
    ), FAMILY / 2 / count if watched else None


def _one_by_one(run: Run, order: _Order, parts: list[tuple[float, int] | None]) -> None:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # drawn networks are small: with more threads they stall
    try:
        for claim in order.shares(run.claims):
            search, alarm = _search(claim, order, len(run.claims))
            with run, run.judging(claim):
                _run(search, alarm, bar=True)
            if search.instances and claim.name not in run.entries:  # nothing was raised
                # also if it was interrupted: so far it is a search of that many instances
                found = _told(search, order)
                out.file.write(found.told)
                parts.append(found.spent)
                run.add(found.entry)
            if run.interrupted:
                break
    finally:
        torch.set_num_threads(threads)


def _searched_apart(order: _Order, at: int, step: Callable[[], None]) -> Found | Raised:
    """Search for a refutation of one of the claims in a process of its own."""
    order.screen.take()

    def judge(claim: Claim) -> Found:
        search, alarm = _search(claim, order, len(claims_of(order)))
        search.on_instance = lambda _: step()
        _run(search, alarm)
        return _told(search, order)

    return judged_by(order, at, judge)


def _told(search: Search, order: _Order) -> Found:
    """Print what was found into a string; a refutation becomes a script."""
    from theorems.checking.alarms import spent
    from theorems.evidence.file import record
    from theorems.verdict import Outcome

    seen = search.evidence
    with out.capture() as text:
        _print(search, order.several)
        if seen.outcome is Outcome.REFUTED and seen.worst is not None:
            keep_counterexample(seen, order.seed, order.folder)
    return Found(record(seen), text.get(), spent([seen]))


def _run(search: Search, alarm: float | None, *, bar: bool = False) -> None:
    """Search, and bet against the claim for as long again where that is possible: ``alarm`` is what
    it may cost.
    """
    from theorems.checking.betting import watch
    from theorems.evidence.refutations import require_repeatable
    from theorems.verdict import Outcome

    claim = search.claim
    with (
        searching(claim.name, search.examples, search.seconds)
        if bar
        else nullcontext(search.on_instance) as show
    ):
        search.on_instance = show
        search.run()
    require_repeatable(search.evidence)
    if (
        alarm is not None
        and search.seconds is not None
        and search.evidence.outcome is not Outcome.REFUTED
    ):
        with err.status(f"betting against {claim.name}"):
            watch(search.evidence, seconds=search.seconds, seed=search.seed, alarm=alarm)


def _print(search: Search, several: bool) -> None:
    from theorems.evidence.tables import shown
    from theorems.verdict import Outcome

    seen = search.evidence
    again = (
        f"theorems falsify {spelled(seen.claim)} --examples {search.instances} --seed {search.seed}"
    )
    phases = ", ".join(f"{phase} {count}" for phase, count in search.searched.items())
    out.print(f"[bold]{seen.claim.name}[/]: {shown(seen)}", highlight=False)
    out.print(f"  {seen.earned}", highlight=False)
    reason = seen.untried or (seen.worst.context.get("reason") if seen.worst is not None else None)
    if seen.outcome is Outcome.UNDECIDED and reason:
        out.print(f"  open: {escape(str(reason))}", highlight=False)
    out.print(
        f"  searched {search.instances} instances ({seen.distinct} different) in "
        f"{seen.seconds:.1f} s: {phases}",
        highlight=False,
    )
    if seen.ratios:
        out.print(
            f"  nearest to its bound: residual/bound {search.worst_ratio:.3g}", highlight=False
        )
    if seen.watched is not None:
        _, verdict, alarm = seen.watched
        out.print(
            f"  watched {verdict.context['replicates']} replicates of the instance nearest to "
            f"refutation: betting against the claim made {math.exp(verdict.measured):.3g} of 1, "
            f"and {math.exp(verdict.bound):.3g} would refute it at level {alarm:.2g}",
            highlight=False,
        )
    out.print(f"  the same search again: {again}" + ("\n" if several else ""), highlight=False)
