"""The evidence file: what is written fits the published schema, what is read is validated, and the
badges say what it says.
"""

import copy
import json
import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inner import AS_STATED, HOLDS, LAYER, OTHER, WRONG
from jsonschema import Draft202012Validator

from impl import InputError
from theorems import Outcome
from theorems.checking.check import Evidence, check
from theorems.evidence import badges
from theorems.evidence import file as evidence
from theorems.evidence.summaries import markdown
from theorems.own.models import Result
from theorems.verdict import Verdict


def strict(node):
    """The schema with every object closed: what is written must be described."""
    if isinstance(node, dict):
        node = {key: strict(value) for key, value in node.items()}
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        return node
    return [strict(value) for value in node] if isinstance(node, list) else node


@pytest.fixture(scope="module")
def written():
    """Evidence with every outcome."""
    undecided, nowhere = Evidence(HOLDS), Evidence(OTHER)
    undecided.add(Verdict("gram_flow", Outcome.UNDECIDED, grade=None))
    nowhere.add(
        Verdict("feature_learning_equation", Outcome.INAPPLICABLE, context={"reason": "because"})
    )
    renamed = {"name": "a_wrong_one"}
    places = [Result(OTHER, "fc1", OTHER(LAYER))]
    records = [
        evidence.record(check(AS_STATED, examples=3)),
        evidence.record(check(HOLDS, examples=3)),
        evidence.record(check(WRONG, examples=3)) | renamed,
        evidence.model_record(evidence.judged(OTHER, places), places),
        evidence.record(undecided) | {"name": "undecided"},
        evidence.record(nowhere) | {"name": "nowhere"},
        evidence.not_run(HOLDS, reason="no verdict", where="test_it") | {"name": "silent"},
    ]
    return json.loads(json.dumps(evidence.document(records, seed=3, profile="default")))


def test_the_schema_is_one():
    Draft202012Validator.check_schema(evidence.schema())


def test_everything_that_is_written_is_described(written):
    Draft202012Validator(strict(evidence.schema())).validate(written)
    assert {entry["outcome"] for entry in written["claims"]} == {*(o.name for o in Outcome), None}
    entry = written["claims"][1]
    assert entry["paper"] == "The weight Gram matrix and feature learning"
    assert entry["where"] == HOLDS.source.where
    assert entry["statement"] == HOLDS.statement
    stated = written["claims"][0]["related"]
    assert {"kind": "corrected by", "name": AS_STATED.name.removesuffix("_as_stated")} in stated
    assert written["started"].endswith("+00:00")


def test_a_refutation_brings_its_counterexample(written):
    entry = next(entry for entry in written["claims"] if entry["name"] == "a_wrong_one")
    assert entry["counterexample"]["text"].startswith("feature_learning_equation: REFUTED")
    assert entry["counterexample"]["instance"].startswith("LayerTrace(")


def test_it_comes_back(written, tmp_path):
    evidence.write(tmp_path / "e.json", written)
    assert evidence.read(tmp_path / "e.json") == written


def broken(written, change):
    content = copy.deepcopy(written)
    change(content)
    return json.dumps(content)


