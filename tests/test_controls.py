"""A wrong theorem would have been caught: every mutant is refuted, every dropped hypothesis
shows.
"""

import math

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from theorems import CLAIMS, Outcome
from theorems.checking.check import dropped

TRUE = [claim for claim in CLAIMS if claim.expected is Outcome.HOLDS]
MUTANTS = [(claim, name) for claim in TRUE for name in claim.mutants]
HYPOTHESES = [(claim, name) for claim in TRUE for name in claim.hypotheses]
SEARCH = settings(
    max_examples=500,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@pytest.mark.parametrize(("claim", "name"), MUTANTS, ids=[f"{c.name}-{n}" for c, n in MUTANTS])
def test_mutant_is_refuted(claim, name):
    mutant = claim.mutants[name]

    def refuted(instance):
        verdict = mutant(instance)
        return verdict.outcome is Outcome.REFUTED and math.isfinite(verdict.measured)

    instance = find(claim.instances(), refuted, settings=SEARCH)
    assert claim(instance).outcome is Outcome.HOLDS, "the mutant must die where the claim lives"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claim", "name"), HYPOTHESES, ids=[f"{c.name}-{n}" for c, n in HYPOTHESES]
)
def test_dropped_hypothesis_shows(claim, name):
    hypothesis = claim.hypotheses[name]
    seen = set()

    @settings(max_examples=25)
    @given(hypothesis.dropped())
    def violated(instance):
        verdict = claim(instance)
        seen.add(verdict.outcome)
        if hypothesis.check is not None:
            assert verdict.outcome is Outcome.INAPPLICABLE, verdict
            assert verdict.context["reason"]

    violated()
    assert seen & {Outcome.INAPPLICABLE, Outcome.REFUTED}, f"nobody would notice: {seen}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claim", "name"), HYPOTHESES, ids=[f"{c.name}-{n}" for c, n in HYPOTHESES]
)
def test_hypothesis_bites_or_says_why_not(claim, name):
    condition = dropped(claim, name, examples=20, seed=0)
    assert condition.bites is (condition.meaning is None), condition


@pytest.mark.parametrize("claim", TRUE, ids=lambda claim: claim.name)
def test_has_enough_controls(claim):
    assert len(claim.mutants) >= 3
    assert len(claim.hypotheses) >= 1
