"""Strategies for the exact and certified claims about the kernel after one large step: small
rational instances and seeded ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from theorems.impl.function_space.harmonics import Harmonic
from theorems.impl.function_space.spike_moments import SpikeSetting
from theorems.impl.function_space.spiked_kernels import SpikedKernel, unit_vector
from theorems.impl.function_space.spiked_series import SpikedSeries
from theorems.impl.strategies.layers import SEEDS

_POSITIVE = st.builds(Fraction, st.integers(1, 12), st.integers(1, 4))
_NONNEGATIVE = st.builds(Fraction, st.integers(0, 40), st.integers(1, 4))


def _objects(rows: Any) -> Any:
    array = np.asarray(rows)
    out = np.empty(array.shape, dtype=object)
    out[...] = array.tolist()
    return out


@st.composite
def _lattice_points(draw: Callable[..., Any], fewest: int = 1, most: int = 2) -> tuple[Any, Any]:
    """Small integer points and a rational teacher in dimension 1 … 4; equal, opposite, collinear
    and zero points included.
    """
    d, count = draw(st.integers(1, 4)), draw(st.integers(fewest, most))
    points = [[draw(st.integers(-3, 3)) for _ in range(d)] for _ in range(count)]
    if count > 1 and draw(st.booleans()):
        points[1] = [draw(st.sampled_from([1, 2, -1, 0])) * value for value in points[0]]
    return _objects(points), unit_vector([draw(st.integers(-2, 2)) for _ in range(d - 1)])


@st.composite
def _seeded_points(draw: Callable[..., Any]) -> tuple[Any, Any]:
    """Two seeded integer points in dimension 2, 5, 50 or 500, opposite ones among them."""
    d, source = draw(st.sampled_from([2, 5, 5, 50, 50, 500])), np.random.default_rng(draw(SEEDS))
    points = source.integers(-4, 5, (2, d))
    if draw(st.integers(0, 3)) == 0:
        points[1] = -points[0]
    return _objects(points), unit_vector([int(t) for t in source.integers(-2, 3, d - 1)])


def relu_kernels() -> st.SearchStrategy[SpikedKernel]:
    """ReLU kernels with any positive bulk and any spike from 0 to 40."""
    return st.builds(
        lambda where, bulk, spike: SpikedKernel(where[0], where[1], bulk, spike),
        _lattice_points() | _seeded_points(),
        _POSITIVE,
        _NONNEGATIVE,
    )


@st.composite
def _teacher_lines(draw: Callable[..., Any]) -> tuple[Any, Any]:
    """Neighbouring points on the teacher's axis: a large spike moves them furthest apart."""
    d, count = draw(st.integers(1, 3)), draw(st.integers(3, 5))
    axis = _objects([Fraction(int(i == 0)) for i in range(d)])
    return _objects([[k * int(i == 0) for i in range(d)] for k in range(count)]), axis


def long_kernels() -> st.SearchStrategy[SpikedKernel]:
    """‖w*‖ = 2, with a spike."""
    return relu_kernels().map(lambda k: replace(k, direction=k.direction * 2, spike=k.spike + 1))


def _line(count: int, gap: int, spike: int) -> SpikedKernel:
    """Points 0, 1/gap, 2/gap … on a line, A = 1, cos + sin: the spectrum at which det(Γ)^-½ is
    sharp.
    """
    points = _objects([[Fraction(k, gap)] for k in range(count)])
    return SpikedKernel(points, _objects([Fraction(1)]), Fraction(1), Fraction(spike), "cos+sin")


def _simplex(dimension: int, size: int, bulk: int) -> SpikedKernel:
    """The points size · e_i, B = 0, cos + sin: no constant that does not depend on d survives."""
    points = _objects([[size * int(i == j) for j in range(dimension)] for i in range(dimension)])
    axis = _objects([Fraction(int(i == 0)) for i in range(dimension)])
    return SpikedKernel(points, axis, Fraction(bulk), Fraction(0), "cos+sin")


SHARP_KERNELS = (_line(60, 6, 9), _simplex(10, 3, 5), _simplex(60, 8, 5))
"""Kernels whose spectrum falls by nearly as much as is allowed, or by more than any other constant
allows.
"""


