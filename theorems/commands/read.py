"""``theorems list`` and ``theorems show``: the catalogue, to be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
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
    experiments: Annotated[
        bool,
        typer.Option("--experiments", help="the experiments on trained networks in place of it"),
    ] = False,
) -> None:
    """List the catalogue, or the claims of a file of yours; or the experiments."""
    from theorems.evidence import contents

    asked = [name for name in names or [] if not (as_json and name == "-")]
    claims = _experiments(asked) if experiments else _records(asked, on_model=False)
    if as_json:
        what = "experiments" if experiments else "claims"
        out.file.write(json.dumps({"schema": 1, what: claims}, indent=2) + "\n")
        return
    for line in contents.claim_lines(claims, line_width()):
        out.print(line, soft_wrap=True)


def _records(
    names: Iterable[str], *, on_model: bool, besides: Sequence[Record] = ()
) -> list[Record]:
    """What is known of the claims that are meant; those of the catalogue are not imported for
    it.

    Args:
        names: what the user asked for.
        on_model: whether what every observation presupposes may be meant too.
        besides: what else may be meant.
    """
    from theorems.evidence.contents import contents, listed

    def stated(name: str) -> list[Record]:
        from theorems.loading import load_claims

        return [listed(claim) for claim in load_claims(name)]

    precondition, claims = contents()
    pool = {claim["name"]: claim for claim in ([precondition, *claims] if on_model else claims)}
    return matching(names, pool | {one["name"]: one for one in besides}, stated)


def _experiments(names: Iterable[str] = ()) -> list[Record]:
    """What is known of the experiments that are meant; of the file, unless they are being
    changed.
    """
    from theorems.evidence.contents import listed_experiments
    from theorems.impl.errors import InputError

    found = listed_experiments()
    if found is None:
        from theorems.experiments.contents import document

        found = document()["experiments"]

    def stated(name: str) -> list[Record]:
        raise InputError(
            f"expected the name of an experiment (see `theorems list --experiments`), got {name!r}"
        )

    return matching(names, {one["name"]: one for one in found}, stated)


def show_command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="a claim or an experiment, by name or glob, or FILE.py:CLAIM"
        ),
    ],
) -> None:
    """Show one claim: statement, hypotheses, source, mutants; of an experiment its protocol."""
    from theorems.identities import IDENTITIES, NO_IDENTITY
    from theorems.related import RELATED

    corrected = {first: second for first, how, second in RELATED if how == "corrected by"}
    for claim in _records([name], on_model=True, besides=_experiments()):
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
        if "experiment" in claim:
            _show_protocol(claim)
        else:
            _show_hypotheses(claim["hypotheses"])
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


def _show_hypotheses(hypotheses: Sequence[Record]) -> None:
    out.print("\n[bold]hypotheses[/]")
    if not hypotheses:
        out.print("  none", highlight=False)
    for hypothesis in hypotheses:
        how = "checked" if hypothesis["checked"] else "not checkable; dropping it is refuted"
        out.print(f"  {escape(hypothesis['name'])} ({how})", highlight=False)


def _show_protocol(claim: Record) -> None:
    """What an experiment has in place of hypotheses."""
    told = claim["experiment"]
    for title in ("reported", "protocol", "news"):
        if told[title]:
            out.print(f"\n[bold]{title}[/]\n{escape(told[title])}", highlight=False)
    out.print(f"\n[bold]margins[/] of the effects, in {escape(told['unit'])}", highlight=False)
    for part, margin in told["margins"].items():
        out.print(f"  {escape(part)}: {margin:g}", highlight=False)
    out.print("\n[bold]scales[/]")
    for scale, size in told["scales"].items():
        out.print(f"  {scale}: {size['replicates']} seeds, about {size['time']}", highlight=False)
    out.print(f"\nrun it: theorems experiment {claim['name']}", highlight=False)
