"""Every claim of the catalogue over its own strategy, one test per claim, named after it."""

import math
from collections import Counter

import pytest
from hypothesis import given, target

from theorems import CLAIMS, Outcome
from theorems.checking.check import check
from theorems.sweeping.units import instances

NAMES = [claim.name for claim in CLAIMS]


TRUE = [claim for claim in CLAIMS if claim.expected is Outcome.HOLDS]


@pytest.mark.parametrize("claim", TRUE, ids=lambda claim: claim.name)
def test_does_not_fail_at_first(claim):
    """What a plain run looks at: one instance; `test_holds` looks at many."""
    (instance,) = instances(claim, 0, 0, count=1)
    assert claim(instance).outcome in (Outcome.HOLDS, Outcome.INAPPLICABLE)


@pytest.mark.slow
@pytest.mark.parametrize("claim", TRUE, ids=lambda claim: claim.name)
def test_holds(claim):
    seen = Counter()

    @given(claim.instances())
    def every_instance(instance):
        verdict = claim(instance)
        seen[verdict.outcome] += 1
        if 0 < verdict.ratio < math.inf:
            target(verdict.ratio, label="residual/bound")
        assert verdict.outcome in (Outcome.HOLDS, Outcome.INAPPLICABLE), verdict

    every_instance()
    assert seen[Outcome.HOLDS] > 4 * seen[Outcome.INAPPLICABLE], f"vacuous: {dict(seen)}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.expected is Outcome.REFUTED], ids=lambda claim: claim.name
)
def test_is_refuted_as_stated(claim):
    assert check(claim, examples=100).outcome is Outcome.REFUTED


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_statement_owes_nothing(claim):
    statement = claim.statement
    assert statement.startswith(claim.summary[:20])
    assert f"arXiv:{claim.source.arxiv}" in statement
    assert "Hypotheses" in statement
    assert "Raises" in statement or "raises" in statement
    assert "(…" in statement or "Shapes:" in statement, "shapes are part of a statement"
    assert (
        ".. math::" in statement
        or "TL" in statement
        or "exact at L" in statement
        or "[" in statement
    )


@pytest.mark.parametrize(
    "subject",
    sorted({claim.subject for claim in CLAIMS}, key=lambda subject: subject.__name__),
    ids=lambda subject: subject.__name__,
)
def test_instances_are_told_apart_by_identity(subject):
    """Comparing tensors field by field would be no truth value, and no instance could be a key."""
    assert subject.__eq__ is object.__eq__
    assert subject.__hash__ is object.__hash__


def test_names_are_unique():
    assert len(set(NAMES)) == len(NAMES)
