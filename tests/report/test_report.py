"""The report, read as text: nothing of the evidence is lost, nothing is obeyed, what is missing is
said.
"""

import copy
import re
from html import unescape

import pytest
from evidences import EVERY_OUTCOME, catalogue, on_a_network, record
from pages import Reader, text_of

from impl import InputError
from theorems import CLAIMS
from theorems.report import Picture, render
from theorems.report.evidence import Run
from theorems.report.figures import number

NAMES = frozenset(claim.name for claim in CLAIMS)


@pytest.fixture(scope="module")
def page():
    return render(catalogue(EVERY_OUTCOME))


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_page_asks_for_nothing(page):
    pictures = {
        "2601.00276": [
            Picture("a", "A <b>caption</b>.", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
        ]
    }
    for html in (page, render(catalogue(), pictures=pictures)):
        for tag, attributes in Reader(html).tags:
            for name in ("src", "srcset", "data", "poster", "action", "xlink:href"):
                assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
            if tag == "link":
                assert attributes["href"] == "data:,"
        assert not re.search(r"@import|url\((?!#)", html)
    assert "A &lt;b&gt;caption&lt;/b&gt;." in html


HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\"' onload='alert(3)"


@pytest.mark.slow
def test_markup_in_the_evidence_is_shown_not_obeyed():
    evil = record(CLAIMS[0]) | {
        "name": HOSTILE,
        "arxiv": HOSTILE,
        "paper": HOSTILE,
        "where": HOSTILE,
        "tag": HOSTILE,
        "grade": HOSTILE,
        "statement": f"{HOSTILE}\n\n{HOSTILE} `{HOSTILE}`\n\n.. raw:: html\n\n   "
        "<script>alert(4)</script>\n\n.. image:: http://e.com/x\n\n"
        ".. include:: /etc/passwd\n\n`x <javascript:alert(5)>`_ and\n\n.. "
        f"math:: \\text{{{HOSTILE}}}",
        "summary": HOSTILE,
        "earned": HOSTILE,
        "grades": {HOSTILE: 3},
        "related": [{"kind": HOSTILE, "name": "other"}],
        "mutants": {"refuted": 0, "total": 1, "each": [{"name": HOSTILE, "refuted": False}]},
        "hypotheses": {
            "bite": 0,
            "total": 1,
            "each": [{"name": HOSTILE, "checked": False, "bites": False}],
        },
        "counterexample": {
            "text": HOSTILE,
            "instance": HOSTILE,
            "script": HOSTILE,
            "file": HOSTILE,
        },
        "places": [{"where": HOSTILE, "outcome": HOSTILE, "grade": HOSTILE, "reason": HOSTILE}],
    }
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
        {k: c[k] for k in required} | {"mutants": {"refuted": 2, "total": 2}}
        for c in catalogue()["claims"]
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
    "field",
    [
        "name",
        "arxiv",
        "tag",
        "expected",
        "outcome",
        "grade",
        "measured",
        "bound",
        "instances",
        "mutants",
    ],
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


@pytest.mark.slow
def test_no_claims_and_unknown_fields():
    content = catalogue() | {"claims": [], "novel": {"a": 1}}
    assert "nothing was checked" in text_of(render(content))
    content = catalogue()
    content["claims"][0] |= {"novel": [1], "grade": "DIVINED"}
    content["claims"][0]["mutants"]["novel"] = 3
    assert "divined" in text_of(render(content))


@pytest.mark.slow
def test_equal_evidence_gives_an_equal_page(page):
    assert render(catalogue(EVERY_OUTCOME)) == page
    before = copy.deepcopy(catalogue())
    render(before)
    assert before == catalogue(), "the evidence is left as it was"


@pytest.mark.slow
def test_a_network_is_shown_place_by_place():
    html = render(on_a_network())
    text = " ".join(text_of(html).split())
    for words in (
        "encoder.layers.0.linear2",
        "entry (0, 3) differs",
        "no such layer",
        f"({len(CLAIMS) - 2})",
    ):
        assert words in text
    assert "theorems check gram_flow --seed 5 --model 'nets/mine.py:the net'" in text
    said = {"factory": "nets/mine.py:the net", "decay": 0.01, "batch_size": 64, "double": True}
    text = " ".join(text_of(render(on_a_network() | {"model": said})).split())
    assert "--model 'nets/mine.py:the net' --decay 0.01 --batch-size 64 --double" in text


@pytest.mark.parametrize(
    ("model", "message"),
    [("net.py:f", "'model' of the evidence file"), ({"decay": "much"}, "'decay' of 'model'")],
)
def test_a_network_of_another_kind_is_refused(model, message):
    with pytest.raises(InputError, match=message):
        render(on_a_network() | {"model": model})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.0, "0"),
        (12345, "12\u202f345"),
        (0.4567, "0.457"),
        (3.2e-7, "3.2\u202f×\u202f10⁻⁷"),
        (-2e-9, "−2\u202f×\u202f10⁻⁹"),
        (float("inf"), "∞"),
        (float("nan"), "not a number"),
        (1234.5, "1234"),
        (1e300, "1\u202f×\u202f10³⁰⁰"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text
