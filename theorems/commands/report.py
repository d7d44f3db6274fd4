"""``theorems report``: an evidence file as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from theorems.commands.terminal import err, out
from theorems.files import replace_file, require_target


def report_command(
    evidence: Annotated[
        Path,
        typer.Argument(
            metavar="EVIDENCE.json",
            help="what `theorems check --json` wrote; - reads it from standard input",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="the page")] = Path(
        "report.html"
    ),
    *,
    pictures: Annotated[
        bool,
        typer.Option(
            "--pictures/--no-pictures",
            help="draw the pictures of the papers too, a few seconds each",
        ),
    ] = True,
) -> None:
    """Make one self-contained HTML page of an evidence file."""
    from theorems.evidence.file import parsed

    require_target(output, "--output")
    write_report(output, parsed(evidence), pictures=pictures)
    out.print(f"wrote {output}", highlight=False)


def write_report(path: Path, evidence: Mapping[str, Any], *, pictures: bool) -> None:
    """Write the page of some evidence, with the pictures of its papers or without.

    Raises:
        InputError: if the evidence cannot be read, or what the page or the pictures need is not
            installed.
    """
    from theorems.report import render
    from theorems.report.evidence import Run
    from theorems.report.gallery import experiment_pictures, gallery

    papers = Run(evidence).papers
    with err.status("drawing") as status:
        drawn = (
            gallery(papers, on_picture=lambda name: status.update(f"drawing {name}"))
            if pictures
            else {}
        )
        for paper, figures in (experiment_pictures(evidence) if pictures else {}).items():
            drawn[paper] = [*drawn.get(paper, []), *figures]
        status.update("writing the page")
        replace_file(path, render(evidence, pictures=drawn))
