"""The directive ``paper``: every claim of one paper, with an anchor each, made of the catalogue
when the site is built.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from theorems.catalogue import CLAIMS, CORRECTED, MISPRINTS
from theorems.errata import ERRATA
from theorems.identities import IDENTITIES, NO_IDENTITY
from theorems.papers import PAPERS
from theorems.related import RELATED
from theorems.report.readers import for_readers
from theorems.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

    from theorems.claim import Claim

_BACK = {
    "used by": "rests on",
    "special case of": "generalises",
    "corrected by": "corrects",
    "contrasted with": "contrasted with",
}
_TAG = {"paper": "the paper's own statement", "derived": "derived here"}
_SIGNS = {
    "=": "equal",
    "<=": "observed ≤ predicted",
    ">=": "observed ≥ predicted",
    ">": "observed > predicted",
}
_BADGES = Path(__file__).parent.parent.parent / "badges"
_SPECIAL = re.compile(r"([\\*`|_])")


def plain(text: str) -> str:
    """Words as they are: no reStructuredText in them."""
    return _SPECIAL.sub(r"\\\1", text)


class PaperPage(SphinxDirective):
    """All claims of a paper, and its pictures."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A section per claim."""
        paper = next(p for p in PAPERS if p.arxiv == self.arguments[0])
        claims = [claim for claim in CLAIMS if claim.source.arxiv == paper.arxiv]
        out = self._parsed(_overview(paper.arxiv, paper.url, claims), paper.package)
        for claim in claims:
            title = nodes.title("", "", nodes.literal("", claim.name))
            section = nodes.section(
                "", title, ids=[claim.name], names=[claim.name], classes=["claim"]
            )
            self.env.get_domain("py").note_object(
                f"theorems.{claim.name}", "data", claim.name, location=self.get_location()
            )
            section += self._parsed("\n".join(lines(claim)), f"statement of {claim.name}")
            out.append(section)
        pictures = _pictures(self.env.config.pictures_folder, self.env.srcdir, paper.arxiv)
        if pictures:
            section = nodes.section(
                "", nodes.title("", "Pictures"), ids=["pictures"], names=["pictures"]
            )
            section += self._parsed(pictures, f"pictures of {paper.arxiv}")
            out.append(section)
        return out

    def _parsed(self, text: str, source: str) -> list[nodes.Node]:
        where = nodes.Element()
        lines = text.splitlines()
        self.state.nested_parse(
            StringList(lines, items=[(source, i) for i in range(len(lines))]), 0, where
        )
        return where.children


def _overview(arxiv: str, url: str, claims: list[Claim]) -> str:
    rows = [f"* - `{c.name}`\n  - {plain(c.summary)}" for c in claims]
    table = ".. list-table::\n   :widths: 34 66\n   :class: overview\n\n"
    body = "\n".join(f"   {line}" for row in rows for line in row.splitlines())
    head = (
        f"`arXiv:{arxiv} <{url}>`__, {len(claims)} claims.\n\n.. image:: "
        f"/../badges/arxiv-{arxiv}.svg\n   :alt: badge of arXiv:{arxiv}\n\n"
    )
    return head + table + body


def lines(claim: Claim) -> Iterator[str]:
    """What is said of one claim, in reStructuredText."""
    source = claim.source
    lead, _, rest = for_readers(claim.statement).partition("\n\n")
    yield f".. rst-class:: lead\n\n{lead}\n"
    yield (
        f".. rst-class:: meta\n\n{plain(source.where)} · {_TAG[source.tag]} · expected "
        f"**{claim.expected.name}**\n"
    )
    if (_BADGES / f"{claim.name}.svg").exists():
        yield (
            f".. image:: /../badges/{claim.name}.svg\n   :alt: {_said(claim.name)}\n   :class: "
            "badge\n"
        )
    yield rest + "\n"
    yield from _entry("Decided on", f"`{_public(claim.subject)}`, by {_relation(claim)}")
    if claim.hypotheses:
        checks = [
            f"{plain(name)} "
            f"({'checked' if h.check is not None else 'not checkable: dropped, the claim must fail'})"  # noqa: E501
            for name, h in claim.hypotheses.items()
        ]
        yield from _entry("Hypotheses", *checks)
    yield from _entry(
        "Must be refuted" if claim.expected is Outcome.HOLDS else "Must be refuted as well",
        *map(plain, claim.changes),
    )
    for title, table in (("Identity", IDENTITIES), ("No identity", NO_IDENTITY)):
        if claim.name in table:
            yield from _entry(title, plain(table[claim.name]))
    if claim.name in CORRECTED:
        yield from _entry("Corrected form", f"`{CORRECTED[claim.name]}`")
    if claim.name in MISPRINTS:
        yield from _entry(
            "Printed with", plain(MISPRINTS[claim.name]) + ", which is one of the mutants"
        )
    if any(claim.name in (e.name, e.corrected.name) for e in ERRATA):
        yield from _entry("Counterexample", "on the page of :doc:`errata </errata>`")
    related = [f"{kind} `{b}`" for a, kind, b in RELATED if a == claim.name]
    related += [f"{_BACK[kind]} `{a}`" for a, kind, b in RELATED if b == claim.name]
    if related:
        yield from _entry("Related", *related)
    yield from _entry("Check it", f"``theorems check {claim.name}``")


def _said(name: str) -> str:
    return plain(json.loads((_BADGES / f"{name}.json").read_text(encoding="utf-8"))["message"])


def _entry(term: str, *items: str) -> Iterator[str]:
    yield f"{term}\n    " + (" · ".join(items) if items else "–") + "\n"


def _public(subject: type) -> str:
    import impl

    return (
        f"~impl.{subject.__name__}"
        if subject.__name__ in impl.__all__
        else f"~{subject.__module__}.{subject.__name__}"
    )


def _relation(claim: Claim) -> str:
    relation = type(claim.relation)
    sign = getattr(claim.relation, "sign", None)
    return f"`~{relation.__module__}.{relation.__name__}`" + (
        f" ({_SIGNS[sign]})" if sign in _SIGNS else ""
    )


def _pictures(folder: str, root: Path, arxiv: str) -> str:
    if not folder:
        return ""
    from theorems.pictures import BY_PAPER
    from theorems.report.gallery import gallery

    if arxiv not in BY_PAPER:
        return ""
    target = Path(root) / folder
    target.mkdir(exist_ok=True)
    lines = []
    for picture in gallery([arxiv])[arxiv]:
        (target / f"{picture.name}.svg").write_bytes(picture.data)
        lines.append(
            f".. figure:: /{folder}/{picture.name}.svg\n   :alt: "
            f"{plain(picture.caption)}\n\n   {plain(picture.caption)}\n"
            f"   (``theorems plot {picture.name} -o FILE``)\n"
        )
    return "\n".join(lines)


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_config_value("pictures_folder", "_pictures", "env", str)
    app.add_directive("paper", PaperPage)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
