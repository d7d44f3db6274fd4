"""`render`: an evidence file as one HTML page that needs nothing else, no network least of all."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from theorems.impl.errors import InputError
from theorems.report import figures
from theorems.report.earned import earned
from theorems.report.evidence import GRADES, STANDINGS, Run, size_of
from theorems.report.graph import WIDTH, draw
from theorems.report.readers import for_readers


@dataclass(frozen=True)
class Picture:
    """A picture of a paper.

    Args:
        name: what ``theorems plot`` knows it by.
        caption: one sentence.
        data: the file.
        media: its type.
        command: what draws it; by default ``theorems plot``.
    """

    name: str
    caption: str
    data: bytes
    media: str = "image/svg+xml"
    command: str = ""

    @property
    def url(self) -> str:
        """The picture within the page; an SVG in an ``img`` runs no script and loads nothing."""
        return f"data:{self.media};base64,{base64.b64encode(self.data).decode('ascii')}"


def render(
    evidence: Mapping[str, Any], *, pictures: Mapping[str, Sequence[Picture]] | None = None
) -> str:
    """The report of a run as one self-contained HTML page.

    Made of the evidence alone: what the file does not have is said to be missing, nothing is looked
    up. Text in the file is text on the page: markup in names, reasons or instances is shown, not
    obeyed.

    Args:
        evidence: the parsed JSON that ``theorems check --json`` writes (schema 1).
        pictures: for each arXiv id, the pictures to show with that paper.

    Raises:
        InputError: if the evidence is not of schema 1 (what is missing, or of the wrong kind, and
            where); if the packages that make the page are not installed.
    """
    run = Run(evidence)
    require_packages()
    from theorems.report.statements import code, statement

    page = _environment().get_template("page.html.jinja")
    names = frozenset(run.names)
    script = _asset("script.js")
    return page.render(
        run=run,
        link=partial(code, names=names),
        grades=GRADES,
        standings=STANDINGS,
        pictures=pictures or {},
        graphs={
            arxiv: draw([c.name for c in claims], run.relations)
            for arxiv, claims in run.papers.items()
        },
        box_width=WIDTH,
        histogram=figures.histogram,
        strip=figures.strip,
        size_of=size_of,
        earned_by=earned,
        statement_of=lambda claim: statement(
            for_readers(claim.statement or claim.summary or ""), names
        ),
        style=Markup(_asset("style.css")),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )


def require_packages() -> None:
    """Make sure that the packages which make the page are installed.

    Raises:
        InputError: if one is not; the message names it.
    """
    try:
        from theorems.report.statements import formula, statement

        _environment()
        formula("x", block=False)
        statement("x")
    except ImportError as error:
        raise InputError(
            f"the report needs {error.name}: pip install 'theorems[report]'"
        ) from error


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from theorems.report.statements import code, words

    environment = Environment(
        loader=PackageLoader("theorems.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": figures.number,
        "duration": figures.duration,
        "name": code,
        "words": words,
    }
    return environment


def _asset(name: str) -> str:
    return (files("theorems.report") / "templates" / name).read_text(encoding="utf-8")
