"""``theorems falsify``: search hard for a refutation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from theorems.commands.console import (
    exit_code,
    header,
    out,
    print_counterexample,
    require_writable,
    searching,
    select,
    write_evidence,
)

if TYPE_CHECKING:
    from theorems.falsifying import Search


def falsify_command(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="claims, by name or glob")],
    examples: Annotated[int | None, typer.Option(min=1, help="instances per claim at most [default: 2000]")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.001, help="time per claim at most")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="of the search")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write the evidence there")] = None,
) -> None:
    """Search hard for a refutation: at random, aimed at the bound, in structured corners, around the worst instance."""
    import torch

    from theorems.falsifying import falsify
    from theorems.verdict import Outcome

    claims = select(names)
    require_writable(json_file)
    header(seed, None)
    limit = examples if examples is not None or seconds is not None else 2000
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # drawn networks are small: with more threads they stall
    done = []
    try:
        for claim in claims:
            with searching(claim.name, limit, seconds) as show:
                search = falsify(claim, examples=limit, seconds=seconds, seed=seed, on_instance=show)
            done.append(search)
            _print(search, len(claims) > 1)
            if search.evidence.outcome is Outcome.REFUTED and search.evidence.worst is not None:
                print_counterexample(search.evidence.worst)
    finally:
        torch.set_num_threads(threads)
    write_evidence(json_file, seed, "falsify", (search.evidence.record() for search in done))
    raise typer.Exit(exit_code((s.evidence.outcome, s.claim.expected) for s in done))


def _print(search: Search, several: bool) -> None:
    from theorems.tables import shown

    seen = search.evidence
    again = f"theorems falsify {seen.claim.name} --examples {search.instances} --seed {search.seed}"
    phases = ", ".join(f"{phase} {count}" for phase, count in search.searched.items())
    out.print(f"[bold]{seen.claim.name}[/]: {shown(seen)}", highlight=False)
    out.print(f"  {seen.earned}", highlight=False)
    out.print(
        f"  searched {search.instances} instances ({seen.distinct} different) in {seen.seconds:.1f} s: {phases}",
        highlight=False,
    )
    if seen.ratios:
        out.print(f"  nearest to its bound: residual/bound {search.worst_ratio:.3g}", highlight=False)
    out.print(f"  the same search again: {again}" + ("\n" if several else ""), highlight=False)
