"""The wrong variants that a claim gets if it names none: each predicts what its name says, of
numbers, exact numbers and laws.
"""

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

from theorems.variants import automatic

SQUARE = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
WIDE = torch.tensor([[1.0, -2.0, 5.0]], dtype=torch.float64)
FLIPPED, DOUBLED, HALVED, TRANSPOSED = (
    f"automatic: {name}"
    for name in ("sign flipped", "twice as much", "half as much", "transposed where square")
)  # fmt: skip


def variants(value, sign="="):
    return automatic(lambda _: value, sign)


def exact(rows):
    return np.array([[Fraction(v) for v in row] for row in rows], dtype=object)


@pytest.mark.parametrize(
    "law",
    [stats.expon(), stats.gamma(2.5, loc=-1.0), stats.norm(3.0, 0.5)],
    ids=["exp", "gamma", "normal"],
)
def test_a_law_is_reflected_and_stretched(law):
    """P(−X ≤ x) = P(X ≥ −x), and a law with a scale has that of twice the variable."""
    points = np.linspace(-9.0, 9.0, 37)
    changed = variants(law)
    reflected, doubled = changed[FLIPPED](None), changed[DOUBLED](None)
    np.testing.assert_allclose(reflected.cdf(points), law.sf(-points), atol=1e-12)
    np.testing.assert_allclose(doubled.cdf(2 * points), law.cdf(points), atol=1e-12)
    twice = -2.0 * law.rvs(20_000, random_state=np.random.default_rng(0))
    both = variants(doubled)[FLIPPED](None)
    assert stats.ks_1samp(twice, both.cdf).statistic < stats.kstwo.isf(1e-9, len(twice))
    assert variants(law)[FLIPPED].idle(None) is None


def test_numbers_are_changed_as_the_name_says():
    for value in (SQUARE, WIDE):
        assert (variants(value)[FLIPPED](None) + value == 0).all()
        assert (variants(value)[DOUBLED](None) - value == value).all()
        half = variants(value, "<=")[HALVED](None)
        assert (half + half == value).all()
    assert (variants(SQUARE)[TRANSPOSED](None) == torch.tensor([[1.0, 3.0], [2.0, 4.0]])).all()
    assert variants(WIDE)[TRANSPOSED](None) is WIDE
    for few in (SQUARE[0], SQUARE[0, 0]):
        assert variants(few)[TRANSPOSED](None) is few
    stack = torch.stack([SQUARE, 2 * SQUARE, 3 * SQUARE])
    assert (variants(stack)[TRANSPOSED](None)[:, 0, 1] == torch.tensor([3.0, 6.0, 9.0])).all()


@pytest.mark.parametrize("value", [3, exact([[1, 3], [5, "1/3"]])], ids=["integer", "fractions"])
def test_exact_numbers_stay_exact(value):
    half = np.asarray(variants(value, "<=")[HALVED](None), dtype=object)
    assert all(isinstance(v, Fraction) for v in half.reshape(-1))
    assert np.all(half + half == value)


def test_only_what_is_wrong_for_the_sign_is_tried():
    """Half of a true lower bound and twice a true upper one (of what is positive) would be true."""
    assert set(variants(SQUARE)) == {FLIPPED, DOUBLED, TRANSPOSED}
    assert set(variants(SQUARE, "<=")) == {FLIPPED, HALVED}
    assert set(variants(SQUARE, ">=")) == set(variants(SQUARE, ">")) == {FLIPPED, DOUBLED}


def test_a_variant_that_changes_nothing_says_so():
    symmetric, zero = SQUARE + SQUARE.mT, torch.zeros(2, 2)
    for value, name in (
        (symmetric, TRANSPOSED),
        (WIDE, TRANSPOSED),
        (zero, FLIPPED),
        (zero, DOUBLED),
        (0, FLIPPED),
    ):
        assert variants(value)[name].idle(None) == "this variant predicts the same here"
    for value in (symmetric, WIDE, 1):
        assert variants(value)[FLIPPED].idle(None) is None
        assert variants(value)[DOUBLED].idle(None) is None
    assert variants(SQUARE)[TRANSPOSED].idle(None) is None
    assert variants({"a": zero, "b": WIDE})[DOUBLED].idle(None) is None
    assert variants({"a": zero, "b": 0})[DOUBLED].idle(None) is not None


def test_every_part_is_changed():
    parts = variants({"a": SQUARE, "b": 3})[DOUBLED](None)
    assert (parts["a"] == SQUARE + SQUARE).all()
    assert parts["b"] == 6
