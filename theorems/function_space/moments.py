"""The moments of the spike, exactly: arXiv:2605.17718."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from theorems.claim import Hypothesis, Source
from theorems.impl.function_space.spike_moments import (
    SpikeSetting,
    derivative,
    polynomial_mean,
    square,
)
from theorems.impl.numbers.operands import Operand
from theorems.impl.strategies import spiked_kernels as strategies
from theorems.stating import equals

_PAPER = "2605.17718"


def _target_slope(s: SpikeSetting) -> Fraction:
    return polynomial_mean(derivative(s.coefficients))


def _label_square(s: SpikeSetting) -> Fraction:
    return polynomial_mean(square(s.coefficients)) + s.noise**2


def _bend(s: SpikeSetting) -> Fraction:
    return polynomial_mean(derivative(derivative(square(s.coefficients)))) / 2


def _observed_moments(s: SpikeSetting) -> dict[str, Operand]:
    strength = s.dimension * (s.slope * s.rate / (s.samples * s.width)) ** 2
    return {
        "second moment of the spike": s.spike_second_moment,
        "covariance of the weights, times d": np.eye(s.dimension, dtype=int) * Fraction(1)
        + s.spike_second_moment * strength,
    }


def _moments(
    s: SpikeSetting,
    *,
    pairs: int | None = None,
    bend: Fraction | None = None,
    square_of_label: Fraction | None = None,
    slope: Fraction | None = None,
    direction: Any = None,
    swapped: bool = False,
) -> dict[str, Operand]:
    n, d = s.samples, s.dimension
    alpha, beta = Fraction(n, d), Fraction(s.width, d)
    mu, bend = _target_slope(s), _bend(s) if bend is None else bend
    energy = _label_square(s) if square_of_label is None else square_of_label
    pairs = n * (n - 1) if pairs is None else pairs
    c = s.slope if slope is None else slope
    w = s.direction if direction is None else direction
    teacher, unit = np.multiply.outer(w, w), np.eye(d, dtype=int) * Fraction(1)
    bulk = 1 + s.rate**2 / d**2 * c**2 / (alpha * beta**2) * energy
    # (η²/d)(c₁²μ₁²/(αβ²))(α − 1/d + 2s/(μ₁²d)), multiplied out so that μ₁ = 0 needs no limit
    spike = (
        s.rate**2 / d * c**2 / (alpha * beta**2) * (mu**2 * (alpha - Fraction(1, d)) + 2 * bend / d)
    )
    if swapped:
        bulk, spike = spike, bulk
    return {
        "second moment of the spike": (unit * energy + teacher * 2 * bend) * n
        + teacher * (pairs * mu**2),
        "covariance of the weights, times d": unit * bulk + teacher * spike,
    }


def _pairs_across(s: SpikeSetting) -> dict[str, Operand]:
    """As if two samples could agree across the teacher too: n(n−1)(E g'')² (I − w*w*ᵀ) more."""
    across = np.eye(s.dimension, dtype=int) * Fraction(1) - np.multiply.outer(
        s.direction, s.direction
    )
    more = across * (
        s.samples * (s.samples - 1) * polynomial_mean(derivative(derivative(s.coefficients))) ** 2
    )
    strength = s.dimension * (s.slope * s.rate / (s.samples * s.width)) ** 2
    second, covariance = _moments(s).values()
    return {
        "second moment of the spike": second + more,
        "covariance of the weights, times d": covariance + more * strength,
    }


def not_unit(s: SpikeSetting) -> str | None:
    """Why w* is no direction, or None."""
    norm = sum(v * v for v in s.direction)
    return None if norm == 1 else f"‖w*‖² = {norm}, expected 1"


@equals(
    observed=_observed_moments,
    on=strategies.spike_settings,
    source=Source(_PAPER, "moments of the spike, A and B"),
    hypotheses={
        "unit teacher": Hypothesis(strategies.long_teachers, not_unit),
        "Gaussian inputs": Hypothesis(strategies.rademacher_inputs),
        "centred noise": Hypothesis(strategies.biased_noise),
    },
    mutants={
        "n² pairs": lambda s: _moments(s, pairs=s.samples**2),
        "no pairs": lambda s: _moments(s, pairs=0),
        "pairs across the teacher": _pairs_across,
        "no curvature s": lambda s: _moments(s, bend=Fraction(0)),
        "curvature without the ½": lambda s: _moments(s, bend=2 * _bend(s)),
        "noise left out of E y²": lambda s: _moments(
            s, square_of_label=_label_square(s) - s.noise**2
        ),
        "the target's μ₁ in place of c₁": lambda s: _moments(s, slope=_target_slope(s)),
        "A and B swapped": lambda s: _moments(s, swapped=True),
        "spike along the first axis": lambda s: _moments(
            s, direction=np.eye(s.dimension, dtype=int)[0] * Fraction(1)
        ),
    },
)
def spike_moments(s: SpikeSetting) -> dict[str, Operand]:
    r"""The spike's second moment is a multiple of the identity plus a multiple of w*w*ᵀ, and so is
    the weights' covariance.

    .. math:: \mathbb E\,\varsigma\varsigma^\top = n(\mathbb E[y^2] I + 2 s\,
              w_* w_*^\top) + n(n-1)\mu_1^2\, w_* w_*^\top,
        \qquad s = \tfrac12 \mathbb E (g^2)''

    hence the learned weights have covariance Γ/d, Γ = A I + B w*w*ᵀ, with

    .. math:: A = 1 + \frac{\eta^2}{d^2}\frac{c_1^2}{\alpha\beta^2}\mathbb E\,y^2, \qquad
        B = \frac{\eta^2}{d}\frac{c_1^2\mu_1^2}{\alpha\beta^2}\left(\alpha - \frac1d
        + \frac{2s}{\mu_1^2 d}\right)

    Shapes: (d, d). Observed: exact enumeration of all batches, the Gaussian replaced by a discrete
    law with the same moments up to the degree of the statement; so both sides are rational and
    compared with ==. Covers g of degree 0 … 3, n = 1, d = 1, μ₁ = 0.

    Hypotheses: ‖w*‖ = 1 (checked); Gaussian inputs and centred noise (not visible in a setting:
    other laws must show as refuted). Raises InputError for anything that is not a SpikeSetting.
    Source: arXiv:2605.17718 [P] up to c₁ in A and B; [D, N].
    """
    return _moments(s)
