"""``theorems plot``: a picture of what a claim is about."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from theorems.commands.terminal import err, out
from theorems.files import replace_file, require_target


def plot_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="a picture; `theorems plot list` names them")
    ],
    file: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="PNG, SVG or PDF")
    ] = Path("picture.png"),
) -> None:
    """Draw a picture of what a claim is about."""
    from theorems.impl.errors import InputError

    try:
        from theorems.pictures import PICTURES
    except ImportError as error:
        raise InputError("pictures need matplotlib: pip install 'theorems[report]'") from error
    if name == "list":
        from theorems.statements import first_paragraph

        for title, picture in PICTURES.items():
            out.print(f"{title}: {first_paragraph(picture.__doc__ or '')}", highlight=False)
        return
    if name not in PICTURES:
        raise InputError(f"expected one of the pictures {', '.join(PICTURES)}, got {name!r}")
    if file.suffix not in (".png", ".svg", ".pdf"):
        raise InputError(f"expected a .png, .svg or .pdf file, got {str(file)!r}")
    require_target(file, "--output")
    import torch

    # what is integrated and trained for a picture is small: with more threads it stalls
    torch.set_num_threads(1)
    with err.status(f"drawing {name}"):
        drawn = io.BytesIO()
        PICTURES[name](0).savefig(drawn, dpi=160, format=file.suffix[1:])
    replace_file(file, drawn.getvalue())
    out.print(f"wrote {file}", highlight=False)
