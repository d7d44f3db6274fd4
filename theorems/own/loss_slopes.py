"""The slope of a loss by differences: where extrapolation has settled, and what hides below it. An
estimate with its error, not a proof.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from theorems.impl.numbers.rounded import UNIT, gamma
from theorems.impl.slopes.loss_lines import FINEST, LossLine

ROOM = 64.0
"""By how much the last two extrapolations may have come nearer to each other than to the slope."""
SEEN, SEEN_FINELY = 2.0**-13, 2.0**-20
"""A step smaller than the best tells something of a slope if its rounding is at most this share of
it; of the finest steps, this.
"""
_COARSER = 2.0**16
"""How much larger the steps are, at most, on which the rounding of a loss that is flat on small
ones is looked for.
"""
_SHOWS = 16.0
"""Units in the last place of the loss by which it would have to change for a step to be called
blind.
"""
_ULPS = 4.0
"""Rounding of the loss in units of the last place, beside what changes in the parameters' last bits
do to it.
"""


@dataclass(frozen=True)
class Slope:
    """The slope of the loss as differences see it.

    Args:
        limit: the extrapolated quotient nearest to the truth, as far as can be told.
        bound: how far autograd's slope may be from it.
        rounded: the part of the bound that is the rounding of the loss; the rest is that
            neighbouring steps disagree.
        flat: the largest step within which the loss does not change at all although it does beyond;
            0 if there is none.
    """

    limit: float
    bound: float
    rounded: float = 0.0
    flat: float = 0.0


def slope_of(line: LossLine) -> Slope:
    """The extrapolated slope, and what it and autograd may differ by.

    Where rounding inside the network was looked at (``line.wobble``), a limit that smaller steps
    contradict beyond rounding is none, and autograd is right if it agrees with a smaller step that
    can tell: networks have features at every scale (kinks, norms of almost nothing). Steps that are
    too small for a loss that is rounded on its way (to float32, say) see nothing, and count for
    nothing.
    """
    quotients = (line.ahead - line.behind) / (2 * line.steps)
    blind = _blind(line, quotients)
    limits = (16 * quotients[1:] - quotients[:-1]) / 15
    apart = (limits[1:] - limits[:-1]).abs()
    flat = float(line.steps[blind].max()) if bool(blind.any()) else 0.0
    single = off(line)
    if flat > 0:  # on smaller steps than show its rounding a loss looks smoother than it is
        single = single.clamp(
            min=float(single[(line.steps > flat) & (line.steps <= _COARSER * flat)].max())
        )
    rounded = single[1:] / line.steps[1:]  # of the limits; least at large steps
    worst = (torch.maximum(apart[1:], apart[:-1]) + rounded[1:-1]).nan_to_num(nan=math.inf)
    usable = ~(blind[1:] | blind[:-1])[2:]  # a limit is judged by both its neighbours
    worst = worst.where(usable, math.inf)
    own = ROOM * line.jitter + gamma(line.entries + 2) * _finite(line.terms)
    limits, rounded = limits[1:-1], rounded[1:-1]
    # nothing moves near the point, as autograd says
    if flat > 0 and abs(float(line.slope)) * flat <= _SHOWS * UNIT * _finite(
        line.ahead.abs().max()
    ):
        return Slope(0.0, ROOM * float(off(line).min()) / flat + own, 0.0, flat)
    if not bool(usable.any()):
        return Slope(0.0, math.inf, math.inf, flat)
    best = int(worst.argmin()) if line.wobble is None else _settled(limits, worst, rounded)
    found = Slope(
        float(limits[best]), ROOM * float(worst[best]) + own, ROOM * float(rounded[best]), flat
    )
    if line.wobble is None or abs(float(line.slope) - found.limit) <= found.bound:
        return found
    for j in range(best + 1, len(limits)):
        seen = Slope(
            float(limits[j]), _ULPS * float(rounded[j]) + own, _ULPS * float(rounded[j]), flat
        )
        share = SEEN_FINELY if float(line.steps[j + 2]) < FINEST else SEEN
        if abs(float(line.slope) - seen.limit) <= seen.bound <= share * abs(float(line.slope)):
            return seen
    return found


def _finite(number: Tensor) -> float:
    """Zero for a gradient that is none."""
    return float(number) if bool(torch.isfinite(number)) else 0.0


def _settled(limits: Tensor, worst: Tensor, rounded: Tensor) -> int:
    """The step of the least error whose limit no smaller step contradicts."""
    first, usable = 0, worst < math.inf
    while True:
        best = first + int(worst[first:].argmin())
        later = (limits[best + 1 :] - limits[best]).abs() > _ULPS * rounded[
            best + 1 :
        ] + ROOM * worst[best]
        if not bool((later & usable[best + 1 :]).any()):
            return best
        first = best + 1


def _blind(line: LossLine, quotients: Tensor) -> Tensor:
    """The steps at which the loss is the same number on both sides, although the slope at the next
    larger one would show; and all finer ones.

    No smooth loss does that: something on its way is rounded, or it has steps.
    """
    expected = 2 * line.steps[1:] * quotients[:-1].abs()
    size = torch.maximum(line.ahead.abs(), line.behind.abs())[1:]
    same = (line.ahead == line.behind)[1:] & (expected > _SHOWS * UNIT * size)
    return torch.cat([torch.zeros(1, dtype=torch.bool), same.cumsum(0) > 0])


def off(line: LossLine) -> Tensor:
    """What one evaluation of the loss may be off by: a unit of its own last place, or of the
    outputs' (their exponentials cancel), or more where it is rough.
    """
    size = torch.maximum(line.ahead.abs(), line.behind.abs()).clamp(min=line.scale)
    rough = torch.zeros_like(size) if line.noise is None else line.noise
    return torch.maximum(UNIT * size, rough) + (line.wobble or 0.0)


def bend(line: LossLine) -> tuple[float, float]:
    """By how much the slopes of the loss to both sides of the point differ, extrapolated, and how
    far off that may be; (0, 0) if L(θ) is not known.
    """
    if line.value is None:
        return 0.0, 0.0
    quotients = (line.ahead - 2 * line.value + line.behind) / line.steps  # jump + L″h + O(h³)
    limits = (4 * quotients[1:] - quotients[:-1]) / 3
    rounded = 4 * off(line)[1:] / line.steps[1:]
    worst = ((limits[1:] - limits[:-1]).abs() + rounded[1:]).nan_to_num(nan=math.inf)
    best = int(worst.argmin())
    return abs(float(limits[best + 1])), float(worst[best])


def has_kink(line: LossLine) -> bool:
    """Whether the loss has a kink at the very point, or too near to tell: the slopes to both sides
    differ by more than `ROOM` times what they are known to.
    """
    jump, error = bend(line)
    return jump > ROOM * error
