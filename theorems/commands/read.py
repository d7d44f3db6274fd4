"""``theorems list`` and ``theorems show``: the catalogue, to be read."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape

from theorems.commands.console import select
from theorems.commands.terminal import line_width, out


def list_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="claims, or FILE.py; all by default")
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="as JSON on standard output, with statements, hypotheses and mutants")
    ] = False,
) -> None:
    """List the catalogue, or the claims of a file of yours."""
    from theorems.evidence.tables import claim_lines, listed

    asked = [name for name in names or [] if not (as_json and name == "-")]
    claims = select(asked)
    if as_json:
        content = {"schema": 1, "claims": [listed(claim) for claim in claims]}
        out.file.write(json.dumps(content, indent=2) + "\n")
        return
    for line in claim_lines(claims, line_width()):
        out.print(line, soft_wrap=True)


def show_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a claim, by name or glob, or FILE.py:CLAIM")],
) -> None:
    """Show one claim: statement, hypotheses, source, mutants."""
    from theorems.catalogue import CORRECTED
    from theorems.identities import IDENTITIES, NO_IDENTITY

    for claim in select([name], on_model=True):
        out.print(f"[bold]{claim.name}[/]  expected {claim.expected.name}", highlight=False)
        out.print(f"{escape(claim.source.label)} \\[{claim.tag}]\n", highlight=False)
        if claim.name in CORRECTED:
            out.print(
                f"corrected by [bold]{CORRECTED[claim.name]}[/]; see theorems errata {claim.name}\n", highlight=False
            )
        out.print(escape(claim.statement), highlight=False)
        out.print("\n[bold]hypotheses[/]")
        if not claim.hypotheses:
            out.print("  none", highlight=False)
        for title, hypothesis in claim.hypotheses.items():
            how = "checked" if hypothesis.check is not None else "not checkable; dropping it is refuted"
            out.print(f"  {escape(title)} ({how})", highlight=False)
        out.print("\n[bold]mutants[/] that must be refuted")
        if not claim.mutants:
            out.print("  none: nothing says that a wrong statement would have been caught", highlight=False)
        for title in claim.mutants:
            out.print(f"  {escape(title)}", highlight=False)
        for title, why in (("identity", IDENTITIES), ("no identity", NO_IDENTITY)):
            if claim.name in why:
                out.print(f"\n[bold]{title}[/]: {escape(why[claim.name])}", highlight=False)
