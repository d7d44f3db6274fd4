"""No formula of the report is cut off, at any width and in either theme; what the page says is for
readers.
"""

import re

import pytest
from evidences import record
from pages import text_of

from theorems import CLAIMS
from theorems.report import render
from theorems.report.broken import pieces
from theorems.report.earned import earned
from theorems.report.evidence import Entry
from theorems.report.readers import for_readers
from theorems.report.statements import formula, parsed

FORMULAS = [
    (claim.name, block.astext())
    for claim in CLAIMS
    for block in parsed(claim.statement).findall()
    if block.tagname == "math_block"
]
CUT = """
() => [...document.querySelectorAll('.formula')].filter(box => {
  const right = box.getBoundingClientRect().right;
  return !box.children.length || [...box.querySelectorAll('math')].some(m => m.getBoundingClientRect().right > right + 1)
    || box.scrollWidth > box.clientWidth + 1;
}).map(box => box.closest('.claim').id)
"""  # noqa: E501


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_no_formula_is_cut_off(visit, width, theme):
    page = visit("all", viewport={"width": width, "height": 900}, color_scheme=theme)
    page.evaluate("document.querySelectorAll('.claim > details').forEach(d => { d.open = true; })")
    assert page.locator(".claim").count() == len(CLAIMS)
    assert page.locator(".formula").count() == len(FORMULAS)
    page.wait_for_function(f"({CUT})().length === 0", timeout=10_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.add_style_tag(
        content=".formula { flex-wrap: nowrap !important } .formula math { font-size: 2em "
        "!important }"
    )
    page.wait_for_timeout(200)
    assert page.evaluate(CUT), "the check can fail"


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 1920])
def test_a_formula_has_the_whole_card(visit, width):
    page = visit("all", "#claim-gram_flow", viewport={"width": width, "height": 900})
    formula_, body = ("#claim-gram_flow .formula", "#claim-gram_flow .body")
    wide = [
        page.locator(name).evaluate("e => e.getBoundingClientRect().width")
        for name in (formula_, body)
    ]
    assert wide[0] > 0.9 * wide[1]


@pytest.mark.parametrize(("name", "latex"), FORMULAS)
def test_pieces_are_the_formula_and_each_can_be_typeset(name, latex):
    found = pieces(latex)
    assert "".join(piece.removeprefix("{}") for piece in found) == latex
    assert not [piece for piece in found if "untypeset" in formula(piece, block=True)], name
    for piece in found:
        assert [piece.count(left) for left in "({["] == [piece.count(right) for right in ")}]"]
        assert len(re.findall(r"\\left(?![A-Za-z])", piece)) == len(
            re.findall(r"\\right(?![A-Za-z])", piece)
        )


@pytest.mark.parametrize(
    ("latex", "wanted"),
    [
        ("a = b", ["a = b"]),
        (r"a, \qquad b", [r"a, \qquad", " b"]),
        (r"\operatorname{rank} \Phi \Psi = -1", [r"\operatorname{rank} \Phi \Psi ", "{}= -1"]),
        (r"(aaaaaaaaaaaaaaaaaaaaaaaaaaaa + b)", [r"(aaaaaaaaaaaaaaaaaaaaaaaaaaaa + b)"]),
        (r"\|aaaaaaaaaaaaaaaaaaaaaaaaaaaa + b\|", [r"\|aaaaaaaaaaaaaaaaaaaaaaaaaaaa + b\|"]),
    ],
)
def test_where_a_formula_is_broken(latex, wanted):
    assert pieces(latex) == wanted


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            (
                "It holds. Raises InputError for anything that is not a LayerTrace. Source: here "
                "[D, N]."
            ),
            "It holds. Source: here derived here.",
        ),
        (
            "Source: arXiv:2601.00276 [P] (rank C); the form [D, N].",
            "Source: arXiv:2601.00276 (rank C); the form derived here.",
        ),
        (
            "Source: derived here from arXiv:2601.00276 [D, N].",
            "Source: derived here from arXiv:2601.00276.",
        ),
        (
            "Source: arXiv:2605.06258 [P, in words; D].",
            "Source: arXiv:2605.06258 (in words, derived here).",
        ),
        ("the matrix [D] and E[X]", "the matrix derived here and E[X]"),
    ],
)
def test_letters_become_words(typed, said):
    assert for_readers(typed) == said


def test_the_page_is_for_readers():
    text = text_of(
        render(
            {
                "schema": 1,
                "seed": 0,
                "profile": "default",
                "versions": {},
                "claims": list(map(record, CLAIMS)),
            }
        )
    )
    assert not re.findall(r"Raises InputError|\[[PDN](?:, [PDN])?\]", text)
    assert text.index("How to read this page") < text.index(
        "Look here first" if "Look here first" in text else "came out as"
    )


def test_grades_are_explained_in_short_sentences():
    family = "linear layers, widths 2 to 4"
    generic = {"family": family, "points": 6, "reason": None, "also": ["depth 5 and 6"]}
    said = earned(Entry(record(CLAIMS[0], generic=generic, error_probability=1e-17)))
    assert said[0] == "30 of 40 exact: no operation rounded: compared with ==."
    assert any(family in sentence for sentence in said)
    assert any("10⁻¹⁷" in sentence for sentence in said)
    assert max(map(len, said)) < 130
    unsaid = earned(
        Entry(
            record(CLAIMS[0], generic=generic | {"reason": "a limit law"}, error_probability=None)
        )
    )
    assert unsaid[-1] == "No error probability: a limit law."
    assert earned(Entry(record(CLAIMS[0], grades={}))) == ["compared with =="]
