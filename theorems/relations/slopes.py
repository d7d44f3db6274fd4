"""Regressions over the largest sizes of a path, each with what corrections, chance and numerical
error may do to its slope.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Slope:
    """The narrowest regression, and where all of them meet.

    Args:
        slope: of the narrowest.
        low: the largest of the lower ends.
        high: the smallest of the upper ends; below ``low`` if the intervals do not meet.
        highest: the largest of the upper ends.
        weights: what the narrowest multiplies each mean with.
        used: how many sizes it uses.
        drift: half of what corrections may do to it.
        chance: half of what chance may do.
        blur: what the error of the observation may do.
        wobble: chance and numerical error of the last change of the local exponent.
    """

    slope: float
    low: float
    high: float
    highest: float
    weights: Array
    used: int
    drift: float
    chance: float
    blur: float
    wobble: float


def fitted(
    sizes: Array,
    logs: Sequence[Array],
    blur: Array,
    drifts: Sequence[tuple[float, float]],
    alarm: float | None,
) -> Slope:
    """The regressions over the last sizes and their intervals; see the module's docstring."""
    x, total, window = np.log(sizes), len(sizes), len(drifts) + 1
    means = np.array([float(np.mean(row)) for row in logs])
    level = None if alarm is None else alarm / (2 * (window - 1))
    found = []
    for used in range(2, window + 1):
        weights = slope_weights(x, slice(total - used, total))
        slope = float(weights @ means)
        # the regression as an average of local exponents
        steps = -np.cumsum(weights)[total - used : total - 1]
        below, above = (
            sum(
                float(step) * bound[side]
                for step, bound in zip(steps, drifts[-len(steps) :], strict=True)
            )
            for side in (0, 1)
        )
        chance, numeric = _chance(weights, logs, level), float(np.abs(weights) @ blur)
        spread = chance + numeric
        found.append(
            (
                slope,
                slope - above - spread,
                slope - below + spread,
                weights,
                used,
                (above - below) / 2,
                chance,
                numeric,
            )
        )
    best = min(found, key=lambda f: f[2] - f[1] if math.isfinite(f[2] - f[1]) else math.inf)
    change = slope_weights(x, slice(total - 2, total)) - slope_weights(
        x, slice(total - 3, total - 1)
    )
    wobble = _chance(change, logs, level) + float(np.abs(change) @ blur)
    low, highs = max(f[1] for f in found), [f[2] for f in found]
    return Slope(best[0], low, min(highs), max(highs), *best[3:], wobble)


def _chance(weights: Array, logs: Sequence[Array], level: float | None) -> float:
    """What chance moves a weighted sum of mean logarithms by, at this level on either side."""
    from scipy import stats

    if level is None:
        return 0.0
    used = [(w, row) for w, row in zip(weights, logs, strict=True) if w != 0]
    if any(len(row) < 2 for _, row in used):
        return math.inf
    shares = np.array([w**2 * float(np.var(row, ddof=1)) / len(row) for w, row in used])
    total = float(shares.sum())
    if total == 0:
        return 0.0
    degrees = total**2 / float(
        sum(share**2 / (len(row) - 1) for share, (_, row) in zip(shares, used, strict=True))
    )
    return float(stats.t.isf(level, degrees)) * math.sqrt(total)


def slope_weights(x: Array, where: slice) -> Array:
    """What an ordinary regression over ``where`` multiplies each mean with to get the slope."""
    out = np.zeros_like(x)
    centred = x[where] - x[where].mean()
    out[where] = centred / (centred @ centred)
    return out


def local_exponents(sizes: Array, rows: Sequence[Any]) -> dict[str, float]:
    """Of the mean distances themselves, between neighbouring sizes."""
    logs = [float(np.mean([math.log(m.value) for m, _ in row])) for row in rows]
    steps = np.diff(logs) / np.diff(np.log(sizes))
    return {
        f"{a:g}..{b:g}": round(float(s), 3)
        for a, b, s in zip(sizes[:-1], sizes[1:], steps, strict=True)
    }
