"""``theorems errata``: what is false as stated, a counterexample, and what holds in its place."""

from __future__ import annotations

import difflib
import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from theorems.commands.console import EXIT_EXPECTED, EXIT_UNEXPECTED, require_writable, write_json
from theorems.commands.terminal import Target, err, out
from theorems.evidence.file import versions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from theorems.errata import Erratum
    from theorems.verdict import Verdict


def errata_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="of the statement or its corrected form, or a glob"
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="write them there as well; - is standard output"
        ),
    ] = None,
) -> None:
    """Show what is false as stated: statement, counterexample (run now), corrected form, how to
    reproduce.
    """
    import torch

    from theorems.verdict import Outcome

    chosen = _select(names or [])
    require_writable(json_file)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    records, as_expected = [], True
    try:
        for erratum in chosen:
            with err.status(f"running the counterexample to {erratum.name}"):
                stated, corrected = erratum.run()
            as_expected &= (
                stated.outcome is Outcome.REFUTED and corrected.outcome is not Outcome.REFUTED
            )
            records.append(_record(erratum, stated, corrected))
            with Target(json_file).alone():
                out.print(_shown(erratum, stated, corrected), highlight=False)
    finally:
        torch.set_num_threads(threads)
    if json_file is not None:
        content = {"schema": 1, "versions": versions(), "errata": records}
        write_json(json_file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    raise typer.Exit(EXIT_EXPECTED if as_expected else EXIT_UNEXPECTED)


def _select(names: Iterable[str]) -> list[Erratum]:
    from theorems.errata import ERRATA
    from theorems.impl.errors import InputError

    known = {name: e for e in ERRATA for name in (e.name, e.corrected.name)}
    wanted: list[str] = []
    for name in names:
        some = [e.name for known_name, e in known.items() if fnmatchcase(known_name, name)]
        if not some:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = (
                f"; did you mean {near[0]}?"
                if near
                else f"; there are {', '.join(e.name for e in ERRATA)}"
            )
            raise InputError(f"expected the name of a claim with an erratum, got {name!r}{hint}")
        wanted += some
    return [e for e in ERRATA if e.name in wanted or not wanted]


def _shown(erratum: Erratum, stated: Verdict, corrected: Verdict) -> Group:
    """One erratum for a terminal."""
    source = erratum.stated.source
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("where", f"arXiv:{source.arxiv}, {escape(source.where)}")
    grid.add_row(
        "as stated" if not erratum.is_misprint else "as printed",
        f"[red]{escape(erratum.printed)}[/]",
    )
    grid.add_row("corrected", f"[green]{escape(erratum.correct)}[/]")
    grid.add_row("", f"[dim]claim[/] {erratum.corrected.name}")
    grid.add_row("why", escape(erratum.why))
    grid.add_row("verdict", _verdict(stated))
    grid.add_row("beside it", _verdict(corrected))
    grid.add_row(
        "command",
        escape(erratum.command) + ("  [dim](among its mutants)[/]" if erratum.is_misprint else ""),
    )
    script = Syntax(
        erratum.script, "python", theme="ansi_dark", background_color="default", word_wrap=True
    )
    return Group(
        Rule(f"[bold]{erratum.stated.name}[/]", align="left"), grid,
        Text("Python", style="bold"), Padding(script, (0, 0, 1, 2)),
    )  # fmt: skip


def _verdict(verdict: Verdict) -> str:
    """Outcome, grade and figures, a line each; residual and bound of a series or a slope speak
    through the context.
    """
    from theorems.evidence.tables import STYLE

    grade = f" ({verdict.grade.name})" if verdict.grade is not None else ""
    lines = [f"[{STYLE[verdict.outcome]}]{verdict.outcome.name}[/]{grade} {escape(verdict.claim)}"]
    if verdict.grade is not None:
        lines.append(f"residual {verdict.measured:.4g}, bound {verdict.bound:.4g}")
    lines += [
        f"[dim]{escape(name)}:[/] {escape(_text(value))}" for name, value in verdict.context.items()
    ]
    return "\n".join(lines)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{key:g} → {item}" if isinstance(key, float) else f"{key} → {item}"
            for key, item in value.items()
        )
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _record(erratum: Erratum, stated: Verdict, corrected: Verdict) -> dict[str, Any]:
    def told(verdict: Verdict) -> dict[str, Any]:
        return {
            "outcome": verdict.outcome.name,
            "grade": None if verdict.grade is None else verdict.grade.name,
            "measured": f"{verdict.measured:.6g}",
            "bound": f"{verdict.bound:.6g}",
            "context": {name: _text(value) for name, value in verdict.context.items()},
        }

    return {
        "name": erratum.name,
        "corrected_by": erratum.corrected.name,
        "misprint": erratum.is_misprint,
        "arxiv": erratum.stated.source.arxiv,
        "where": erratum.stated.source.where,
        "printed": erratum.printed,
        "correct": erratum.correct,
        "why": erratum.why,
        "stated": told(stated),
        "corrected": told(corrected),
        "command": erratum.command,
        "script": erratum.script,
    }
