"""``theorems badges``: badges of an evidence file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from theorems.commands.terminal import out


def badges_command(
    evidence: Annotated[
        Path,
        typer.Argument(
            metavar="EVIDENCE.json",
            help="written by `check --json` or the plugin; - reads it from standard input",
        ),
    ],
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="where the badges go")
    ] = Path("badges"),
) -> None:
    """Write badges: per claim, per paper and for the whole suite, as SVG and as shields endpoint
    JSON.
    """
    from theorems.evidence.badges import write_badges
    from theorems.evidence.file import read

    made = write_badges(read(evidence), folder)
    out.print(
        f"wrote {len(made)} badges to {folder}: {made[0].label}: {made[0].message}", highlight=False
    )
