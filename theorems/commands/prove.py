"""``theorems prove``: decide claims for all sizes by normal forms, and show how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from theorems.commands.console import EXIT_UNDECIDED, EXIT_UNEXPECTED, require_writable
from theorems.commands.selection import select
from theorems.commands.terminal import Target, out

if TYPE_CHECKING:
    from theorems.claim import Claim
    from theorems.proving.proof import CaseProof, Part, Proof

_STYLES = {"proved": "green", "differs": "bold red", "not of this form": "dim"}


def prove_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="claims, by name or glob, or FILE.py[:CLAIM]"),
    ] = None,
    *,
    show: Annotated[
        bool,
        typer.Option(
            "--show", help="print the normal forms in index notation and in LaTeX, case by case"
        ),
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="write what was decided there; - is standard output"
        ),
    ] = None,
) -> None:
    """Decide claims for all sizes at once, by the normal forms of both sides; nothing is drawn."""
    from theorems.proving.deciding import decide

    claims = select(names or [])
    require_writable(json_file)
    target = Target(json_file)
    records, codes = [], [0]
    with target.alone():
        width = max(len(claim.name) for claim in claims)
        for claim in claims:
            proof = decide(claim)
            records.append(
                {
                    "name": claim.name,
                    **proof.record(),
                    "milliseconds": round(1000 * proof.seconds, 1),
                }
            )
            codes.append(_print(claim, proof, width, show=show))
    if json_file is not None:
        content = json.dumps({"schema": 1, "proofs": records}, indent=2) + "\n"
        target.write(content) if target.is_stdout else json_file.write_text(
            content, encoding="utf-8"
        )
    raise typer.Exit(_code(codes, several=len(claims) > 1))


def _code(codes: list[int], *, several: bool) -> int:
    """One false claim is enough for 1; a single claim that is not decided is 3, of several that is
    no news.
    """
    if EXIT_UNEXPECTED in codes:
        return EXIT_UNEXPECTED
    return 0 if several else max(codes)


def _print(claim: Claim, proof: Proof, width: int, *, show: bool) -> int:
    from theorems.verdict import Outcome

    style = _STYLES.get(proof.status, "yellow")
    time = f"{1000 * proof.seconds:.0f} ms"
    out.print(
        f"[bold]{claim.name.ljust(width)}[/]  [{style}]{proof.status.upper()}[/]  {time}  "
        f"{escape(proof.sentence)}",
        highlight=False,
        soft_wrap=True,
    )
    if show:
        for case in proof.cases:
            _print_case(case)
    if proof.refutable:
        refuted = _print_difference(claim, proof)
        if refuted and claim.expected is not Outcome.REFUTED:
            return EXIT_UNEXPECTED
        return 0 if refuted else EXIT_UNDECIDED
    return 0 if proof.proved else EXIT_UNDECIDED


def _print_case(case: CaseProof) -> None:
    from theorems.impl.symbolic.notation import latex, written

    out.print(f"  case: {escape(case.words)}", highlight=False)
    for part in case.parts:
        name = f"{part.name}: " if part.name else ""
        for side, value in (("observed", part.observed), ("predicted", part.predicted)):
            line = f"    {name}{side} = {written(value, case.shown)}"
            out.print(escape(line), highlight=False, soft_wrap=True)
            if side == "observed" or part.how != "equal":
                out.print(
                    escape(f"      LaTeX: {latex(value, case.shown)}"),
                    highlight=False,
                    soft_wrap=True,
                )
        out.print(f"    {escape(name)}{part.how}, {part.sign}", highlight=False)
    for relation in case.relations:
        out.print(escape(f"    uses {relation}"), highlight=False, soft_wrap=True)


def _print_difference(claim: Claim, proof: Proof) -> bool:
    """The monomials in which the sides differ, and an instance that refutes; whether one was
    found.
    """
    from theorems.proving.counterexamples import counterexample

    case, part = proof.refutable[0]
    label = f" of {part.name!r}" if part.name else ""
    for side, text in _only(part, case.shown) if part.how == "differs" else ():
        out.print(escape(f"  only {side}{label}: {text}"), highlight=False, soft_wrap=True)
    found = counterexample(claim, proof)
    if found is None:
        out.print(
            "  no small instance was found that refutes it: theorems falsify searches further",
            highlight=False,
        )
        return False
    sizes = ", ".join(map(str, found.sizes))
    out.print(
        f"  refuted at sizes {sizes} ({escape(found.case)}), by exact evaluation:", highlight=False
    )
    out.print(escape(f"  {found.verdict!r}".replace("\n", "\n  ")), highlight=False, soft_wrap=True)
    out.print(
        escape(f"  on {found.verdict.instance!r}".replace("\n", "\n  ")),
        highlight=False,
        soft_wrap=True,
    )
    return True


def _only(part: Part, shown: Mapping[str, str]) -> list[tuple[str, str]]:
    """What one side has and the other has not, monomial by monomial."""
    from theorems.impl.symbolic.notation import term_text

    gap = (part.observed - part.predicted).terms
    return [
        ("observed" if c > 0 else "predicted", term_text(t, abs(c), shown)) for t, c in gap.items()
    ]
