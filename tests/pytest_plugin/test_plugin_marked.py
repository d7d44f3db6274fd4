"""Tests of a user's own that are tied to claims by the marker: what they say of their claims."""

import pytest

from theorems import feature_learning
from theorems.evidence import file as evidence

pytest_plugins = "pytester"

OWN = """
import pytest, torch
from impl import trace
from theorems import feature_learning_equation, gram_flow

@pytest.fixture
def layer():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)).double()
    return trace(model, torch.randn(8, 4).double(), torch.randint(3, (8,)), torch.nn.functional.cross_entropy)["0"]
"""  # noqa: E501


@pytest.mark.slow
def test_a_marked_test_gives_evidence(evidence_of, pytester):
    pytester.makepyfile(
        OWN
        + """
@pytest.mark.claim("feature_learning_equation")
def test_it(layer):
    assert feature_learning_equation(layer)
    assert gram_flow(layer)  # not tied to this test
"""
    )
    result, claims = evidence_of("--junitxml", "j.xml")
    result.assert_outcomes(passed=1)
    entry = claims["feature_learning_equation"]
    assert (entry["outcome"], entry["grade"], entry["instances"]) == ("HOLDS", "NUMERICAL", 1)
    assert [place["where"] for place in entry["places"]] == [
        "test_a_marked_test_gives_evidence.py::test_it"
    ]
    assert claims["gram_flow"]["outcome"] is None
    assert (
        '<property name="theorems.outcome" value="HOLDS" />'
        in (pytester.path / "j.xml").read_text()
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "outcomes", "outcome"),
    [
        ("pass", {"passed": 1}, None),
        ("assert 0", {"failed": 1}, "UNDECIDED"),
        ("assert gram_flow(layer); assert 0", {"failed": 1}, "UNDECIDED"),
        ("assert gram_flow(bad(layer))", {"failed": 1}, "REFUTED"),
        ("gram_flow(bad(layer))", {"failed": 1}, "REFUTED"),
        ("assert gram_flow(layer); gram_flow(bad(layer))", {"failed": 1}, "REFUTED"),
        ("assert gram_flow(layer); pytest.skip()", {"skipped": 1}, None),
        ("assert not other(bad(layer))", {"passed": 1}, None),
        ("assert gram_flow(layer); pytest.xfail()", {"xfailed": 1}, "UNDECIDED"),
    ],
)
def test_what_a_marked_test_says(evidence_of, pytester, body, outcomes, outcome):
    pytester.makepyfile(
        OWN
        + f"""
import dataclasses
other = dataclasses.replace(gram_flow)  # bears the name, but is not the claim
bad = lambda layer: dataclasses.replace(layer, input_grad=layer.input_grad * 2)
@pytest.mark.claim("gram_flow")
def test_it(layer):
    {body}
"""
    )
    result, claims = evidence_of()
    result.assert_outcomes(**outcomes)
    assert claims.get("gram_flow", {"outcome": None})["outcome"] == outcome
    if body == "pass":
        result.stdout.fnmatch_lines(["gram_flow: not run; *::test_it: no verdict*"])


def test_marked_methods_of_unittest_and_broken_fixtures(evidence_of, pytester):
    pytester.makepyfile(
        OWN
        + """
import unittest
class TestIt(unittest.TestCase):
    @pytest.mark.claim("gram_flow")
    def test_it(self):
        torch.manual_seed(0)
        model = torch.nn.Linear(4, 3).double()
        assert gram_flow(trace(model, torch.randn(8, 4).double(), torch.randint(3, (8,)), torch.nn.functional.cross_entropy)[""])
        self.fail()
@pytest.fixture
def broken(): raise OSError
@pytest.mark.claim("feature_learning_equation")
def test_other(broken): pass
"""  # noqa: E501
    )
    result, claims = evidence_of()
    result.assert_outcomes(failed=1, errors=1)
    assert (
        claims["gram_flow"]["outcome"]
        == claims["feature_learning_equation"]["outcome"]
        == "UNDECIDED"
    )


@pytest.mark.slow
def test_workers_bring_the_same_evidence(pytester):
    pytester.makepyfile(
        OWN
        + """
from theorems import surrogate_grows_in_expectation
from theorems.checking.drawing import draws

@pytest.mark.claim("gram_flow")
def test_it(layer): assert gram_flow(layer)

@pytest.mark.claim("surrogate_grows_in_expectation")
def test_chance():
    assert surrogate_grows_in_expectation(next(iter(draws(surrogate_grows_in_expectation.instances(), examples=1, seed=0))))
"""  # noqa: E501
    )
    claims = ("--claim", "gram_flow", "--claim", "surrogate_grows_in_expectation")
    arguments = (
        "-p",
        "no:benchmark",
        "--theorems-examples",
        "2",
        *claims,
        "--theorems-json",
        "e.json",
    )
    pytester.runpytest_subprocess(*arguments, "-n", "2").assert_outcomes(passed=4)
    parallel = evidence.read(pytester.path / "e.json")
    pytester.runpytest_inprocess(*arguments).assert_outcomes(passed=4)
    one = evidence.read(pytester.path / "e.json")
    for entry in (*parallel["claims"], *one["claims"]):
        entry["seconds"] = 0
    assert parallel["claims"] == one["claims"]
    counted, chance = sorted(
        (entry for entry in one["claims"] if entry["outcome"]), key=lambda entry: entry["name"]
    )
    assert counted["instances"] == chance["instances"] == 3, (
        "drawn instances and those of the marked test add up"
    )
    assert counted["mutants"]["total"] == len(feature_learning.gram_flow.mutants)
    assert parallel["false_alarm"] == one["false_alarm"] == pytest.approx(3e-9)
