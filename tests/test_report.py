"""The report, read as text: nothing of the evidence is lost, nothing is obeyed, what is missing is said."""

import copy
import json
import re
import sys
from html import unescape
from html.parser import HTMLParser

import pytest
from docutils.nodes import system_message
from evidences import EVERY_OUTCOME, catalogue, on_a_network, record

from impl import InputError
from theorems import CLAIMS
from theorems import catalogue as contents
from theorems.cli import main
from theorems.related import KINDS, RELATED
from theorems.report import Picture, render
from theorems.report.evidence import Run
from theorems.report.figures import number
from theorems.report.graph import GAP_Y, WIDTH, draw
from theorems.report.statements import formula, parsed, statement

NAMES = frozenset(claim.name for claim in CLAIMS)


class Reader(HTMLParser):
    """Text, tags and attributes of a page, styles and scripts aside."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("style", "script"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data):
        if not self.open:
            self.text.append(data)


def text_of(page):
    return "".join(Reader(page).text)


@pytest.fixture(scope="module")
def page():
    return render(catalogue(EVERY_OUTCOME))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_statement_is_typeset_and_no_word_is_lost(claim):
    problems = [message.astext() for message in parsed(claim.statement).findall(system_message)]
    assert not problems, "its docstring is not good reStructuredText"
    said = statement(claim.statement, NAMES)
    html = said.lead + said.body
    assert "untypeset" not in html
    assert html.count("<math") == len(re.findall(r"\.\. math::|:math:`", claim.statement))
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
        ("e^{−k_{ij}t} and W^(L(k_i) − 1)", "e<sup>−k<sub>ij</sub>t</sup> and W<sup>L(k<sub>i</sub>) − 1</sup>"),
        ("k₀^{(A)}, K̇_{ij}", "k₀<sup>(A)</sup>, K̇<sub>ij</sub>"),
        ("∇_ΦJ, M^l_{μν}, W_(l+1)", "∇<sub>Φ</sub>J, M<sup>l</sup><sub>μν</sub>, W<sub>l+1</sub>"),
        ("weight_decay, x_train, __init__", "weight_decay, x_train, __init__"),
        ("at most 2^-57.4 of 2^61.", "at most 2<sup>-57.4</sup> of 2<sup>61</sup>."),
        ("|G| and |⟨u,w⟩|", "|G| and |⟨u,w⟩|"),
    ],
)
def test_scripts_in_running_text(typed, html):
    assert statement(typed).lead == html


def test_every_claim_has_its_card_with_all_that_is_known(page):
    tags = Reader(page).tags
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(set(ids)) == len(ids)
    assert {f"claim-{name}" for name in NAMES} <= set(ids)
    links = {a["href"] for tag, a in tags if tag == "a"}
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids), (
        "every link within the page leads somewhere"
    )
    text = " ".join(unescape(text_of(page)).split())
    for claim in CLAIMS:
        for title in (*claim.hypotheses, claim.source.where):
            assert " ".join(title.split()) in text
    for words in (
        "at most 3.2",
        "compared with ==",
        "Look here first",
        "1 of 4 mutants survived",
        "a.py",
        "1 was not run",
    ):
        assert words in text
    assert "theorems check layerwise_kernel --seed 5 --examples 40" in text
    again = Run(catalogue() | {"profile": "thorough"})
    assert again.command(again.claims[0]).endswith("--examples 40 --thorough")


def test_the_page_asks_for_nothing(page):
    pictures = {"2601.00276": [Picture("a", "A <b>caption</b>.", b"<svg xmlns='http://www.w3.org/2000/svg'/>")]}
    for html in (page, render(catalogue(), pictures=pictures)):
        for tag, attributes in Reader(html).tags:
            for name in ("src", "srcset", "data", "poster", "action", "xlink:href"):
                assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
            if tag == "link":
                assert attributes["href"] == "data:,"
        assert not re.search(r"@import|url\((?!#)", html)
    assert "A &lt;b&gt;caption&lt;/b&gt;." in html


HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\"' onload='alert(3)"


def test_markup_in_the_evidence_is_shown_not_obeyed():
    evil = record(CLAIMS[0]) | {
        "name": HOSTILE, "arxiv": HOSTILE, "paper": HOSTILE, "where": HOSTILE, "tag": HOSTILE, "grade": HOSTILE,
        "statement": f"{HOSTILE}\n\n{HOSTILE} `{HOSTILE}`\n\n.. raw:: html\n\n   <script>alert(4)</script>\n\n.. image:: http://e.com/x\n\n"
                     f".. include:: /etc/passwd\n\n`x <javascript:alert(5)>`_ and\n\n.. math:: \\text{{{HOSTILE}}}",
        "summary": HOSTILE, "earned": HOSTILE, "grades": {HOSTILE: 3}, "related": [{"kind": HOSTILE, "name": "other"}],
        "mutants": {"refuted": 0, "total": 1, "each": [{"name": HOSTILE, "refuted": False}]},
        "hypotheses": {"bite": 0, "total": 1, "each": [{"name": HOSTILE, "checked": False, "bites": False}]},
        "counterexample": {"text": HOSTILE, "instance": HOSTILE, "script": HOSTILE, "file": HOSTILE},
        "places": [{"where": HOSTILE, "outcome": HOSTILE, "grade": HOSTILE, "reason": HOSTILE}],
    }  # fmt: skip
    other = record(CLAIMS[1]) | {"name": "other"}
    content = {
        "schema": 1,
        "seed": 0,
        "profile": f"model {HOSTILE}",
        "versions": {HOSTILE: HOSTILE},
        "started": HOSTILE,
        "claims": [evil, other],
    }
    html = render(content)
    known = {tag for tag, _ in Reader(render(catalogue(EVERY_OUTCOME))).tags} | {
        tag for tag, _ in Reader(render(on_a_network())).tags
    }
    tags = Reader(html).tags
    assert [tag for tag, _ in tags].count("script") == 1
    assert "root:x:" not in html
    for tag, attributes in tags:
        assert tag in known, f"<{tag}> came from the evidence"
        assert not [name for name in attributes if name.startswith("on")]
        assert not attributes.get("href", "").startswith("javascript")
    assert text_of(html).count("onerror=alert(1)") > 10


def test_missing_optional_fields_are_said_to_be_missing():
    required = (
        "name",
        "arxiv",
        "tag",
        "expected",
        "outcome",
        "grade",
        "measured",
        "bound",
        "instances",
        "inapplicable",
    )
    content = {key: catalogue()[key] for key in ("schema", "seed", "profile", "versions")}
    content["claims"] = [
        {k: c[k] for k in required} | {"mutants": {"refuted": 2, "total": 2}} for c in catalogue()["claims"]
    ]
    text = text_of(render(content))
    for words in (
        "The statement is not in this evidence file",
        "not stated in this file",
        "no relations between claims",
    ):
        assert words in text


@pytest.mark.parametrize("field", ["schema", "seed", "profile", "versions", "claims"])
def test_a_file_without_a_required_field_is_refused(field):
    content = catalogue()
    del content[field]
    with pytest.raises(InputError, match=rf"field '{field}'"):
        render(content)


@pytest.mark.parametrize(
    "field", ["name", "arxiv", "tag", "expected", "outcome", "grade", "measured", "bound", "instances", "mutants"]
)
def test_a_claim_without_a_required_field_is_refused_by_name(field):
    content = catalogue()
    del content["claims"][3][field]
    with pytest.raises(InputError, match=rf"claim 3.* field '{field}'"):
        render(content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: [], "expected the evidence file to be an object, got list"),
        (lambda c: c | {"schema": 2}, "schema=2"),
        (lambda c: c | {"claims": {}}, "'claims' of the evidence file to be of type list"),
        (lambda c: c | {"claims": [3]}, "expected claim 0 to be an object"),
        (lambda c: c | {"claims": c["claims"][:1] * 2}, "twice|2 times"),
        (lambda c: c["claims"][0].update(outcome="FINE") or c, "got 'FINE'"),
        (lambda c: c["claims"][0].update(instances="many") or c, "'instances' of claim 0"),
        (lambda c: c["claims"][0].update(instances=True) or c, "'instances' of claim 0"),
        (lambda c: c["claims"][0].update(measured="nan") or c, "'measured' of claim 0"),
        (lambda c: c["claims"][0].update(statement=7) or c, "'statement' of claim 0"),
        (lambda c: c["claims"][0].update(places=["here"]) or c, "an entry of 'places'"),
        (
            lambda c: c["claims"][0]["mutants"].update(each=[{"name": 3}]) or c,
            "'name' of an entry of 'each of mutants'",
        ),
        (lambda c: c["claims"][0]["ratios"].update(histogram=[[1]]) or c, "pairs"),
        (lambda c: c["claims"][0]["mutants"].pop("total") and c, "'mutants' of claim 0"),
    ],
)
def test_a_file_of_another_kind_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        render(change(catalogue()))


def test_no_claims_and_unknown_fields():
    content = catalogue() | {"claims": [], "novel": {"a": 1}}
    assert "nothing was checked" in text_of(render(content))
    content = catalogue()
    content["claims"][0] |= {"novel": [1], "grade": "DIVINED"}
    content["claims"][0]["mutants"]["novel"] = 3
    assert "divined" in text_of(render(content))


def test_equal_evidence_gives_an_equal_page(page):
    assert render(catalogue(EVERY_OUTCOME)) == page
    before = copy.deepcopy(catalogue())
    render(before)
    assert before == catalogue(), "the evidence is left as it was"


def test_a_network_is_shown_place_by_place():
    html = render(on_a_network())
    text = " ".join(text_of(html).split())
    for words in ("encoder.layers.0.linear2", "entry (0, 3) differs", "no such layer", f"({len(CLAIMS) - 2})"):
        assert words in text
    assert "theorems check gram_flow --seed 5 --model 'nets/mine.py:the net'" in text


def test_relations_are_between_claims_and_none_is_said_twice():
    assert {name for s, _, o in RELATED for name in (s, o)} <= NAMES
    assert {kind for _, kind, _ in RELATED} <= set(KINDS)
    pairs = [(kind, frozenset((s, o))) for s, kind, o in RELATED]
    assert len(set(pairs)) == len(pairs)
    assert all(s != o for s, _, o in RELATED)


def test_whatever_is_kept_as_stated_leads_to_what_holds():
    corrected = {s: o for s, kind, o in RELATED if kind == "corrected by"}
    stated = {claim.name for claim in CLAIMS if claim.expected.name == "REFUTED"}
    assert set(corrected) == stated, "add the missing ones to theorems.related"
    for name, other in getattr(contents, "CORRECTED", {}).items():
        assert (name, "corrected by", other) in RELATED


def test_what_is_used_and_what_uses_it_form_no_circle():
    import networkx as nx

    assert nx.is_directed_acyclic_graph(nx.DiGraph((s, o) for s, kind, o in RELATED if kind == "used by"))


def test_boxes_of_the_graph_do_not_overlap_and_stand_in_order():
    run = Run(catalogue())
    assert set(run.relations) == set(RELATED)
    drawn = set()
    for claims in run.papers.values():
        drawing = draw([c.name for c in claims], run.relations)
        drawn |= {(e.subject, e.kind, e.other) for e in drawing.edges}
        for i, a in enumerate(drawing.boxes):
            assert 0 <= a.x <= drawing.width - WIDTH
            assert 0 <= a.y <= drawing.height - a.height
            for b in drawing.boxes[:i]:
                assert a.column != b.column or abs(a.middle - b.middle) >= (a.height + b.height) / 2 + GAP_Y - 1e-6
        column = {box.name: box.column for box in drawing.boxes}
        for edge in drawing.edges:
            if edge.kind in ("used by", "corrected by"):
                assert column[edge.subject] < column[edge.other]
            if edge.kind == "special case of":
                assert column[edge.other] < column[edge.subject]
    assert drawn == set(RELATED)


def test_a_circle_of_relations_is_drawn_all_the_same():
    relations = [
        ("a", "used by", "b"),
        ("b", "used by", "c"),
        ("c", "used by", "a"),
        ("a", "rhymes with", "c"),
        ("b", "used by", "b"),
    ]
    assert len(draw(["a", "b", "c", "d"], relations[:4]).edges) == 4
    assert draw([], []).edges == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (0.0, "0"), (12345, "12\u202f345"), (0.4567, "0.457"), (3.2e-7, "3.2\u202f×\u202f10⁻⁷"),
     (-2e-9, "−2\u202f×\u202f10⁻⁹"), (float("inf"), "∞"), (float("nan"), "not a number"), (1234.5, "1234"), (1e300, "1\u202f×\u202f10³⁰⁰")],
)  # fmt: skip
def test_numbers(value, text):
    assert number(value) == text


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["theorems", "report", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return exit_.value.code or 0, capsys.readouterr()

    return call


def test_the_command_writes_the_page(run, tmp_path):
    file, target = tmp_path / "evidence.json", tmp_path / "page.html"
    file.write_text(json.dumps(catalogue()))
    code, seen = run(file, "-o", target, "--no-pictures")
    assert (code, seen.out.split()) == (0, ["wrote", *str(target).split()])
    assert target.read_text() == render(catalogue())


def test_the_command_draws_the_pictures_of_the_papers_in_the_file(run, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def dot(seed):
        """A dot."""
        figure = Figure()
        figure.subplots().plot([seed], [0])
        return figure

    monkeypatch.setattr("theorems.pictures.BY_PAPER", {"2605.06258": {"dot": dot}, "0000.00000": {"never": None}})
    file, target = tmp_path / "evidence.json", tmp_path / "page.html"
    file.write_text(json.dumps(catalogue()))
    assert run(file, "-o", target)[0] == 0
    html = target.read_text()
    assert html.count("data:image/svg+xml") == 1
    assert "theorems plot dot" in html
    run(file, "-o", target)
    assert target.read_text() == html


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, (), "expected an evidence file"),
        ("no json", (), "expected JSON"),
        (b"\xff\xfe", (), "expected JSON"),
        ("[]", (), "expected the evidence file to be an object"),
        ('{"schema": 1}', (), "field 'seed'"),
        ("{}", ("-o", "missing/page.html"), "existing folder"),
    ],
)
def test_mistakes_are_one_line(run, tmp_path, monkeypatch, content, arguments, message):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "e.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, seen = run(file, *arguments)
    assert code == 2
    assert message in seen.err
    assert "Traceback" not in seen.err


@pytest.mark.parametrize("package", ["math_core", "docutils.parsers.rst"])
def test_a_missing_package_is_named(monkeypatch, package):
    statement.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"needs {package.split('.')[0]}.*theorems\[report\]"):
        render(catalogue())
