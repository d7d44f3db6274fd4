"""``theorems plot``: a picture of what a claim is about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from theorems.commands.console import err, out, require_writable


def plot_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a picture; `theorems plot list` names them")],
    file: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="PNG, SVG or PDF")] = Path("picture.png"),
) -> None:
    """Draw a picture of what a claim is about."""
    from impl.errors import InputError

    try:
        from theorems.pictures import PICTURES
    except ImportError as error:
        raise InputError("pictures need matplotlib: pip install 'theorems[report]'") from error
    if name == "list":
        for title, picture in PICTURES.items():
            out.print(f"{title}: {(picture.__doc__ or '').splitlines()[0]}", highlight=False)
        return
    if name not in PICTURES:
        raise InputError(f"expected one of the pictures {', '.join(PICTURES)}, got {name!r}")
    if file.suffix not in (".png", ".svg", ".pdf"):
        raise InputError(f"expected a .png, .svg or .pdf file, got {str(file)!r}")
    require_writable(file, "--output")
    import torch

    torch.set_num_threads(1)  # what is integrated and trained for a picture is small: with more threads it stalls
    with err.status(f"drawing {name}"):
        PICTURES[name](0).savefig(file, dpi=160)
    out.print(f"wrote {file}", highlight=False)
