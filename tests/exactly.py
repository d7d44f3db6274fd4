"""Exact arithmetic beside floats: what the tests of bounds compare with."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from theorems.impl.numbers.rounded import Ball

SINGLE = 2.0**-24

_small = st.integers(-3, 3).map(float)
_huge = st.integers(2**53 - 3, 2**54).map(float) | st.integers(-(2**54), -(2**53) + 3).map(float)
_halves = st.integers(-7, 7).map(lambda n: n / 2)
_mantissas = st.floats(-2, 2, allow_subnormal=False)
_denormal = st.integers(-(2**20), 2**20).map(lambda n: n * 5e-324)
_wild = st.builds(lambda m, e: m * 10.0**e, _mantissas, st.integers(-160, 150))
_tame = st.builds(lambda m, e: m * 2.0**e, _mantissas, st.integers(-6, 6))
_nearly = st.sampled_from([1.0, -1.0]).flatmap(
    lambda s: st.integers(-2, 2).map(lambda n: s * (1 + n * 2.0**-52))  # sums of these cancel
)
_single = st.floats(-8, 8, width=32) | st.builds(
    lambda m, e: float(np.float32(m * 2.0**e)),
    _mantissas,
    st.sampled_from([-149, -140, -126, -70, -64, 20, 30]),
)

KINDS = {
    "small integers": _small,
    "integers beyond 2^53": _huge,
    "halves": _halves,
    "denormal": _denormal,
    "wild": _wild,
    "tame": _tame,
    "nearly equal": _nearly,
    "mixed": _wild | _small | _denormal | _nearly,
}
SINGLE_KINDS = {
    "single": _single,
    "single integers": st.integers(-5000, 5000).map(float),
    "small integers": _small,
}


def matrices(
    shape: tuple[int, ...], elements: st.SearchStrategy[float]
) -> st.SearchStrategy[torch.Tensor]:
    """Float64 tensors entry by entry."""
    return hnp.arrays("float64", shape, elements=elements).map(torch.as_tensor)


def fractions(values: torch.Tensor) -> np.ndarray:
    """The same numbers as fractions."""
    out = np.empty(values.numel(), dtype=object)
    out[:] = [Fraction(v) for v in values.double().reshape(-1).tolist()]
    return out.reshape(tuple(values.shape))


def outside(ball: Ball, exact: np.ndarray) -> list[str]:
    """The entries whose exact value lies outside the ball; a center that is not finite must not
    have a finite radius.
    """
    assert ball.shape == exact.shape, (ball.shape, exact.shape)
    found = []
    entries = zip(
        ball.center.reshape(-1).tolist(),
        ball.error.reshape(-1).tolist(),
        exact.reshape(-1),
        strict=True,
    )
    for i, (center, radius, truth) in enumerate(entries):
        assert not radius < 0
        if math.isfinite(radius) and not (
            math.isfinite(center) and abs(Fraction(center) - truth) <= Fraction(radius)
        ):
            found.append(f"entry {i}: {center!r} ± {radius!r} does not contain {truth}")
    return found
