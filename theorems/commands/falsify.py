"""``theorems falsify``: search hard for a refutation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from theorems.commands.console import header, require_writable, seed_option
from theorems.commands.refutations import DEFAULT, keep_counterexample, print_alarm, require_folder
from theorems.commands.running import Run
from theorems.commands.selection import select, select_mutants, spelled
from theorems.commands.terminal import Target, err, out, searching

if TYPE_CHECKING:
    from theorems.searching.falsifying import Search


_MANY = 100_000
"""Statistical verdicts for which a search without a limit provides."""


def falsify_command(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="claims, by name or glob, or FILE.py[:CLAIM]")],
    examples: Annotated[int | None, typer.Option(min=1, help="instances per claim at most [default: 2000]")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.001, help="time per claim at most")] = None,
    seed: Annotated[int, seed_option("of the search")] = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the evidence there; - is standard output")
    ] = None,
    mutant: Annotated[
        str | None, typer.Option(metavar="NAME", help="search this wrong variant of the claims, by name or glob")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--counterexamples", metavar="DIR", help="for scripts [default: counterexamples/]")
    ] = None,
    database: Annotated[
        Path | None, typer.Option(metavar="DIR", help="keep refuting instances there and try those first")
    ] = None,
) -> None:
    """Search hard for a refutation: at random, aimed at the bound, in structured corners, around the worst instance."""
    import torch

    from theorems.evidence.file import record
    from theorems.relations.alarms import FAMILY, shared_out
    from theorems.searching.betting import watchable
    from theorems.searching.falsifying import Search
    from theorems.verdict import Outcome

    claims = select(names)
    if mutant is not None:
        claims = select_mutants(claims, mutant)
    require_writable(json_file)
    folder = DEFAULT if folder is None else folder
    require_folder(folder, "--counterexamples")
    require_folder(database, "--database")
    limit = examples if examples is not None or seconds is not None else 2000
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # drawn networks are small: with more threads they stall
    done: list[Search] = []
    run = Run(claims)
    with Target(json_file).alone():
        header(seed, None)
        try:
            # half of the run's false-alarm probability for the fixed-size tests, half for those that are watched
            for claim in shared_out(claims, limit or _MANY, family=FAMILY / 2):
                watched = watchable(claim) and seconds is not None
                search = Search(claim, seed, limit, seconds / 2 if watched and seconds else seconds, None, database)
                with run, run.judging(claim):
                    _run(search, FAMILY / 2 / len(claims) if watched else None)
                if search.instances and claim.name not in run.entries:  # nothing was raised
                    done.append(search)  # also if it was interrupted: so far it is a search of that many instances
                    _print(search, len(claims) > 1)
                    if search.evidence.outcome is Outcome.REFUTED and search.evidence.worst is not None:
                        keep_counterexample(search.evidence, seed, folder)
                    run.add(record(search.evidence))
                if run.interrupted:
                    break
        finally:
            torch.set_num_threads(threads)
        alarm = print_alarm([search.evidence for search in done])
        if len(claims) > 1 or run.interrupted:
            run.print_sum()
        run.write((json_file, None), seed=seed, profile="falsify", false_alarm=alarm)
    raise typer.Exit(run.exit_code)


def _run(search: Search, alarm: float | None) -> None:
    """Search, and bet against the claim for as long again where that is possible: ``alarm`` is what it may cost."""
    from theorems.evidence.refutations import require_repeatable
    from theorems.searching.betting import watch
    from theorems.verdict import Outcome

    claim = search.claim
    with searching(claim.name, search.examples, search.seconds) as show:
        search.on_instance = show
        search.run()
    require_repeatable(search.evidence)
    if alarm is not None and search.seconds is not None and search.evidence.outcome is not Outcome.REFUTED:
        with err.status(f"betting against {claim.name}"):
            watch(search.evidence, seconds=search.seconds, seed=search.seed, alarm=alarm)


def _print(search: Search, several: bool) -> None:
    from theorems.evidence.tables import shown
    from theorems.verdict import Outcome

    seen = search.evidence
    again = f"theorems falsify {spelled(seen.claim)} --examples {search.instances} --seed {search.seed}"
    phases = ", ".join(f"{phase} {count}" for phase, count in search.searched.items())
    out.print(f"[bold]{seen.claim.name}[/]: {shown(seen)}", highlight=False)
    out.print(f"  {seen.earned}", highlight=False)
    reason = seen.untried or (seen.worst.context.get("reason") if seen.worst is not None else None)
    if seen.outcome is Outcome.UNDECIDED and reason:
        out.print(f"  open: {escape(str(reason))}", highlight=False)
    out.print(
        f"  searched {search.instances} instances ({seen.distinct} different) in {seen.seconds:.1f} s: {phases}",
        highlight=False,
    )
    if seen.ratios:
        out.print(f"  nearest to its bound: residual/bound {search.worst_ratio:.3g}", highlight=False)
    if seen.watched is not None:
        _, verdict, alarm = seen.watched
        out.print(
            f"  watched {verdict.context['replicates']} replicates of the instance nearest to refutation: betting against the claim made "
            f"{math.exp(verdict.measured):.3g} of 1, and {math.exp(verdict.bound):.3g} would refute it at level {alarm:.2g}",
            highlight=False,
        )
    out.print(f"  the same search again: {again}" + ("\n" if several else ""), highlight=False)
