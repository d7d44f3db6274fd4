"""The exact value always lies inside the ball, and a radius of zero means that nothing rounded."""

from __future__ import annotations

import math
from fractions import Fraction

import flint
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.exactly import KINDS, SINGLE, SINGLE_KINDS, fractions, matrices, outside
from theorems.impl.numbers.rounded import UNIT, Ball, gamma


def _swap(values):
    return values.mT if not isinstance(values, np.ndarray) else values.swapaxes(-1, -2)


def _clamp(values):
    return (
        np.maximum(values, Fraction(1, 4))
        if isinstance(values, np.ndarray)
        else values.clamp(min=0.25)
    )


# operations on two square matrices that mean the same for balls, tensors and fractions
BINARY = {
    "a @ b": lambda a, b: a @ b,
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "a * b": lambda a, b: a * b,
    "a @ bᵀ": lambda a, b: a @ _swap(b),
}
UNARY = {
    "-a": lambda a: -a,
    "aᵀ": _swap,
    "|a|": lambda a: abs(a) if isinstance(a, np.ndarray) else a.abs(),
    "max(a, 1/4)": _clamp,
    "row sums": lambda a: a * 0 + a.sum(-1)[..., None],
    "total": lambda a: a * 0 + a.sum(-1)[..., None].sum(-2)[..., None, :],
    "first row": lambda a: a * 0 + a[..., :1, :],
    "1 - a": lambda a: 1 - a,
    "2a": lambda a: a * 2,
}


@st.composite
def programs(draw, kinds, unit=UNIT, *, division=True):
    """A few operands and a few operations on them: [(ball, exact, floats)] after each step, with
    its name.
    """
    shape = draw(st.sampled_from([(1, 1), (2, 2), (3, 3), (2, 2, 2)]))
    operands = draw(
        st.lists(
            st.sampled_from(sorted(kinds)).flatmap(lambda k: matrices(shape, kinds[k])),
            min_size=2,
            max_size=3,
        )
    )
    pool = [(Ball(x, unit=unit), fractions(x), x if unit == UNIT else x.float()) for x in operands]
    steps = []
    for _ in range(draw(st.integers(1, 5))):
        name = draw(st.sampled_from([*BINARY, *UNARY, *(["a / b"] if division else [])]))
        first, second = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        if name == "a / b":
            if not (second[1] != 0).all():
                continue
            made = tuple(a / b for a, b in zip(first, second, strict=True))
        elif name in BINARY:
            made = tuple(BINARY[name](a, b) for a, b in zip(first, second, strict=True))
        else:
            made = tuple(UNARY[name](a) for a in first)
        pool.append(made)
        steps.append((name, made))
    return steps


@pytest.mark.slow
@given(programs(KINDS))
def test_the_exact_value_lies_inside(steps):
    for name, (ball, exact, floats) in steps:
        assert not outside(ball, exact), name
        # the same operations as the tensor's
        assert torch.equal(ball.center.nan_to_num(), floats.nan_to_num()), name


@pytest.mark.slow
@given(programs(SINGLE_KINDS, SINGLE))
def test_exact_value_and_float32_result_lie_inside_a_float32_ball(steps):
    for name, (ball, exact, floats) in steps:
        assert not outside(ball, exact), name
        if bool(floats.isfinite().all()):
            assert not outside(Ball(floats, ball.error), exact), f"{name} in float32"


@pytest.mark.slow
@given(programs({"small integers": KINDS["small integers"]}, division=False).filter(bool))
def test_small_integers_have_radius_zero(steps):
    for name, (ball, exact, _) in steps:
        if max(abs(e) for e in exact.reshape(-1)) > 2**40:
            break
        if name == "max(a, 1/4)":
            break  # no integers any more
        assert ball.radius is None, name
        assert (fractions(ball.center) == exact).all(), name


