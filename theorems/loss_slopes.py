"""The slope of a loss by differences: where extrapolation has settled, and what hides below it. An estimate with its error, not a proof."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from impl.loss_lines import FINEST, LossLine
from theorems.rounding import UNIT, gamma

ROOM = 64.0
"""By how much the last two extrapolations may have come nearer to each other than to the slope."""
SEEN, SEEN_FINELY = 2.0**-13, 2.0**-20
"""A step smaller than the best tells something of a slope if its rounding is at most this share of it; of the finest steps, this."""
_ULPS = 4.0
"""Rounding of the loss in units of the last place, beside what changes in the parameters' last bits do to it."""


@dataclass(frozen=True)
class Slope:
    """The slope of the loss as differences see it.

    Args:
        limit: the extrapolated quotient nearest to the truth, as far as can be told.
        bound: how far autograd's slope may be from it.
    """

    limit: float
    bound: float


def slope_of(line: LossLine) -> Slope:
    """The extrapolated slope, and what it and autograd may differ by.

    Where rounding inside the network was looked at (``line.wobble``), a limit that smaller steps contradict beyond rounding is none, and autograd is right
    if it agrees with a smaller step that can tell: networks have features at every scale (kinks, norms of almost nothing).
    """
    quotients = (line.ahead - line.behind) / (2 * line.steps)
    limits = (16 * quotients[1:] - quotients[:-1]) / 15
    apart = (limits[1:] - limits[:-1]).abs()
    ulp = _ulp(line)
    rounded = ulp / line.steps[1:]  # of the limits; least at large steps
    worst = (torch.maximum(apart[1:], apart[:-1]) + rounded[1:-1]).nan_to_num(nan=math.inf)
    own = ROOM * line.jitter + gamma(line.entries + 2) * float(line.terms)
    limits, rounded = limits[1:-1], rounded[1:-1]
    best = int(worst.argmin()) if line.wobble is None else _settled(limits, worst, rounded)
    found = Slope(float(limits[best]), ROOM * float(worst[best]) + own)
    if line.wobble is None or abs(float(line.slope) - found.limit) <= found.bound:
        return found
    for j in range(best + 1, len(limits)):
        seen = Slope(float(limits[j]), _ULPS * float(rounded[j]) + own)
        share = SEEN_FINELY if float(line.steps[j + 2]) < FINEST else SEEN
        if abs(float(line.slope) - seen.limit) <= seen.bound <= share * abs(float(line.slope)):
            return seen
    return found


def _settled(limits: Tensor, worst: Tensor, rounded: Tensor) -> int:
    """The step of the least error whose limit no smaller step contradicts."""
    first = 0
    while True:
        best = first + int(worst[first:].argmin())
        later = (limits[best + 1 :] - limits[best]).abs() > _ULPS * rounded[best + 1 :] + ROOM * worst[best]
        if not bool(later.any()):
            return best
        first = best + 1


def _ulp(line: LossLine) -> Tensor:
    """What one evaluation of the loss may be off by: a unit of its own last place, or of the outputs' (their exponentials cancel)."""
    size = torch.maximum(line.ahead.abs(), line.behind.abs())[1:].clamp(min=line.scale)
    return UNIT * size + (line.wobble or 0.0)


def bend(line: LossLine) -> tuple[float, float]:
    """By how much the slopes of the loss to both sides of the point differ, extrapolated, and how far off that may be; (0, 0) if L(θ) is not known."""
    if line.value is None:
        return 0.0, 0.0
    quotients = (line.ahead - 2 * line.value + line.behind) / line.steps  # jump + L″h + O(h³)
    limits = (4 * quotients[1:] - quotients[:-1]) / 3
    rounded = 4 * _ulp(line) / line.steps[1:]
    worst = ((limits[1:] - limits[:-1]).abs() + rounded[1:]).nan_to_num(nan=math.inf)
    best = int(worst.argmin())
    return abs(float(limits[best + 1])), float(worst[best])


def has_kink(line: LossLine) -> bool:
    """Whether the loss has a kink at the very point, or too near to tell: the slopes to both sides differ by more than `ROOM` times what they are known to."""
    jump, error = bend(line)
    return jump > ROOM * error
