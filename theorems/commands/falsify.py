"""``theorems falsify``: search hard for a refutation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from theorems.commands.console import (
    drawing,
    err,
    exit_code,
    header,
    out,
    require_writable,
    searching,
    seed_option,
    select,
    select_mutants,
    spelled,
    write_evidence,
)
from theorems.commands.refutations import DEFAULT, keep_counterexample, print_alarm, require_folder

if TYPE_CHECKING:
    from theorems.searching.falsifying import Search


_MANY = 100_000
"""Statistical verdicts for which a search without a limit provides."""


def falsify_command(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="claims, by name or glob, or FILE.py[:CLAIM]")],
    examples: Annotated[int | None, typer.Option(min=1, help="instances per claim at most [default: 2000]")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.001, help="time per claim at most")] = None,
    seed: Annotated[int, seed_option("of the search")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write the evidence there")] = None,
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

    from theorems.evidence.refutations import require_repeatable
    from theorems.relations.alarms import FAMILY, shared_out
    from theorems.relations.sequential import watchable
    from theorems.searching.betting import watch
    from theorems.searching.falsifying import falsify
    from theorems.verdict import Outcome

    claims = select(names)
    if mutant is not None:
        claims = select_mutants(claims, mutant)
    require_writable(json_file)
    folder = DEFAULT if folder is None else folder
    require_folder(folder, "--counterexamples")
    require_folder(database, "--database")
    header(seed, None)
    limit = examples if examples is not None or seconds is not None else 2000
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # drawn networks are small: with more threads they stall
    done = []
    try:
        # half of the run's false-alarm probability for the fixed-size tests, half for those that are watched
        for claim in shared_out(claims, limit or _MANY, family=FAMILY / 2):
            watched = watchable(claim) and seconds is not None
            with searching(claim.name, limit, seconds) as show, drawing(claim):
                half = seconds / 2 if watched and seconds is not None else seconds
                search = falsify(claim, examples=limit, seconds=half, seed=seed, on_instance=show, database=database)
            require_repeatable(search.evidence)
            done.append(search)
            if watched and half is not None and search.evidence.outcome is not Outcome.REFUTED:
                with err.status(f"betting against {claim.name}"), drawing(claim):
                    watch(search.evidence, seconds=half, seed=seed, alarm=FAMILY / 2 / len(claims))
            _print(search, len(claims) > 1)
            if search.evidence.outcome is Outcome.REFUTED and search.evidence.worst is not None:
                keep_counterexample(search.evidence, seed, folder)
    finally:
        torch.set_num_threads(threads)
    alarm = print_alarm([search.evidence for search in done])
    write_evidence(json_file, seed, "falsify", (search.evidence.record() for search in done), false_alarm=alarm)
    raise typer.Exit(exit_code((s.evidence.outcome, s.claim.expected) for s in done))


def _print(search: Search, several: bool) -> None:
    from theorems.evidence.tables import shown

    seen = search.evidence
    again = f"theorems falsify {spelled(seen.claim)} --examples {search.instances} --seed {search.seed}"
    phases = ", ".join(f"{phase} {count}" for phase, count in search.searched.items())
    out.print(f"[bold]{seen.claim.name}[/]: {shown(seen)}", highlight=False)
    out.print(f"  {seen.earned}", highlight=False)
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
