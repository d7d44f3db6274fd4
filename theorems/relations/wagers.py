r"""Bets against a predicted mean: factors whose expectation is at most one if the prediction is
true.

A bet of size λ on one replicate x multiplies the capital by a factor f_λ(x) with E f_λ(x) ≤ 1
whenever the true mean m is the predicted μ, and, for λ > 0, whenever m ≤ μ (for λ < 0, m ≥ μ).
Replicates are independent, so the capital is a nonnegative supermartingale that starts at one, so
is any average of such capitals over bets, signs and entries fixed in advance, and by Ville's
inequality

.. math:: P(\exists t: \text{capital}_t \ge 1/\alpha) \le \alpha :

to refute once it reaches 1/α has level α however often one looks and whenever one stops. For each
law:

* in [low, high]: f = 1 + λ(x − μ) with −1/(high − μ) < λ < 1/(μ − low); E f = 1 + λ(m − μ)
  (Waudby-Smith and Ramdas 2024, betting).
* log E exp(t(x − m)) ≤ t²v/(2(1 − c|t|)): f = exp(λ(x − μ) − λ²v/(2(1 − c|λ|))), |λ| < 1/c, since
  exp(λ(m − μ)) ≤ 1.
* variance at most v: f = exp(ψ(λ(x − μ)))/(1 + λ²v/2) with Catoni's ψ, which increases, so that E
  exp(ψ(λ(x − μ))) ≤ E exp(ψ(λ(x − m))) ≤ 1 + λ²v/2 (Wang and Ramdas 2023).
* Gaussian of unknown variance s²: f = exp(t − t²/2), t = λ(x − μ), λ chosen from earlier replicates
  alone. Completing the square, E f = (1 + w)^{-1/2} exp((w + 2a − a²)/(2(1 + w))), w = λ²s², a =
  λ(m − μ) ≤ 0; the exponent is largest at a = 0, where E f = (1 + w)^{-1/2} e^{w/(2(1 + w))} ≤ 1
  because log(1 + w) ≥ w/(1 + w).

What rounding may do to a mean is granted: a bet on x above μ is a bet on x above μ + ε.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theorems.impl.errors import require
from theorems.relations.laws import (
    BoundedMean,
    MeanLaw,
    NormalMean,
    Proportion,
    SubGammaMean,
    VarianceBounded,
    given,
)
from theorems.relations.tails import Array

SIZES = 2.0 ** -np.arange(18)
"""Bets as fractions of the largest one: a mixture over scales, so that small and large deviations
are both found.
"""

_SHARE = 0.9  # of what may be staked at most

Factor = Callable[[Array, Array], Array]


def log_factors(
    law: MeanLaw, sample: Array, mean: Array, sign: int, earlier: Array, instance: Any
) -> Array:
    """Σ log f over the replicates of ``sample`` (R, …), for every bet of `SIZES` on one side:
    (bets, …).

    Args:
        law: what is known of the replicates.
        sample: new replicates, (R, …).
        mean: predicted, (…), moved by what rounding may do.
        sign: 1 bets that the true mean is larger, −1 that it is smaller.
        earlier: mean square of the earlier replicates' deviations, (…); NaN before the first batch.
        instance: from which the constants of the law are read.
    """
    gap = (sample - mean)[None]
    sizes = SIZES.reshape(-1, *[1] * mean.ndim)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if isinstance(law, NormalMean):
            scale = np.where(np.isfinite(earlier) & (earlier > 0), 2 / np.sqrt(earlier), 0.0)
            staked = (sign * sizes * scale)[:, None] * gap
            out = (staked - staked**2 / 2).sum(1)
        elif isinstance(law, BoundedMean | Proportion):
            low, high = (
                (0.0, 1.0)
                if isinstance(law, Proportion)
                else (given(law.low, instance), given(law.high, instance))
            )
            inside = bool(((sample >= low) & (sample <= high)).all())
            require(
                inside,
                f"expected replicates between {low} and {high}, got {sample.min()} … "
                f"{sample.max()}",
            )
            room = (mean - low) if sign > 0 else (high - mean)
            out = np.log1p(
                (sign * sizes * _SHARE / np.where(room > 0, room, 1.0))[:, None] * gap
            ).sum(1)
            out = np.where(room < 0, np.inf, out)  # a mean outside the interval is none
        elif isinstance(law, SubGammaMean):
            v, c = given(law.variance, instance), given(law.scale, instance)
            most = np.minimum(
                _SHARE / np.where(c > 0, c, 0.0), 4 / np.sqrt(np.where(v > 0, v, 0.0))
            )
            rate = sizes * np.where(np.isfinite(most), most, 0.0)
            out = (sign * rate[:, None] * gap - (rate**2 * v / (2 * (1 - c * rate)))[:, None]).sum(
                1
            )
            out = _certain(out, v == 0, sign * gap)
        elif isinstance(law, VarianceBounded):
            v = given(law.variance, instance)
            rate = sizes * np.where(v > 0, 4 / np.sqrt(np.where(v > 0, v, 1.0)), 0.0)
            staked = sign * rate[:, None] * gap
            influence = np.sign(staked) * np.log1p(np.abs(staked) + staked**2 / 2)
            out = (influence - np.log1p(rate**2 * v / 2)[:, None]).sum(1)
            out = _certain(out, v == 0, sign * gap)
        else:
            raise NotImplementedError(type(law).__name__)
    return np.asarray(out)


def _certain(out: Array, constant: Array, gap: Array) -> Array:
    """Without any variance a replicate off the mean is proof."""
    return np.where(constant & (gap > 0).any(1), np.inf, out)
