"""What every observation on a user's network presupposes: checked beside the catalogue, and reported as a row of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from impl.errors import InputError
from impl.loss_lines import LossLine
from impl.operands import Operand
from theorems.claim import Claim, Hypothesis, Source
from theorems.loss_slopes import has_kink, slope_of
from theorems.relations import Finding, Side
from theorems.verdict import Grade, Outcome

POWER = 2.0**-3
"""The share of the slope of a typical direction that must be told apart for a verdict other than UNDECIDED."""


@dataclass(frozen=True)
class Extrapolation:
    """Autograd's slope against central differences of the loss, extrapolated (Richardson) at the steps that agree best."""

    def judge(self, observe: Side, predict: Side, instance: Any) -> Finding:
        """Compare; the bound is that of `theorems.loss_slopes.slope_of`."""
        del predict
        slope, seen = float(observe(instance)), slope_of(instance)  # type: ignore[arg-type]
        context: dict[str, Any] = {"autograd's slope": slope, "slope of the loss": seen.limit}
        gap, bound = abs(slope - seen.limit), seen.bound
        if not math.isfinite(gap) or not math.isfinite(bound):
            context["reason"] = (
                "the loss is not finite along the way, or fails where the last bits of the parameters change"
            )
            return Finding(Outcome.UNDECIDED, Grade.NUMERICAL, math.nan, 0.0, context)
        if gap <= bound:
            outcome, size = Outcome.HOLDS, max(float(instance.spread), abs(seen.limit))
        else:
            outcome, size = Outcome.REFUTED, max(abs(slope), abs(seen.limit))
        if bound > POWER * size:
            outcome = Outcome.UNDECIDED
            context["reason"] = "the loss is flat, or not smooth enough along the way to tell its slope"
        return Finding(outcome, Grade.NUMERICAL, gap, bound, context)


def _bends(line: LossLine) -> str | None:
    return None if _agrees(line) or not has_kink(line) else (
        "the loss has a kink at this very point (a unit on the threshold of its ReLU or clipping, say): it has no derivative there"
    )  # fmt: skip


def _agrees(line: LossLine) -> bool:
    seen = slope_of(line)
    return abs(float(line.slope) - seen.limit) <= seen.bound


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
    by module. Observed: one backward pass, the hooks on activations and parameters included, in float64. Predicted: central differences of the loss at eleven steps, extrapolated;
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
