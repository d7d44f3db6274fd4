"""What every observation on a user's network presupposes: checked beside the catalogue, and reported as a row of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from impl.errors import InputError
from impl.loss_lines import LossLine
from impl.operands import Operand
from theorems.claim import Claim, Hypothesis, Source
from theorems.relations import Finding, Side
from theorems.rounding import UNIT, gamma
from theorems.verdict import Grade, Outcome

ROOM = 64.0
"""By how much the last two extrapolations may have come nearer to each other than to the slope."""
POWER = 2.0**-3
"""The share of the slope of a typical direction that must be told apart for a verdict other than UNDECIDED."""


@dataclass(frozen=True)
class Extrapolation:
    """Autograd's slope against central differences of the loss, extrapolated (Richardson) at the steps that agree best."""

    def judge(self, observe: Side, predict: Side, instance: Any) -> Finding:
        """Compare; the bound is what the extrapolations differ by, times `ROOM`, plus the rounding of the inner product."""
        del predict
        slope = float(observe(instance))  # type: ignore[arg-type]
        limit, error = extrapolate(instance)
        bound = _bound(instance, error)
        context: dict[str, Any] = {"autograd's slope": slope, "slope of the loss": limit}
        gap, size = abs(slope - limit), max(float(instance.spread), abs(limit))
        if not math.isfinite(gap) or not math.isfinite(bound):
            return Finding(
                Outcome.UNDECIDED,
                Grade.NUMERICAL,
                math.nan,
                0.0,
                context | {"reason": "the loss is not finite along the way"},
            )
        outcome = Outcome.HOLDS if gap <= bound else Outcome.REFUTED
        if outcome is Outcome.HOLDS and bound > POWER * size:
            outcome = Outcome.UNDECIDED
            context["reason"] = "the loss is flat, or not smooth enough along the way to tell its slope"
        return Finding(outcome, Grade.NUMERICAL, gap, bound, context)


def extrapolate(line: LossLine) -> tuple[float, float]:
    """The slope of the loss at the point, and how far extrapolations from neighbouring steps, and one ulp of the loss, move it."""
    quotients = (line.ahead - line.behind) / (2 * line.steps)
    limits = (16 * quotients[1:] - quotients[:-1]) / 15
    apart = (limits[1:] - limits[:-1]).abs()
    rounded = (
        UNIT * torch.maximum(line.ahead.abs(), line.behind.abs()) + line.wobble
    ) / line.steps  # an ulp of the loss: least at large steps
    worst = (torch.maximum(apart[1:], apart[:-1]) + rounded[2:-1]).nan_to_num(nan=math.inf)
    best = int(worst.argmin())
    return float(limits[best + 1]), float(worst[best])


def bend(line: LossLine) -> tuple[float, float]:
    """By how much the slopes of the loss to both sides of the point differ, extrapolated, and how far off that may be; (0, 0) if L(θ) is not known."""
    if line.value is None:
        return 0.0, 0.0
    quotients = (line.ahead - 2 * line.value + line.behind) / line.steps  # jump + L″h + O(h³)
    limits = (4 * quotients[1:] - quotients[:-1]) / 3
    rounded = 4 * (UNIT * line.value.abs() + line.wobble) / line.steps
    worst = ((limits[1:] - limits[:-1]).abs() + rounded[2:]).nan_to_num(nan=math.inf)
    best = int(worst.argmin())
    return abs(float(limits[best + 1])), float(worst[best])


def has_kink(line: LossLine) -> bool:
    """Whether the loss has a kink at the very point, or too near to tell: the slopes to both sides differ by more than `ROOM` times what they are known to."""
    jump, error = bend(line)
    return jump > ROOM * error


def _bends(line: LossLine) -> str | None:
    return None if _agrees(line) or not has_kink(line) else (
        "the loss has a kink at this very point (a unit on the threshold of its ReLU or clipping, say): it has no derivative there"
    )  # fmt: skip


def _agrees(line: LossLine) -> bool:
    limit, error = extrapolate(line)
    return abs(float(line.slope) - limit) <= _bound(line, error)


def _bound(line: LossLine, error: float) -> float:
    jump, unsure = bend(line)
    kinks = (
        jump if jump <= ROOM * unsure else 0.0
    )  # small ones near the point, which central differences see half of; for large ones see `_bends`
    return ROOM * (error + line.jitter) + kinks + gamma(line.entries + 2) * float(line.terms)


def _cut_on_purpose(line: LossLine) -> str | None:
    return None if not line.cut or _agrees(line) else (
        f"the model or its loss cuts something off from autograd on purpose ({line.cut}): its gradient is not meant to be the loss's derivative"
    )  # fmt: skip


def _drawn() -> Any:
    raise InputError("expected a network of yours (theorems check --model): nothing is drawn for this check")


def _along(line: LossLine) -> Operand:
    r"""Autograd's gradient is the derivative of the loss: along a random direction of the parameters it is the slope of the loss.

    .. math:: \langle \nabla_\theta L, V \rangle = \frac{d}{dt} L(\theta + t V) \Big|_{t=0}

    Every observation of the claims presupposes it. Shapes: all parameters θ at once, V with independent Gaussian entries of each parameter's size; if it fails, module
    by module. Observed: one backward pass, the hooks on activations and parameters included, in float64. Predicted: central differences of the loss at nine steps, extrapolated;
    the bound is 64 times what extrapolations from neighbouring steps differ by and an ulp of the loss over the step (where both disagree, also what the last bits of the parameters do to loss and slope), an estimate and not a proof (kinks of ReLU along the way are in it).

    Hypotheses: nothing is cut off from autograd on purpose, and the loss has a derivative at the point (both checked where autograd and loss disagree; a
    network on a kink is looked at again beside it). Raises InputError for anything that is not a LossLine.
    """
    return line.ahead


autograd_gives_the_gradient = Claim(
    name="autograd_gives_the_gradient",
    statement=_along.__doc__ or "",
    source=Source("", "precondition of every observation", "derived"),
    relation=Extrapolation(),
    observe=lambda line: line.slope,
    predict=_along,
    instances=_drawn,
    subject=LossLine,
    hypotheses={
        "nothing detached": Hypothesis(_drawn, _cut_on_purpose),
        "a loss with a derivative": Hypothesis(_drawn, _bends),
    },
    file=__file__,
)
