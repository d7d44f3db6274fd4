"""The directive ``errata``: what is false as stated, from `theorems.errata`, with the verdicts of a
run that is on file.

Some counterexamples take real training steps for half a minute, so the page shows what ``theorems
errata --json docs/errata.json`` wrote. A text or script that has changed since is a warning, hence
an error of the build.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claim_pages import plain
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from theorems.errata import ERRATA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

    from theorems.errata import Erratum

_LOGGER = logging.getLogger(__name__)
ON_FILE = Path(__file__).parent.parent / "errata.json"


class Errata(SphinxDirective):
    """A section per erratum."""

    def run(self) -> list[nodes.Node]:
        """Sections, in the order of the catalogue."""
        self.env.note_dependency(str(ON_FILE))
        kept = {
            entry["name"]: entry
            for entry in json.loads(ON_FILE.read_text(encoding="utf-8"))["errata"]
        }
        out: list[nodes.Node] = []
        for erratum in ERRATA:
            entry = kept.get(erratum.name, {})
            changed = [key for key, value in _said(erratum).items() if entry.get(key) != value]
            if changed:
                _LOGGER.warning(
                    "%s of %s changed since docs/errata.json was written: run theorems "
                    "errata --json docs/errata.json",
                    ", ".join(changed),
                    erratum.name,
                    location=self.get_location(),
                    type="errata",
                )
                continue
            title = nodes.title("", "", nodes.literal("", erratum.name))
            section = nodes.section(
                "", title, ids=[erratum.name], names=[erratum.name], classes=["claim"]
            )
            lines = "\n".join(_lines(erratum, entry)).splitlines()
            items = [(f"erratum {erratum.name}", i) for i in range(len(lines))]
            self.state.nested_parse(StringList(lines, items=items), 0, section)
            out.append(section)
        return out


def _said(erratum: Erratum) -> dict[str, str]:
    return {
        key: getattr(erratum, key) for key in ("printed", "correct", "why", "command", "script")
    }


def _lines(erratum: Erratum, entry: dict[str, Any]) -> Iterator[str]:
    yield f"{'As printed' if erratum.is_misprint else 'As stated'}\n    {plain(erratum.printed)}\n"
    yield f"Correct\n    {plain(erratum.correct)}\n"
    yield f"Why\n    {plain(erratum.why)}\n"
    yield (
        f"Where\n    arXiv:{entry['arxiv']}, {plain(entry['where'])}; the claim that holds is "
        f"`{erratum.corrected.name}`\n"
    )
    yield f"Found by\n    ``{erratum.command}``\n"
    yield (
        ".. code-block:: python\n\n"
        + "\n".join(f"   {line}" for line in erratum.script.splitlines())
        + "\n"
    )
    for title, verdict in (
        ("What was stated", entry["stated"]),
        ("What holds", entry["corrected"]),
    ):
        told = (
            [f"residual {verdict['measured']}, bound {verdict['bound']}"]
            if verdict["grade"]
            else []
        )
        told += [f"{name}: {value}" for name, value in verdict["context"].items()]
        grade = f" ({verdict['grade']})" if verdict["grade"] else ""
        yield f"{title}\n    **{verdict['outcome']}**{grade}\n"
        yield from (f"    * {plain(line)}" for line in told)
        yield ""


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_directive("errata", Errata)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
