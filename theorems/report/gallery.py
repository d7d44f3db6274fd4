"""The pictures of the papers, drawn for the page."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from theorems.impl.errors import InputError
from theorems.report.page import Picture
from theorems.statements import first_paragraph


def gallery(
    papers: Iterable[str], *, seed: int = 0, on_picture: Callable[[str], None] | None = None
) -> dict[str, list[Picture]]:
    """Draw every picture of the papers (a few seconds each), as ``theorems plot`` would.

    Args:
        papers: arXiv ids; one without pictures has none here.
        seed: of what the pictures show.
        on_picture: called with each picture's name before it is drawn.

    Raises:
        InputError: if matplotlib, or data that a picture shows, is not installed.
    """
    try:
        import matplotlib as mpl

        from theorems.pictures import BY_PAPER
    except ImportError as error:
        raise InputError(
            f"the pictures need {error.name}: pip install 'theorems[report]', or leave them out"
        ) from error
    drawn: dict[str, list[Picture]] = {}
    for paper in papers:
        for name, draw in BY_PAPER.get(paper, {}).items():
            if on_picture is not None:
                on_picture(name)
            buffer = io.BytesIO()
            with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
                draw(seed).savefig(buffer, format="svg", metadata={"Date": None})
            caption = first_paragraph(draw.__doc__ or name)
            drawn.setdefault(paper, []).append(Picture(name, caption, buffer.getvalue()))
    return drawn


def experiment_pictures(evidence: Mapping[str, Any]) -> dict[str, list[Picture]]:
    """The figures of the experiments of an evidence file, by paper: made of the file, nothing is
    trained.
    """
    drawn: dict[str, list[Picture]] = {}
    for entry in evidence["claims"]:
        told = entry.get("experiment")
        if told:
            from theorems.experiments.figures import rendered

            caption = entry.get("summary") or entry["name"]
            command = (
                f"theorems experiment {entry['name']} --seed {evidence['seed']} --scale "
                f"{told['scale']} -o DIR"
            )
            made = Picture(f"experiment-{entry['name']}", caption, rendered(entry), command=command)
            drawn.setdefault(entry["arxiv"], []).append(made)
    return drawn