BROKEN = {
    "not JSON": (lambda _: "{", "expected JSON in"),
    "a list": (lambda _: "[]", "got schema None"),
    "schema 2": (
        lambda w: broken(w, lambda c: c.update(schema=2)),
        "expected evidence of schema 1 in .*, got schema 2",
    ),
    "no claims": (
        lambda w: broken(w, lambda c: c.pop("claims")),
        "'claims' is a required property",
    ),
    "an outcome of its own": (
        lambda w: broken(w, lambda c: c["claims"][1].update(outcome="PASSED")),
        r"got claims\[1\]\.outcome: 'PASSED' is not one of",
    ),
    "a count of its own": (
        lambda w: broken(w, lambda c: c["claims"][0].update(instances=-1)),
        r"claims\[0\]\.instances: -1 is less than the minimum",
    ),
    "a claim twice": (
        lambda w: broken(w, lambda c: c["claims"].append(c["claims"][0])),
        "two entries of the claim spiked_covariance_series_as_stated",
    ),
    "a grade of its own": (
        lambda w: broken(w, lambda c: c["claims"][1]["grades"].update(PROVEN=1)),
        r"claims\[1\]\.grades: 'PROVEN' is not one of",
    ),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_broken_evidence_is_refused(written, tmp_path, mistake):
    make, message = BROKEN[mistake]
    (tmp_path / "e.json").write_text(make(written))
    with pytest.raises(InputError, match=message):
        evidence.read(tmp_path / "e.json")


def test_no_evidence_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected an evidence file, got .*theorems check --json"):
        evidence.read(tmp_path / "e.json")


OUTCOMES = ("REFUTED", "UNDECIDED", "HOLDS", "INAPPLICABLE", None)


@given(
    st.sampled_from(OUTCOMES),
    st.sampled_from(OUTCOMES),
    st.sampled_from(evidence.GRADES),
    st.sampled_from(evidence.GRADES),
)
def test_of_two_entries_the_worse_outcome_counts(one, two, weak, strong):
    def entry(outcome, grade, measured):
        graded = {
            "grade": grade,
            "grades": {grade: 2},
            "measured": measured,
            "bound": 1.0,
            "outcome": outcome,
        }
        plain = {"outcome": outcome, "instances": 2 * (outcome is not None)}
        return evidence.not_run(HOLDS) | (graded if outcome in ("HOLDS", "REFUTED") else {}) | plain

    a, b = entry(one, weak, 0.25), entry(two, strong, 0.5)
    merged = evidence.merge(a, b)
    assert merged["outcome"] == OUTCOMES[min(OUTCOMES.index(one), OUTCOMES.index(two))]
    assert merged["instances"] == a["instances"] + b["instances"]
    contributors = [e for e in (a, b) if e["outcome"] == merged["outcome"]]
    assert merged["grade"] == max(
        (e["grade"] for e in contributors if e["grade"]), key=evidence.GRADES.index, default=None
    )
    assert merged["measured"] == max(
        (e["measured"] for e in contributors if e["measured"]), default=None
    )
    assert sum(merged["grades"].values()) == sum(sum(e["grades"].values()) for e in contributors)
    assert {**evidence.merge(b, a), "places": []} == {**merged, "places": []} or one == two


@pytest.mark.parametrize(
    ("name", "message", "color"),
    [
        ("gram_flow", "holds, proved", badges.GREENS["PROVED"]),
        ("a_wrong_one", "refuted, exact", badges.RED),
        ("spiked_covariance_series_as_stated", "refuted, as expected, certified", badges.BLUE),
        ("undecided", "undecided", badges.YELLOW),
        ("nowhere", "does not apply", badges.SLATE),
        ("silent", "not run", badges.GREY),
        ("theorems", "1 of 7 refuted", badges.RED),
        ("arxiv-2605.17718", "refuted, as expected, certified", badges.BLUE),
        ("arxiv-2605.06258", "1 of 6 refuted", badges.RED),
    ],
)
def test_badges_say_what_the_evidence_says(written, name, message, color):
    (badge,) = (badge for badge in badges.badges(written) if badge.name == name)
    assert (badge.message, badge.color) == (message, color)
    assert badge.endpoint["schemaVersion"] == 1
    assert badge.endpoint.get("isError", False) == (color == badges.RED)
    texts = [element.text for element in ET.fromstring(badge.svg).iter() if element.text]
    assert badge.label in texts
    assert badge.message in texts


@pytest.mark.parametrize("grade", evidence.GRADES)
def test_a_claim_that_holds_says_how_it_was_established(grade):
    entry = {"outcome": "HOLDS", "expected": "HOLDS", "grade": grade}
    assert badges.wording(entry) == (f"holds, {grade.lower()}", badges.GREENS[grade])
    assert badges.wording({**entry, "expected": "REFUTED"}) == (
        f"holds, {grade.lower()}, expected refuted",
        badges.RED,
    )


def summed(*outcomes):
    entries = [
        {"outcome": outcome, "expected": expected, "grade": grade}
        for outcome, expected, grade in outcomes
    ]
    return badges.summing_up(entries)[0]


def test_summing_up():
    good, weak = ("HOLDS", "HOLDS", "EXACT"), ("HOLDS", "HOLDS", "STATISTICAL")
    stated, surprise = ("REFUTED", "REFUTED", "EXACT"), ("HOLDS", "REFUTED", "EXACT")
    silent, nowhere, torn = (
        (None, "HOLDS", None),
        ("INAPPLICABLE", "HOLDS", None),
        ("UNDECIDED", "HOLDS", None),
    )
    assert summed(good, good) == "all 2 hold, exact"
    assert summed(good, weak) == "all 2 hold, statistical or better"
    assert summed(good, stated) == "all 2 as expected, exact"
    assert summed(good, silent, nowhere) == "1 of 3 hold, exact"
    assert summed(good, torn) == "1 of 2 undecided"
    assert summed(good, torn, surprise) == "1 of 3 not as expected"
    assert summed(silent, nowhere) == summed() == "not run"
    assert summed(nowhere) == "does not apply"


def test_badges_of_earlier_runs_turn_grey(written, tmp_path):
    badges.write_badges(written, tmp_path)
    (tmp_path / "package.json").write_text('{"schemaVersion": 1, "label": "not a badge of ours"}')
    later = {**written, "claims": written["claims"][:1]}
    badges.write_badges(later, tmp_path)
    assert json.loads((tmp_path / "gram_flow.json").read_text())["message"] == "not run"
    assert "not run" in (tmp_path / "gram_flow.svg").read_text()
    assert "message" not in json.loads((tmp_path / "package.json").read_text())


def test_texts_are_escaped():
    svg = badges.Badge("x", 'a <b> & "c"', "∇_W L ≤ 1", badges.RED).svg
    assert 'a <b> & "c"' in [element.text for element in ET.fromstring(svg).iter()]


def test_badges_of_one_page_share_no_ids(written):
    """Or a browser cuts one to the width of the other."""
    pictures = [badge.svg for badge in badges.badges(written)]
    ids = [
        element.get("id")
        for svg in pictures
        for element in ET.fromstring(svg).iter()
        if element.get("id")
    ]
    assert len(set(ids)) == len(ids) >= len(pictures)
    assert all(re.fullmatch(r"[\w-]+", own) for own in ids)


def test_badges_are_wide_enough(written):
    for badge in badges.badges(written):
        picture = ET.fromstring(badge.svg)
        assert (
            5.5 * len(badge.label + badge.message)
            < float(picture.get("width"))
            < 9 * len(badge.label + badge.message) + 30
        )


@pytest.mark.slow
def test_the_command_needs_no_torch(written, tmp_path):
    evidence.write(tmp_path / "e.json", written)
    code = (
        "import sys; from theorems.cli import main\ntry: main()\nexcept SystemExit as e: "
        "print(e.code, 'torch' in sys.modules)"
    )
    for file, wanted in (("e.json", "0 False"), ("none.json", "2 False")):
        done = subprocess.run(
            [sys.executable, "-c", code, "badges", str(tmp_path / file), "-o", str(tmp_path / "b")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == wanted
    assert "expected an evidence file" in done.stderr
    assert (tmp_path / "b" / "theorems.svg").is_file()


def test_markdown(written):
    odd = {**written["claims"][1], "name": "a|b"}
    assert "| `a\\|b` |" in markdown({**written, "claims": [odd]})
    text = markdown(written)
    assert text.startswith("## theorems: 1 of 7 refuted\n")
    assert re.search(
        r"\| `gram_flow` \| ✅ HOLDS \| PROVED, (EXACT \d+, )?NUMERICAL 1 \+6 generic \|", text
    )
    assert "| `a_wrong_one` | ❌ REFUTED (expected HOLDS) |" in text
    assert "| `spiked_covariance_series_as_stated` | ✅ REFUTED, as expected |" in text
    assert "1 of 7 claims were not run." in text
    assert "silent" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {8}