def any_kernels() -> st.SearchStrategy[SpikedKernel]:
    """ReLU and cos + sin kernels with Γ ⪰ I on 1 … 5 points, duplicates and points along the
    teacher included; and `SHARP_KERNELS`.
    """
    small = st.builds(
        lambda where, bulk, spike, name: SpikedKernel(where[0], where[1], 1 + bulk, spike, name),
        _lattice_points(1, 5) | _teacher_lines(),
        _NONNEGATIVE.map(lambda a: a / 10),
        _NONNEGATIVE,
        st.sampled_from(["relu", "cos+sin"]),
    )
    return SEEDS.flatmap(
        lambda k: small if k % 4 else st.just(SHARP_KERNELS[k // 4 % len(SHARP_KERNELS)])
    )


def shrunk_kernels() -> st.SearchStrategy[SpikedKernel]:
    """A < 1: no gradient step gives such weights; on one point the eigenvalue shrinks as A
    itself.
    """
    return st.builds(
        lambda where, power: SpikedKernel(where[0], where[1], Fraction(1, 2**power), Fraction(0)),
        _lattice_points(2, 4),
        st.integers(1, 4),
    )


def harmonics() -> st.SearchStrategy[Harmonic]:
    """Degrees 0 … 8 in dimension 2 … 500, and both degrees of dimension 1."""
    many = st.builds(
        Harmonic, st.sampled_from([2, 3, 5, 17, 50, 500]) | st.integers(2, 12), st.integers(0, 8)
    )
    return many | st.builds(Harmonic, st.just(1), st.integers(0, 1))


def absolute_harmonics() -> st.SearchStrategy[Harmonic]:
    """The same degrees with |·| for an activation."""
    return harmonics().map(lambda h: replace(h, activation="abs"))


# -- moments ---------------------------------------------------------------------------------------


_SHAPES = (
    (1, 2, 1),
    (2, 2, 2),
    (1, 1, 4),
    (1, 2, 3),
    (1, 3, 2),
    (2, 1, 2),
    (2, 3, 1),
    (3, 1, 1),
    (2, 0, 2),
)
"""(d, degree of g, n): (2, 2, 2) is the smallest at which every term of the second moment
counts.
"""


@st.composite
def spike_settings(draw: Callable[..., Any]) -> SpikeSetting:
    """Polynomial teachers small enough to enumerate every batch: d · degree · n bounded together; n
    = 1, d = 1, μ₁ = 0 included.
    """
    # a choice among a few is repeated by a search that mutates what it drew; the remainder of a
    # large number is not
    d, degree, samples = _SHAPES[draw(SEEDS) % len(_SHAPES)]
    whole = st.integers(-2, 2)
    return SpikeSetting(
        direction=unit_vector([draw(whole) for _ in range(d - 1)]),
        coefficients=_objects([draw(whole) for _ in range(degree + 1)]),
        noise=draw(st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2)])),
        samples=samples,
        width=draw(st.integers(1, 4)),
        rate=draw(_POSITIVE),
        slope=draw(st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(-1, 3)])),
    )


def long_teachers() -> st.SearchStrategy[SpikeSetting]:
    """‖w*‖ = 2."""
    return spike_settings().map(lambda s: replace(s, direction=s.direction * 2))


def rademacher_inputs() -> st.SearchStrategy[SpikeSetting]:
    """±1 coordinates with g(z) = z: E y²x² is 1 where a Gaussian has 3."""
    return spike_settings().map(
        lambda s: replace(s, coefficients=_objects([0, 1]), inputs="rademacher")
    )


def biased_noise() -> st.SearchStrategy[SpikeSetting]:
    """Noise of mean one."""
    return spike_settings().map(
        lambda s: replace(s, noise_mean=Fraction(1), coefficients=_objects([1, 1]))
    )


# -- series ----------------------------------------------------------------------------------------


_ORDERS = (5, 10, 20, 40, 80)
"""Terms enough for γ₂/γ₁ = ¾ to be summed to ten digits."""


def convergent_series() -> st.SearchStrategy[SpikedSeries]:
    """Odd powers of |t| and cos t with γ₂ < γ₁; polynomials with any γ₂."""
    below = st.sampled_from([Fraction(1, 2), Fraction(1, 10), Fraction(3, 4)])
    functions = st.sampled_from([("power", (1,)), ("power", (3,)), ("power", (5,)), ("cosine", ())])
    inside = st.builds(
        lambda bulk, ratio, h: SpikedSeries(bulk, bulk * ratio, h[0], h[1], _ORDERS),
        st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(2)]),
        below,
        functions,
    )
    coefficients = st.builds(
        lambda rest, last: (*rest, last),
        st.lists(st.integers(-3, 3), max_size=6),
        st.sampled_from([1, -1, 2, -3]),
    )
    return (
        inside
        | inside
        | st.builds(
            lambda bulk, spike, c: SpikedSeries(bulk, spike, "polynomial", c),
            _POSITIVE,
            _POSITIVE,
            coefficients,
        )
    )


def divergent_series() -> st.SearchStrategy[SpikedSeries]:
    """Odd powers of |t| with γ₂ = 2γ₁ and more; shrinks to |t|, γ₁ = 1, γ₂ = 2."""
    return st.builds(
        lambda bulk, ratio, power: SpikedSeries(bulk, bulk * ratio, "power", (power,)),
        st.sampled_from([Fraction(1), Fraction(2), Fraction(1, 2)]),
        st.sampled_from([Fraction(2), Fraction(3), Fraction(5)]),
        st.sampled_from([1, 3]),
    )