@pytest.mark.slow
@given(
    st.data(),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from([(), (2,), (2, 1)]),
)
def test_rectangular_and_batched_products(data, n, k, m, lead):
    kind = KINDS[data.draw(st.sampled_from(sorted(KINDS)))]
    a, b = data.draw(matrices((*lead, n, k), kind)), data.draw(matrices((*lead, k, m), kind))
    product = fractions(a) @ fractions(b)
    assert not outside(Ball(a) @ Ball(b), product)
    assert not outside(Ball(a) @ b, product)
    assert not outside(a @ Ball(b), product)
    assert not outside((Ball(a) @ Ball(b)).sum((-2, -1)), np.asarray(product.sum((-2, -1))))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BINARY, "a / b"])
@given(st.integers(0, 2**32 - 1))
def test_every_point_of_the_operands_lands_inside(name, seed):
    """Operands with radii as large as their centers: the product of two radii counts as well."""
    source, balls, points = np.random.default_rng(seed), [], []
    for _ in range(2):
        center, radius, where = (
            torch.as_tensor(source.choice(values, (2, 2)))
            for values in ([-8, -1.5, 0, 0.3, 2, 5], [0, 0.125, 1.0], [-1, 0.5, 1])
        )
        balls.append(Ball(center, radius))
        points.append(fractions(center) + fractions(where) * fractions(radius))
    if name != "a / b":
        assert not outside(BINARY[name](*balls), BINARY[name](*points))
    elif (points[1] != 0).all():
        assert not outside(balls[0] / balls[1], points[0] / points[1])


@pytest.mark.parametrize("ones", [1, 2, 3, 7, 15, 40, 300])
def test_sums_of_many_terms(ones):
    """Every 1 that is added to 2^53 alone is lost, so the error grows with the number of terms."""
    values = torch.tensor([2.0**53] + [1.0] * ones + [-(2.0**53)], dtype=torch.float64)
    assert not outside(Ball(values).sum(-1)[None], np.array([Fraction(ones)]))
    in_order = torch.zeros((), dtype=torch.float64)
    for value in values:
        in_order = in_order + value  # any order of summation may be the one that was used
    assert not outside(
        Ball(in_order[None], Ball(values).sum(-1).error[None]), np.array([Fraction(ones)])
    )
    assert in_order == 0


@given(st.data(), st.sampled_from([UNIT, SINGLE]))
def test_quotients(data, unit):
    kinds = KINDS if unit == UNIT else SINGLE_KINDS
    values = st.sampled_from(sorted(kinds)).flatmap(lambda k: matrices((3,), kinds[k]))
    above, below = data.draw(values), data.draw(values)
    below[below == 0] = 1.0
    quotient, exact = (
        Ball(above, unit=unit) / Ball(below, unit=unit),
        fractions(above) / fractions(below),
    )
    assert not outside(quotient, exact)
    if unit == SINGLE and bool((rounded := above.float() / below.float()).isfinite().all()):
        assert not outside(Ball(rounded, quotient.error), exact)


@pytest.mark.slow
@given(st.data(), st.sampled_from([UNIT, SINGLE]))
def test_tanh(data, unit):
    kinds = KINDS if unit == UNIT else SINGLE_KINDS
    values = data.draw(st.sampled_from(sorted(kinds)).flatmap(lambda k: matrices((3,), kinds[k])))
    other = data.draw(st.sampled_from(sorted(kinds)).flatmap(lambda k: matrices((3,), kinds[k])))
    total = Ball(values, unit=unit) + Ball(other, unit=unit)
    result, exact = total.tanh(), fractions(values) + fractions(other)
    with flint.ctx.workprec(2600):
        for center, radius, x in zip(
            result.center.tolist(), result.error.tolist(), exact, strict=True
        ):
            truth = flint.arb(flint.fmpq(x.numerator, x.denominator)).tanh()
            assert abs(flint.arb(center) - truth) <= flint.arb(radius)
    if unit == SINGLE:
        rounded = (values.float() + other.float()).tanh().double()
        assert bool(((rounded - result.center).abs() <= result.error * (1 + 2**-20)).all())


