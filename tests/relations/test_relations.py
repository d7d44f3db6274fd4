"""What a comparison makes of two sides: four signs, parts, NaN, infinities, exact numbers, bounds
too wide to tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest
import torch

from impl.instances.instance import Instance
from impl.numbers.operands import Operand
from theorems.impl.numbers.rounded import Ball
from theorems.relations import Comparison
from theorems.verdict import Grade, Outcome

HOLDS, REFUTED, UNDECIDED = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED
SIGNS = ["=", "<=", ">=", ">"]


@dataclass(frozen=True, eq=False)
class Pair(Instance):
    """An observation and a prediction."""

    measured: ClassVar = {}

    observed: Operand
    predicted: Operand


def _tensor(values):
    return torch.as_tensor(values, dtype=torch.float64)


def judge(sign, observed, predicted, *, radius=None):
    """Compare numbers as they are; ``radius`` is the rounding error that the observation is said to
    have.
    """

    def observe(pair):
        if radius is not None and isinstance(pair.observed, Ball):
            return Ball(pair.observed.center, _tensor(radius).expand_as(pair.observed.center))
        return pair.observed

    pair = Pair(_tensor(observed), _tensor(predicted))
    return Comparison(sign).judge(observe, lambda pair: pair.predicted, pair)


def exactly(sign, observed, predicted):
    pair = Pair(np.array(observed, dtype=object), np.array(predicted, dtype=object))
    return Comparison(sign).judge(lambda p: p.observed, lambda p: p.predicted, pair)


@pytest.mark.parametrize(
    ("sign", "below", "equal", "above"),
    [
        ("=", REFUTED, HOLDS, REFUTED),
        ("<=", HOLDS, HOLDS, REFUTED),
        (">=", REFUTED, HOLDS, HOLDS),
        (">", REFUTED, REFUTED, HOLDS),
    ],
)
@pytest.mark.parametrize("how", [judge, exactly])
def test_four_signs(how, sign, below, equal, above):
    for observed, outcome in ((1, below), (2, equal), (3, above)):
        finding = how(sign, [observed], [2])
        assert finding.outcome is outcome
        assert finding.grade is Grade.EXACT  # nothing rounded


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize(
    ("margins", "radii", "outcome", "worst"),
    [
        ((1.0, 2.0, 3.0), (0.5, 0.5, 0.5), HOLDS, 0),
        # nearer to refutation than the smaller margin
        (
            (1.0, 2.0, 3.0),
            (0.1, 1.9, 0.1),
            HOLDS,
            1,
        ),
        ((1.0, 2.0, 3.0), (0.5, 2.5, 0.5), UNDECIDED, 1),
        ((9.0, 0.2, 3.0), (0.5, 0.5, 2.0), UNDECIDED, 1),
        ((9.0, -1.0, 3.0), (0.5, 0.5, 0.5), REFUTED, 1),
        # one entry that cannot be told hides none that can
        (
            (1.0, -1.0, 3.0),
            (10.0, 0.5, 0.5),
            REFUTED,
            1,
        ),
    ],
)
def test_a_strict_inequality_is_judged_where_it_is_nearest_to_refutation(
    margins, radii, outcome, worst, order
):
    finding = judge(
        ">", [10 + margins[i] for i in order], [10.0] * 3, radius=[radii[i] for i in order]
    )
    assert finding.outcome is outcome
    assert finding.context["entry"] == (order.index(worst),)


@pytest.mark.slow
@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("other", [0.0, 1.0, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("radius", [None, 0.5])
def test_nan_and_infinity_prove_nothing(sign, other, bad, radius):
    for observed, predicted in (([bad, 1.0], [other, 1.0]), ([other, 1.0], [bad, 1.0])):
        assert judge(sign, observed, predicted, radius=radius).outcome is UNDECIDED


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("radius", [math.inf, math.nan])
def test_an_infinite_bound_proves_nothing(sign, radius):
    for observed in (1.0, 2.0, 3.0):
        assert judge(sign, [observed], [2.0], radius=radius).outcome is UNDECIDED


def test_within_and_beyond_the_bound():
    assert judge("=", [10.0, 5.0], [10.5, 5.0], radius=0.5).outcome is HOLDS
    assert judge("=", [10.0, 5.0], [10.75, 5.0], radius=0.5).outcome is REFUTED
    assert judge("<=", [10.25], [10.0], radius=0.5).outcome is HOLDS
    assert judge("<=", [10.75], [10.0], radius=0.5).outcome is REFUTED
    # a strict inequality must be proved
    assert judge(">", [10.25], [10.0], radius=0.5).outcome is UNDECIDED
    assert judge(">", [10.75], [10.0], radius=0.5).outcome is HOLDS
    assert judge(">", [9.5], [10.0], radius=0.5).outcome is REFUTED


@pytest.mark.parametrize(
    ("sign", "observed", "predicted", "outcome"),
    [
        ("=", 1.0, 2.0, UNDECIDED),
        ("<=", 2.0, 1.0, UNDECIDED),
        ("<=", 1.0, 2.0, UNDECIDED),
        (">=", 1.0, 2.0, UNDECIDED),
        ("=", 0.0, 0.0, HOLDS),  # zero on both sides: nothing was lost in the bound
        ("=", 20.0, 2.0, REFUTED),
        ("<=", -20.0, 2.0, HOLDS),  # proved in spite of the bound
    ],
)
def test_a_bound_beyond_both_sides_decides_nothing(sign, observed, predicted, outcome):
    assert judge(sign, [observed], [predicted], radius=10.0).outcome is outcome


def test_exact_only_if_nothing_rounded():
    thirds = Comparison().judge(
        lambda p: p.observed / 3, lambda p: p.predicted / 3, Pair(_tensor([1.0]), _tensor([1.0]))
    )
    assert (thirds.outcome, thirds.grade) == (HOLDS, Grade.NUMERICAL)
    whole = Comparison().judge(
        lambda p: p.observed / 3, lambda p: p.predicted / 3, Pair(_tensor([3.0]), _tensor([3.0]))
    )
    assert (whole.outcome, whole.grade) == (HOLDS, Grade.EXACT)
    beyond = Comparison().judge(
        lambda p: p.observed * p.observed, lambda p: p.predicted * p.predicted, _pair(2**27 + 1)
    )
    assert (beyond.outcome, beyond.grade) == (HOLDS, Grade.NUMERICAL)  # the square exceeds 2^53


def _pair(value):
    return Pair(_tensor([float(value)]), _tensor([float(value)]))


def test_one_part_that_rounds_takes_the_grade():
    def sides(pair):
        return {"whole": pair.observed * 2, "third": pair.observed / 3}

    finding = Comparison().judge(sides, sides, _pair(1))
    assert (finding.outcome, finding.grade) == (HOLDS, Grade.NUMERICAL)


def test_shapes_that_differ_are_a_refutation_that_names_them():
    for make in (_tensor, lambda values: np.array(values, dtype=object)):
        pair = Pair(make([1, 2]), make([[1, 2]]))
        finding = Comparison().judge(lambda p: p.observed, lambda p: p.predicted, pair)
        assert finding.outcome is REFUTED
        assert finding.context["shapes"] == "predicted (1, 2), observed (2,)"


def test_parts_are_compared_by_name_and_by_their_own_sign():
    def observe(pair):
        return {"equal": pair.observed, "less": pair.observed - 1}

    def predict(pair):
        return {"less": pair.predicted, "equal": pair.predicted}

    relation = Comparison("=", {"less": "<="})
    assert relation.judge(observe, predict, _pair(3)).outcome is HOLDS
    finding = Comparison("=").judge(observe, predict, _pair(3))
    assert finding.outcome is REFUTED
    assert finding.context["part"] == "less"
    with pytest.raises(
        TypeError, match=r"expected the parts \['equal', 'less'\] on both sides, got \['less'\]"
    ):
        relation.judge(observe, lambda pair: {"less": pair.predicted}, _pair(3))


def test_the_most_severe_part_counts():
    def observe(pair):
        unclear = (
            Ball(pair.observed.center, pair.observed.center * 0 + math.inf)
            if isinstance(pair.observed, Ball)
            else pair.observed
        )
        return {"fine": pair.observed, "unclear": unclear, "wrong": pair.observed + 1}

    def predict(pair):
        return dict.fromkeys(("fine", "unclear", "wrong"), pair.predicted)

    finding = Comparison().judge(observe, predict, _pair(3))
    assert (finding.outcome, finding.context["part"]) == (REFUTED, "wrong")
    finding = Comparison("=", {"wrong": ">="}).judge(observe, predict, _pair(3))
    assert (finding.outcome, finding.context["part"]) == (UNDECIDED, "unclear")


@pytest.mark.parametrize("how", [judge, exactly])
def test_the_worst_entry_is_reported_with_both_sides(how):
    finding = how("=", [[1, 2], [3, 9], [5, 6]], [[1, 2], [3, 4], [5, 7]])
    assert finding.outcome is REFUTED
    assert finding.context == {"entry": (1, 1), "observed": 9.0, "predicted": 4.0}
    assert (finding.measured, finding.bound) == (5.0, 0.0)


def test_the_worst_entry_is_the_one_nearest_to_its_own_bound():
    finding = judge("=", [100.0, 1.0], [101.0, 1.5], radius=[10.0, 0.75])
    assert (finding.outcome, finding.context["entry"], finding.bound) == (HOLDS, (1,), 0.75)


def test_scalars_and_empty_context():
    finding = judge("=", 2.0, 2.0)
    assert (finding.outcome, finding.context["entry"]) == (HOLDS, ())
    assert exactly("=", 2, 3).context["entry"] == ()


def test_exact_numbers_beyond_every_float():
    huge = 10**400
    assert exactly("=", [huge], [huge]).outcome is HOLDS
    assert exactly("=", [huge + 1], [huge]).outcome is REFUTED
    assert exactly("=", [huge], [0]).outcome is REFUTED
    assert exactly(">", [huge], [0]).outcome is HOLDS
    assert exactly("<=", [Fraction(1, 3)], [Fraction(1, 3) + Fraction(1, huge)]).outcome is HOLDS
    assert exactly("<=", [Fraction(1, 3) + Fraction(1, huge)], [Fraction(1, 3)]).outcome is REFUTED


def test_a_formula_with_a_zero_denominator_says_nothing():
    pair = Pair(np.array([1], dtype=object), np.array([0], dtype=object))
    finding = Comparison().judge(
        lambda p: p.observed * Fraction(1, int(p.predicted[0])), lambda p: p.predicted, pair
    )
    assert finding.outcome is Outcome.INAPPLICABLE
    floats = Comparison().judge(
        lambda p: p.observed / p.predicted,
        lambda p: p.predicted,
        Pair(_tensor([0.0]), _tensor([0.0])),
    )
    assert floats.outcome is Outcome.INAPPLICABLE
    assert floats.context["reason"] == "a denominator is zero"


def test_floats_in_exact_arithmetic_are_an_error_of_the_formula():
    pair = Pair(np.array([1], dtype=object), np.array([1], dtype=object))
    with pytest.raises(TypeError, match="mixes floats into exact arithmetic"):
        Comparison().judge(lambda p: p.observed * 0.5, lambda p: p.predicted * 0.5, pair)


def test_float32_data_are_compared_as_the_numbers_they_are():
    third = torch.tensor([1 / 3], dtype=torch.float32)
    finding = Comparison().judge(
        lambda p: p.observed * 2, lambda p: p.predicted + p.predicted, Pair(third, third)
    )
    assert finding.outcome is HOLDS
    finding = Comparison().judge(
        lambda p: p.observed, lambda p: p.predicted, Pair(third, third.double() + 2**-40)
    )
    assert finding.outcome is REFUTED


@pytest.mark.parametrize("factor", [2.0, 1.5, -1.0, 0.0])
def test_an_equation_whose_bound_a_wrong_side_would_meet_does_not_hold(factor):
    """The bound of a side that is twice the other is below the larger and above the smaller: that
    is no agreement.
    """
    for radius in (1.2, 2.5):
        finding = judge("=", [factor, 0.1], [1.0, 0.1], radius=radius)
        assert finding.outcome in (UNDECIDED, REFUTED), (radius, finding)
    assert judge("=", [1.1, 0.1], [1.0, 0.1], radius=0.4).outcome is HOLDS
