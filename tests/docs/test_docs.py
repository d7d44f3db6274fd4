"""The documentation's sources are complete: the build itself, warnings as errors, is part of
``.ci/run``.
"""

import json
import re
from pathlib import Path

import pytest

from theorems import CLAIMS, PAPERS
from theorems.errata import ERRATA

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {
    str(path.relative_to(DOCS).with_suffix("")): path.read_text(encoding="utf-8")
    for path in [*DOCS.rglob("*.md"), *DOCS.rglob("*.rst")]
    if not path.relative_to(DOCS).parts[0].startswith("_")
}
LISTS = {
    page: re.findall(r"```\{toctree\}\n(?::.*\n)*\n((?:[^`\n].*\n)*)", text)
    for page, text in PAGES.items()
}


def test_every_page_is_in_a_table_of_contents_and_every_entry_is_a_page():
    listed = {
        f"{Path(page).parent}/{name}".removeprefix("./")
        for page, blocks in LISTS.items()
        for block in blocks
        for name in block.split()
    }
    assert listed == set(PAGES) - {"index"}


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.arxiv)
def test_every_paper_has_its_page(paper):
    title, _, _, directive = PAGES[f"papers/{paper.arxiv}"].strip().splitlines()
    assert title == paper.title
    assert directive == f".. paper:: {paper.arxiv}"


def test_every_claim_is_on_a_page():
    pages = "\n".join(text for page, text in PAGES.items() if page.startswith("papers/"))
    shown = set(re.findall(r"^\.\. paper:: (.*)$", pages, re.MULTILINE))
    assert {claim.source.arxiv for claim in CLAIMS} == shown


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_what_is_said_of_a_claim_names_its_mutants_and_hypotheses(claim, monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    import claim_pages

    text = "\n".join(claim_pages.lines(claim))
    for name in (*claim.mutants, *claim.hypotheses):
        assert claim_pages.plain(name) in text
    assert claim.statement.split("\n\n")[0] in text
    assert claim.expected.name in text


def test_pages_own_their_text_and_take_commands_alone_from_the_readme():
    taken = {page: re.findall(r"```\{readme[\w-]*\} ?(.*)", text) for page, text in PAGES.items()}
    assert {page: names for page, names in taken.items() if names} == {
        "index": ["check"],
        "installation": ["check"],
    }


def test_api_pages_document_every_strategy_and_relation():
    documented = set(re.findall(r"automodule:: (\S+)", "\n".join(PAGES.values())))
    strategies = {
        f"impl.strategies.{path.stem}" for path in (ROOT / "impl" / "strategies").glob("[!_]*.py")
    }
    relations = {
        f"theorems.{module}"
        for module in {type(claim.relation).__module__.split(".")[1] for claim in CLAIMS}
    }
    packages = {f"theorems.{paper.package}" for paper in PAPERS}
    assert strategies <= documented
    assert relations - packages <= documented


def test_errata_on_file_are_the_errata():
    kept = json.loads((DOCS / "errata.json").read_text(encoding="utf-8"))["errata"]
    fields = ("name", "printed", "correct", "why", "command", "script")
    assert [[e[f] for f in fields] for e in kept] == [
        [getattr(e, f) for f in fields] for e in ERRATA
    ]
    assert {e["stated"]["outcome"] for e in kept} == {"REFUTED"}
    assert "REFUTED" not in {e["corrected"]["outcome"] for e in kept}


def test_what_a_page_loads_from_elsewhere_is_seen(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    from offline import elsewhere

    for bad in (
        '<script async src="https://cdn.example/m.js">',
        "<link rel=stylesheet href=//fonts.example/a>",
    ):
        assert len(elsewhere(bad, ".html")) == 1
    assert elsewhere(
        "@import 'https://fonts.example/a.css'; b{background:url(//x.example/y)}", ".css"
    ) == [
        "https://fonts.example/a.css",
        "//x.example/y",
    ]
    assert not elsewhere('<a href="https://arxiv.org/abs/2601.00276">', ".html")


def test_experiments_on_file_are_the_experiments(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    from experiments_page import changed

    from theorems.evidence.file import read
    from theorems.experiments import EXPERIMENTS

    kept = {entry["name"]: entry for entry in read(DOCS / "experiments.json")["claims"]}
    assert list(kept) == [one.name for one in EXPERIMENTS]
    for one in EXPERIMENTS:
        entry = kept[one.name]
        assert not changed(one, entry)
        assert entry["experiment"]["scale"] in ("default", "paper")
        assert entry["outcome"] in (one.claim.expected.name, "UNDECIDED")
