r"""One-sided tests of a mean at level e^−L, proved for every number R of replicates: statistic and
critical value.

Each function takes the sample (R, …), the hypothetical mean (…) and L, and returns the signed
statistic (positive where the sample lies above the mean) with the value that it exceeds, on either
side, with probability at most e^−L.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from theorems.impl.errors import require

Array: TypeAlias = np.ndarray
Test: TypeAlias = tuple[np.ndarray, np.ndarray]


def student(sample: Array, mean: Array, log: float) -> Test:
    """Gaussian replicates of unknown variance: x̄ − μ against t_{R−1} s/√R, exact."""
    from scipy import stats

    count = len(sample)
    if count < 2:
        return sample.mean(0) - mean, np.full(mean.shape, math.inf)
    critical = stats.t.isf(math.exp(-log), count - 1)
    return sample.mean(0) - mean, critical * sample.std(0, ddof=1) / math.sqrt(count)


def empirical_bernstein(sample: Array, mean: Array, log: float, *, low: Array, high: Array) -> Test:
    """Replicates in [low, high]: x̄ − μ against √(2s² ln(2/δ)/R) + 7(high − low) ln(2/δ)/(3(R − 1))
    (Maurer, Pontil 2009, Thm 4).
    """
    require(
        bool((sample >= low).all() and (sample <= high).all()),
        f"expected replicates between {low} and {high}, got {sample.min()} … {sample.max()}",
    )
    count, tail = len(sample), log + math.log(2)
    if count < 2:
        return sample.mean(0) - mean, np.full(mean.shape, math.inf)
    spread = np.sqrt(2 * sample.var(0, ddof=1) * tail / count)
    return sample.mean(0) - mean, spread + 7 * (high - low) * tail / (3 * (count - 1))


def clopper_pearson(sample: Array, mean: Array, log: float) -> Test:
    """Replicates that are 0 or 1: k/R − p against the distance from k/R to the exact binomial limit
    on p's side.
    """
    from scipy import stats

    require(bool(((sample == 0) | (sample == 1)).all()), "expected replicates that are 0 or 1")
    count, hits, level = len(sample), sample.sum(0), math.exp(-log)
    low = np.where(hits > 0, stats.beta.ppf(level, np.maximum(hits, 1), count - hits + 1), 0.0)
    high = np.where(hits < count, stats.beta.isf(level, hits + 1, np.maximum(count - hits, 1)), 1.0)
    rate = hits / count
    return rate - mean, np.where(mean <= rate, rate - low, high - rate)


def bernstein(sample: Array, mean: Array, log: float, *, variance: Array, scale: Array) -> Test:
    """Replicates with log E exp(t(x − μ)) ≤ t²v/(2(1 − c|t|)): x̄ − μ against √(2vL/R) + cL/R."""
    bound = np.sqrt(2 * variance * log / len(sample)) + scale * log / len(sample)
    return sample.mean(0) - mean, np.broadcast_to(bound, mean.shape)


def catoni(sample: Array, mean: Array, log: float, *, variance: Array) -> Test:
    r"""Replicates with a variance of at most v, however heavy their tails: Σψ(a(x_i − μ))/(Ra)
    against √(2Lv/R).

    With ψ(x) = sign(x) log(1 + |x| + x²/2) one has −log(1 − x + x²/2) ≤ ψ(x) ≤ log(1 + x + x²/2),
    hence E exp(±Σψ(a(x_i − μ))) ≤ (1 + a²v/2)^R ≤ exp(Ra²v/2), and at a = √(2L/(Rv)) the statistic
    exceeds √(2Lv/R) with probability at most e^−L: a Gaussian tail from a variance alone (after
    Catoni 2012).
    """
    v, count = np.broadcast_to(variance, mean.shape), len(sample)
    factor = np.sqrt(2 * log / (count * np.where(v > 0, v, 1.0)))
    scaled = factor * (sample - mean)
    influence = np.sign(scaled) * np.log1p(np.abs(scaled) + scaled**2 / 2)
    statistic = np.where(v > 0, influence.mean(0) / factor, sample.mean(0) - mean)
    return statistic, np.sqrt(2 * v * log / count)


@lru_cache(maxsize=256)
def kolmogorov(count: int, level: float) -> float:
    """Critical value of the two-sided Kolmogorov–Smirnov statistic (conservative where the cdf
    jumps).

    Exact for few replicates; from 140 on scipy approximates the far tail, and Massart's proved
    radius is within 1 % of it.
    """
    from scipy import stats

    return float(stats.kstwo.isf(level, count)) if count <= 140 else massart(count, level)


def massart(count: int, level: float) -> float:
    """The Dvoretzky–Kiefer–Wolfowitz radius with Massart's constant: √(ln(2/δ)/(2R))."""
    return math.sqrt(math.log(2 / level) / (2 * count))


def detectable(bound: float, predicted: float) -> str:
    """How large an effect a test that passed would have seen: a mean that is off by twice its
    critical value is refuted as surely as a true one passes.
    """
    effect = 2 * bound
    share = (
        f", {100 * effect / abs(predicted):.2g} % of the prediction"
        if predicted and math.isfinite(effect)
        else ""
    )
    return f"a mean that is off by {effect:.3g}{share}"


def largest_gap(sample: Array, cdf: Callable[[Array], Array]) -> float:
    """The supremum of |F_R − F| over the line: just before and at every value of the sample, so
    that F may jump and values repeat.
    """
    if np.isnan(sample).any():
        return math.nan
    values, counts = np.unique(sample, return_counts=True)
    above = np.cumsum(counts) / len(sample)
    at, before = np.asarray(cdf(values)), np.asarray(cdf(np.nextafter(values, -math.inf)))
    return float(
        max(
            (above - at).max(),
            (at - above).max(),
            (before - above + counts / len(sample)).max(),
            0.0,
        )
    )
