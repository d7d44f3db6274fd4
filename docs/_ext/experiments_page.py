"""The directive ``experiments``: what the papers say of trained networks and what came out, from
the evidence that is on file.

The page shows what ``theorems experiment --all --json docs/experiments.json`` wrote: nothing is
trained when the site is built. An experiment whose statement or protocol has changed since is a
warning, hence an error of the build.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claim_pages import plain
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from theorems.experiments import EXPERIMENTS
from theorems.experiments.experiment import wanting
from theorems.report.readers import for_readers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

    from theorems.experiments.experiment import Experiment

_LOGGER = logging.getLogger(__name__)
ON_FILE = Path(__file__).parent.parent / "experiments.json"


class Experiments(SphinxDirective):
    """A table of all of them; or, for the number of a paper, a section for each of its own."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table, or the sections, in the order of the catalogue."""
        self.env.note_dependency(str(ON_FILE))
        run = json.loads(ON_FILE.read_text(encoding="utf-8"))
        kept = {entry["name"]: entry for entry in run["claims"]}
        current = [one for one in EXPERIMENTS if self._is_current(one, kept.get(one.name))]
        if not self.arguments:
            return self._parsed("\n".join(_table(current, kept)), "experiments")
        own = [one for one in current if one.claim.source.arxiv == self.arguments[0]]
        if not own:
            raise self.error(f"expected a paper with experiments, got {self.arguments[0]!r}")
        return [self._section(one, kept[one.name]) for one in own]

    def _section(self, one: Experiment, entry: dict[str, Any]) -> nodes.section:
        title = nodes.title("", "", nodes.literal("", one.name))
        section = nodes.section("", title, ids=[one.name], names=[one.name], classes=["claim"])
        section += self._parsed("\n".join([*_lines(one, entry), *self._figure(entry)]), one.name)
        return section

    def _is_current(self, one: Experiment, entry: dict[str, Any] | None) -> bool:
        if entry is not None and not changed(one, entry):
            return True
        what = (
            "is missing from"
            if entry is None
            else f"has another {' and '.join(changed(one, entry))} in"
        )
        _LOGGER.warning(
            "%s %s docs/experiments.json: run theorems experiment --all --json "
            "docs/experiments.json",
            one.name,
            what,
            location=self.get_location(),
            type="experiments",
        )
        return False

    def _figure(self, entry: dict[str, Any]) -> list[str]:
        folder = self.env.config.pictures_folder
        if not folder:
            return []
        from theorems.experiments.figures import rendered

        target = Path(self.env.srcdir) / folder
        target.mkdir(exist_ok=True)
        name = f"experiment-{entry['name']}.svg"
        (target / name).write_bytes(rendered(entry))
        return [
            "",
            f".. figure:: /{folder}/{name}",
            f"   :alt: effects of every seed in {entry['name']}",
            "",
        ]

    def _parsed(self, text: str, source: str) -> list[nodes.Node]:
        where = nodes.Element()
        lines = text.splitlines()
        self.state.nested_parse(
            StringList(lines, items=[(source, i) for i in range(len(lines))]), 0, where
        )
        return where.children


def changed(one: Experiment, entry: dict[str, Any]) -> list[str]:
    """What of an experiment's statement and protocol differs from the entry on file."""
    told = entry["experiment"]
    size = one.scale(told["scale"])
    pairs = {
        "statement": (one.claim.statement, entry["statement"]),
        "report of the paper": (one.reported, told["reported"]),
        "protocol": (one.differs, told["differs"]),
        "news": (one.news, told["news"]),
        "margins": (
            dict(one.margins),
            {effect["part"]: effect["margin"] for effect in told["effects"]},
        ),
        "settings": ({name: str(value) for name, value in size.settings.items()}, told["settings"]),
        "number of replicates": (size.replicates, told["replicates"]),
    }
    return [what for what, (ours, theirs) in pairs.items() if ours != theirs]


def effect_line(effect: dict[str, Any]) -> str:
    """Median, interval and margin of one part."""
    ends = (
        "no interval"
        if None in (effect["low"], effect["high"])
        else f"[{effect['low']:.3g}, {effect['high']:.3g}]"
    )
    return f"{effect['median']:.3g} {ends} > {effect['margin']:g}"


def _table(current: list[Experiment], kept: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield from (
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 24 25 12 14 26 9",
        "   :class: overview",
        "",
    )
    yield from (
        "   * - experiment",
        "     - what the paper says",
        "     - scale",
        "     - verdict",
        "     - effect, interval > margin",
        "     - time",
    )
    for one in current:
        entry = kept[one.name]
        told = entry["experiment"]
        yield f"   * - `{one.name} <trained/{one.claim.source.arxiv}.html#{one.name}>`__"
        yield f"     - {plain(one.reported)}"
        yield f"     - {told['scale']}, {told['replicates']} seeds"
        yield f"     - {entry['outcome']}"
        yield (
            "     - "
            f"{'; '.join(plain(effect['part'] + ': ' + effect_line(effect)) for effect in told['effects'])}"  # noqa: E501
        )
        yield (
            f"     - {told['trained']:.0f} s" if told["trained"] is not None else "     - not noted"
        )
    yield ""


def _words(text: str) -> str:
    """Words as they are, names of experiments and claims as code."""
    return re.sub(r"`(\w+)`", r"``\1``", for_readers(text))


def _lines(one: Experiment, entry: dict[str, Any]) -> Iterator[str]:
    told = entry["experiment"]
    lead, _, rest = _words(one.claim.statement).partition("\n\n")
    yield f".. rst-class:: lead\n\n{lead}\n"
    first, last = told["seeds"]
    seeds = f"scale {told['scale']}, {told['replicates']} seeds ({first} to {last})"
    yield (
        f".. rst-class:: meta\n\narXiv:{one.claim.source.arxiv}, "
        f"{plain(one.claim.source.where)} · **{entry['outcome']}** · {seeds}\n"
    )
    yield rest + "\n"
    for effect in told["effects"]:
        more = wanting(effect, told)
        yield (
            f"* {plain(effect['part'])}: {plain(effect_line(effect))} {plain(told['unit'])}, "
            f"in {effect['above']} of {told['replicates']} seeds{more}"
        )
    yield ""
    entries = {
        "The paper": one.reported,
        "Protocol": one.differs,
        "News": one.news,
        "Must be refuted": " · ".join(
            f"{c['name']} ({'refuted' if c['refuted'] else 'not refuted'})"
            for c in entry["mutants"]["each"]
        ),
        "Other scales": " · ".join(
            f"{name}: {size.replicates} seeds, about {size.time}"
            for name, size in one.scales.items()
        ),
    }
    for term, text in entries.items():
        if text:
            yield f"{term}\n    {plain(text)}\n"
    yield f"Run it\n    ``theorems experiment {one.name}``\n"


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_directive("experiments", Experiments)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
