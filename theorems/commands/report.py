"""``theorems report``: an evidence file as one HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from theorems.commands.terminal import err, out
from theorems.files import replace_file, require_target


def report_command(
    evidence: Annotated[Path, typer.Argument(metavar="EVIDENCE.json", help="what `theorems check --json` wrote")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="the page")] = Path("report.html"),
    *,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="draw the pictures of the papers too, a few seconds each")
    ] = True,
) -> None:
    """Make one self-contained HTML page of an evidence file."""
    require_target(output, "--output")
    write_report(output, read_evidence(evidence), pictures=pictures)
    out.print(f"wrote {output}", highlight=False)


def read_evidence(path: Path) -> Any:
    """Parse an evidence file.

    Raises:
        InputError: if there is no such file, or it holds no JSON.
    """
    from theorems.impl.errors import InputError, require

    require(
        path.is_file(), f"expected an evidence file, got {str(path)!r}; write one with `theorems check --json {path}`"
    )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not UTF-8 is one too
        raise InputError(f"expected JSON in {str(path)!r}, got: {error}") from error


def write_report(path: Path, evidence: Mapping[str, Any], *, pictures: bool) -> None:
    """Write the page of some evidence, with the pictures of its papers or without.

    Raises:
        InputError: if the evidence cannot be read, or what the page or the pictures need is not installed.
    """
    from theorems.report import render
    from theorems.report.evidence import Run
    from theorems.report.gallery import gallery

    papers = Run(evidence).papers
    with err.status("drawing") as status:
        drawn = gallery(papers, on_picture=lambda name: status.update(f"drawing {name}")) if pictures else {}
        status.update("writing the page")
        replace_file(path, render(evidence, pictures=drawn))
