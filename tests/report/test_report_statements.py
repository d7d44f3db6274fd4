"""Statements as the report typesets them: every word is kept, every formula is mathematics."""

import re
import sys

import pytest
from docutils.nodes import system_message
from evidences import catalogue
from pages import text_of

from impl import InputError
from theorems import CLAIMS
from theorems.report import render
from theorems.report.statements import formula, parsed, statement

NAMES = frozenset(claim.name for claim in CLAIMS)


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_statement_is_typeset_and_no_word_is_lost(claim):
    problems = [message.astext() for message in parsed(claim.statement).findall(system_message)]
    assert not problems, "its docstring is not good reStructuredText"
    said = statement(claim.statement, NAMES)
    html = said.lead + said.body
    assert "untypeset" not in html
    assert html.count('<div class="formula') == len(re.findall(r"\.\. math::", claim.statement))
    assert html.count("<math") >= len(re.findall(r"\.\. math::|:math:`", claim.statement))
    read = text_of(html)
    assert "\\" not in read
    assert said.lead
    prose = re.sub(r"\.\. math::.*?(?=\n\S|\Z)|:math:`[^`]*`", "", claim.statement, flags=re.DOTALL)
    keep = lambda s: re.sub(r"[\s`*_^{}()]", "", s)  # noqa: E731
    seen = keep(text_of(re.sub(r"<math.*?</math>", "", html, flags=re.DOTALL)))
    assert seen == keep(prose)


def test_a_docstring_that_is_not_good_rest_is_noticed():
    broken = "It holds.\n\n    .. math:: x\nabla y\n\n    More."
    assert list(parsed(broken).findall(system_message))


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"\boldsymbol{x} \in \mathbb R^n", ["𝒙", "ℝ", "<msup>"]),
        (r"\tfrac12 \operatorname{tr} K", ["<mfrac", "<mi>tr</mi>"]),
        (r"f = \begin{cases} a & x > 0 \\ b & \text{else} \end{cases}", ["<mtable", "else"]),
        (r"\lim_{t\to\infty} \left( x \right)", ["<munder>", "lim"]),
        (r"\Big(\frac{a}{b}\Big)^2", ["<mo>(</mo>", "<mfrac>"]),
    ],
)
def test_formulas(latex, parts):
    html = formula(latex, block=True)
    assert "\\" not in html
    for part in parts:
        assert part in html


def test_sized_delimiters_that_do_not_pair_stay_as_they_are():
    for latex in (r"\big| x \big|", r"\Big( x", r"x \Big)", r"\Big( x \Big]", r"\big"):
        formula(latex, block=True)  # converted, or shown as typed; no exception
    assert "untypeset" not in formula(r"\big| x \big|", block=True)


def test_a_formula_that_cannot_be_typeset_is_shown_as_typed():
    html = formula(r"\nosuchcommand{<b>x</b>}", block=True)
    assert r"\nosuchcommand{&lt;b&gt;x&lt;/b&gt;}" in html
    assert "untypeset" in html


@pytest.mark.parametrize(
    ("typed", "html"),
    [
        ("d_out of k_i, u_iu_iᵀ", "d<sub>out</sub> of k<sub>i</sub>, u<sub>i</sub>u<sub>i</sub>ᵀ"),
        ("‖W‖_F² e^{−2λt}", "‖W‖<sub>F</sub>² e<sup>−2λt</sup>"),
        ("like e^{2(s_i²/λ − μ)t}", "like e<sup>2(s<sub>i</sub>²/λ − μ)t</sup>"),
        (
            "e^{−k_{ij}t} and W^(L(k_i) − 1)",
            "e<sup>−k<sub>ij</sub>t</sup> and W<sup>L(k<sub>i</sub>) − 1</sup>",
        ),
        ("k₀^{(A)}, K̇_{ij}", "k₀<sup>(A)</sup>, K̇<sub>ij</sub>"),
        ("∇_ΦJ, M^l_{μν}, W_(l+1)", "∇<sub>Φ</sub>J, M<sup>l</sup><sub>μν</sub>, W<sub>l+1</sub>"),
        ("weight_decay, x_train, __init__", "weight_decay, x_train, __init__"),
        ("at most 2^-57.4 of 2^61.", "at most 2<sup>-57.4</sup> of 2<sup>61</sup>."),
        ("|G| and |⟨u,w⟩|", "|G| and |⟨u,w⟩|"),
    ],
)
def test_scripts_in_running_text(typed, html):
    assert statement(typed).lead == html


@pytest.mark.parametrize("package", ["math_core", "docutils.parsers.rst"])
def test_a_missing_package_is_named(monkeypatch, package):
    statement.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"needs {package.split('.')[0]}.*theorems\[report\]"):
        render(catalogue())
