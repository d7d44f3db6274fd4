"""``theorems list`` and ``theorems show``: the catalogue, to be read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from theorems.commands.selection import matching
from theorems.commands.terminal import line_width, out

if TYPE_CHECKING:
    from theorems.checking.records import Record


def list_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="claims, or FILE.py; all by default"),
    ] = None,
    *,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="as JSON on standard output, with statements, hypotheses and mutants"
        ),
    ] = False,
) -> None:
    """List the catalogue, or the claims of a file of yours."""
    from theorems.evidence import contents

    asked = [name for name in names or [] if not (as_json and name == "-")]
    claims = _records(asked, on_model=False)
    if as_json:
        out.file.write(json.dumps({"schema": 1, "claims": claims}, indent=2) + "\n")
        return
    for line in contents.claim_lines(claims, line_width()):
        out.print(line, soft_wrap=True)


def _records(names: Iterable[str], *, on_model: bool) -> list[Record]:
    """What is known of the claims that are meant; those of the catalogue are not imported for
    it.
    """
    from theorems.evidence.contents import contents, listed

    def stated(name: str) -> list[Record]:
        from theorems.loading import load_claims

        return [listed(claim) for claim in load_claims(name)]

    precondition, claims = contents()
    pool = {claim["name"]: claim for claim in ([precondition, *claims] if on_model else claims)}
    return matching(names, pool, stated)


def show_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="a claim, by name or glob, or FILE.py:CLAIM")
    ],
) -> None:
    """Show one claim: statement, hypotheses, source, mutants."""
    from theorems.identities import IDENTITIES, NO_IDENTITY
    from theorems.related import RELATED

    corrected = {first: second for first, how, second in RELATED if how == "corrected by"}
    for claim in _records([name], on_model=True):
        called, where = claim["name"], claim["where"]
        label = f"arXiv:{claim['arxiv']}, {where}" if claim["arxiv"] else where
        out.print(f"[bold]{called}[/]  expected {claim['expected']}", highlight=False)
        out.print(f"{escape(label)} \\[{claim['tag']}]\n", highlight=False)
        if called in corrected:
            out.print(
                f"corrected by [bold]{corrected[called]}[/]; see theorems errata {called}\n",
                highlight=False,
            )
        out.print(escape(claim["statement"]), highlight=False)
        out.print("\n[bold]hypotheses[/]")
        if not claim["hypotheses"]:
            out.print("  none", highlight=False)
        for hypothesis in claim["hypotheses"]:
            how = "checked" if hypothesis["checked"] else "not checkable; dropping it is refuted"
            out.print(f"  {escape(hypothesis['name'])} ({how})", highlight=False)
        out.print("\n[bold]mutants[/] that must be refuted")
        if not claim["mutants"]:
            out.print(
                "  none: nothing says that a wrong statement would have been caught",
                highlight=False,
            )
        for title in claim["mutants"]:
            out.print(f"  {escape(title)}", highlight=False)
        for title, why in (("identity", IDENTITIES), ("no identity", NO_IDENTITY)):
            if called in why:
                out.print(f"\n[bold]{title}[/]: {escape(why[called])}", highlight=False)