def _ball(*values, unit=UNIT, radius=None):
    center = torch.tensor(values, dtype=torch.float64)
    return Ball(center, None if radius is None else torch.full_like(center, radius), unit)


ROUNDS = {
    "a product that underflows": lambda: _ball(1e-200) * _ball(1e-200),
    "a matrix product that underflows": lambda: _ball(1e-200)[None] @ _ball(1e-200)[None],
    "radii whose product underflows": lambda: _ball(0.0, radius=1e-200) * _ball(0.0, radius=1e-200),
    "a radius whose product with a center underflows": lambda: (
        _ball(0.0, radius=1e-200) * _ball(1e-200)
    ),
    "an integer just above 2^53": lambda: _ball(2.0**53) + 1,
    "an integer product above 2^53": lambda: _ball(2.0**30 + 1) * _ball(2.0**30 + 1),
    "an integer sum above 2^53": lambda: _ball(2.0**53, 1.0, 1.0).sum(-1),
    "an integer that is no float": lambda: _ball(0.0) + (2**53 + 1),
    "a third": lambda: _ball(1.0) / _ball(3.0),
    "a third of halves": lambda: _ball(0.5) / _ball(1.5),
    "a quotient near 2^60 that is whole only after rounding": lambda: (
        _ball(2.0**60 + 256) / _ball(3.0)
    ),
    "a quotient of fractions that looks whole": lambda: _ball(0.1 * 3) / _ball(0.1),
    "a float32 product above 2^24": lambda: _ball(5001.0, unit=SINGLE) * _ball(4999.0, unit=SINGLE),
    "a float32 matrix product above 2^24": lambda: (
        _ball(5001.0, 1.0, unit=SINGLE)[None] @ _ball(5001.0, 1.0)[:, None]
    ),
    "a float32 third": lambda: _ball(1.0, unit=SINGLE) / _ball(3.0, unit=SINGLE),
    "a bfloat16 sum above 2^8": lambda: _ball(256.0, unit=2.0**-8) + 1,
}


@pytest.mark.parametrize("make", ROUNDS.values(), ids=ROUNDS)
def test_radius_is_not_zero_where_something_rounds(make):
    assert bool((make().error > 0).all())


DOES_NOT = {
    "integers": lambda: (_ball(3.0, 4.0)[None] @ _ball(5.0, 6.0)[:, None], 39),
    "integers in float32": lambda: (_ball(3000.0, unit=SINGLE) * _ball(5.0, unit=SINGLE), 15000),
    "integers up to 2^53": lambda: (_ball(2.0**53 - 2) + 1, 2**53 - 1),
    "whole quotients": lambda: (_ball(39.0) / _ball(3.0), 13),
    "zero over something": lambda: (_ball(0.0) / _ball(3.0), 0),
    "halves plus zero": lambda: (_ball(0.5) + 0, Fraction(1, 2)),
    "halves taken from themselves": lambda: (_ball(0.3) - _ball(0.3), 0),
    "zero times fractions": lambda: (_ball(0.3) * _ball(0.0), 0),
    "negation of fractions": lambda: (-_ball(0.3), Fraction(-0.3)),
    "absolute value of fractions": lambda: (_ball(-0.3).abs(), Fraction(0.3)),
}


@pytest.mark.parametrize("make", DOES_NOT.values(), ids=DOES_NOT)
def test_radius_is_zero_where_nothing_rounds(make):
    ball, exact = make()
    assert not ball.error.any()
    assert (fractions(ball.center) == exact).all()


def test_float32_rounding_error_of_integers_is_inside():
    single = _ball(5001.0, 4999.0, unit=SINGLE)[None]
    product = (single.center.float() @ single.center.float().mT).double()
    assert product != single.center @ single.center.mT  # float32 rounds here
    assert bool(((product - (single @ single.mT).center).abs() <= (single @ single.mT).error).all())


def test_division_by_a_ball_that_contains_zero_has_no_finite_radius():
    assert not (_ball(1.0) / _ball(0.5, radius=0.5)).error.isfinite().any()
    assert not (1 / _ball(0.0)).error.isfinite().any()


@pytest.mark.parametrize("unit", [UNIT, SINGLE])
def test_gamma_is_infinite_from_half_on(unit):
    half = round(0.5 / unit)
    assert gamma(half - 1, unit) == pytest.approx(1.0)
    assert math.isinf(gamma(half, unit))
    assert math.isinf(gamma(half + 1, unit))
    assert gamma(0, unit) == 0


@pytest.mark.slow
@given(st.integers(1, 10**6), st.sampled_from([UNIT, SINGLE, 2.0**-11, 2.0**-8]))
def test_gamma_is_at_least_what_k_roundings_can_do(terms, unit):
    once = Fraction(unit) if unit <= SINGLE else Fraction(SINGLE)
    worst = terms * once / (1 - terms * once)  # ≥ (1 + u)^k − 1
    if unit > SINGLE:
        worst = (1 + worst) * (1 + Fraction(unit)) - 1
    if math.isfinite(gamma(terms, unit)):
        assert gamma(terms, unit) * (1 + 2**-50) >= worst


def test_radii_stay_close_to_the_error():
    """A bound a million times too wide is no bound: sums of 100 products, error over radius."""
    source = torch.Generator().manual_seed(0)
    ratios = []
    for _ in range(20):
        a, b = (torch.randn(4, 100, dtype=torch.float64, generator=source) for _ in range(2))
        ball = Ball(a) @ Ball(b.mT)
        exact = fractions(a) @ fractions(b.mT)
        gaps = np.abs(fractions(ball.center) - exact)
        ratios.append(
            max(
                float(g / Fraction(r))
                for g, r in zip(gaps.ravel(), ball.error.ravel().tolist(), strict=True)
            )
        )
    assert 1e-3 < np.median(ratios) < 1


@pytest.mark.parametrize("number", [2**53 + 1, -(2**60) - 1, 3, 2**70])
def test_whole_numbers_beyond_the_format_are_enclosed_and_no_wider_than_they_round(number):
    found = Ball(torch.zeros(1, dtype=torch.float64)) + number
    off = abs(Fraction(float(found.center[0])) - number)
    radius = 0.0 if found.radius is None else float(found.radius[0])
    assert off <= Fraction(radius)
    assert radius <= 4 * UNIT * abs(number)


def test_what_no_product_is_added_to_is_exactly_zero():
    """A row of zeros times anything: no term can underflow, and 0 = 0 is not in doubt; beside it a
    tiny product is.
    """
    left = Ball(torch.tensor([[0.0, 0.0], [1e-200, 0.0]], dtype=torch.float64))
    right = Ball(torch.tensor([[0.3, 1e-200], [0.7, 1.0]], dtype=torch.float64))
    for radii in ((left @ right).error, (right.mT @ left.mT).error.mT):
        assert radii[0].tolist() == [0.0, 0.0]
        assert radii[1, 1] > 0, "1e-200 times 1e-200 is no zero"


@pytest.mark.parametrize(
    "operation", [torch.mul, torch.matmul, torch.add], ids=lambda f: f.__name__
)
def test_what_is_carried_on_is_widened_by_its_own_rounding(operation):
    """The radius of a result is computed in floats too: of exact centres it is all that rounds."""
    radius = torch.full((3, 3), 1 / 3, dtype=torch.float64)
    whole = torch.full((3, 3), 3.0, dtype=torch.float64)
    found = _of_balls(operation, Ball(whole, radius), Ball(whole))
    exact = {torch.mul: 1.0, torch.matmul: 3.0, torch.add: 1 / 3}[operation]
    assert bool((found.radius > exact).all())
    assert bool((found.radius < exact * (1 + 1e-13)).all())


def _of_balls(operation, left, right):
    return {torch.mul: left.__mul__, torch.matmul: left.__matmul__, torch.add: left.__add__}[
        operation
    ](right)
