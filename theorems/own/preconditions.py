"""What every observation on a user's network presupposes: checked beside the catalogue, and
reported as a row of its own.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import Any

import torch

from theorems.claim import Claim, Hypothesis, Source
from theorems.impl.errors import InputError
from theorems.impl.numbers.operands import Operand
from theorems.impl.numbers.rounded import gamma
from theorems.impl.slopes.loss_lines import LossLine
from theorems.own.loss_slopes import ROOM, Slope, has_kink, slope_of
from theorems.relations import Finding, Side
from theorems.verdict import Grade, Outcome

POWER = 2.0**-3
"""The share of the slope of a typical direction that must be told apart for a verdict other than
UNDECIDED.
"""


@dataclass(frozen=True)
class Extrapolation:
    """Autograd's slope against central differences of the loss, extrapolated (Richardson) at the
    steps that agree best.
    """

    def judge(self, observe: Side, predict: Side, instance: Any) -> Finding:
        """Compare; the bound is that of `theorems.own.loss_slopes.slope_of`."""
        del predict
        slope, seen = float(observe(instance)), slope_of(instance)  # type: ignore[arg-type]
        context: dict[str, Any] = {"autograd's slope": slope, "slope of the loss": seen.limit}
        if instance.said:
            context["where"] = instance.said
        if instance.notes:
            context["note"] = "; ".join(instance.notes)
        finding = _judged(instance, slope, seen)
        reason = _why(instance, slope, seen) if finding is not Outcome.HOLDS else ""
        gap = abs(slope - seen.limit)
        if finding is Outcome.REFUTED and not math.isfinite(slope):
            gap = math.inf
        bound = seen.bound if math.isfinite(seen.bound) else 0.0
        return Finding(
            finding, Grade.NUMERICAL, gap, bound, context | ({"reason": reason} if reason else {})
        )


def _judged(line: LossLine, slope: float, seen: Slope) -> Outcome:
    if not math.isfinite(seen.limit) or not math.isfinite(seen.bound):
        return Outcome.UNDECIDED
    if not math.isfinite(slope):
        settled = seen.bound <= POWER * max(
            abs(seen.limit), 2.0**-20 * abs(float(line.value or 0.0))
        )
        return Outcome.REFUTED if settled else Outcome.UNDECIDED
    agrees = abs(slope - seen.limit) <= seen.bound
    sizes = (float(line.spread), abs(seen.limit)) if agrees else (abs(slope), abs(seen.limit))
    if agrees and line.hidden:
        return Outcome.UNDECIDED
    if seen.bound > POWER * max(sizes) and not _nothing_to_see(line, seen):
        return Outcome.UNDECIDED
    return Outcome.HOLDS if agrees else Outcome.REFUTED


def _nothing_to_see(line: LossLine, seen: Slope) -> bool:
    """Part of the parameters, of which autograd says that the loss does not depend, up to rounding:
    and it does not, to a millionth of what all do.
    """
    alone = max(float(line.spread), abs(float(line.slope)))
    zero = alone <= ROOM * max(line.jitter, gamma(line.entries + 2) * float(line.terms))
    return line.shared > 0 and zero and seen.bound <= 2.0**-20 * line.shared


def _why(line: LossLine, slope: float, seen: Slope) -> str:
    """Why a line does not hold, in words."""
    ahead = line.ahead[torch.isfinite(line.ahead)]
    if len(ahead) == 0:
        return (
            "the loss is not finite, or the network does not run, on the whole way along the line"
        )
    if line.hidden and abs(slope - seen.limit) <= seen.bound:
        return line.hidden
    if not math.isfinite(slope):
        who = f" of {', '.join(line.broken[:4])}" if line.broken else ""
        found = f": its slope is {seen.limit:.6g}" if math.isfinite(seen.bound) else ""
        return (
            f"autograd's gradient{who} is NaN or infinite at a point where the loss is "
            f"finite{found} (0 times infinity in a branch that torch.where drops, say, or a "
            "square root, norm or SVD where it has no derivative)"
        )
    if (
        math.isfinite(seen.bound)
        and abs(slope - seen.limit) > seen.bound
        and seen.bound <= POWER * max(abs(slope), abs(seen.limit))
    ):
        return ""
    return _hidden(line, slope, seen)


def _hidden(line: LossLine, slope: float, seen: Slope) -> str:
    """What hides the slope."""
    if seen.flat > 0:
        return (
            f"the loss does not change at all within a relative step of {seen.flat:.2g}: "
            "something on its way is rounded (a cast to a narrow format that stayed one, "
            "round, sign) or every unit is off, and beyond that its slope is told to "
            f"{seen.bound:.2g} only"
        )
    if not math.isfinite(seen.bound):
        return (
            "the loss is not finite along the way, or fails where the last bits of the "
            "parameters change"
        )
    if float(line.spread) == 0 and abs(seen.limit) <= seen.bound:
        return (
            "autograd's gradient is zero, and the loss changes by no more than its own "
            f"rounding: a slope below {seen.bound:.2g} is not seen"
        )
    if line.jitter > 0 and ROOM * line.jitter > seen.bound / 2:
        return (
            f"the last bits of the parameters change autograd's slope by {line.jitter:.2g}: it "
            "is no better known than that"
        )
    if seen.rounded > seen.bound / ROOM:
        return (
            f"rounding of the loss ({float(line.value or 0.0):.4g}) hides slopes below "
            f"{seen.bound:.2g}, and this one is {max(abs(slope), float(line.spread)):.2g}"
        )
    return (
        "the loss is not smooth enough along the way: neighbouring steps tell its slope to "
        f"{seen.bound:.2g} only, and it is {max(abs(slope), abs(seen.limit)):.2g} (kinks or "
        "jumps near the point)"
    )


def _bends(line: LossLine) -> str | None:
    return (
        None
        if _agrees(line) or not has_kink(line)
        else (
            "the loss has a kink at this very point (a unit on the threshold of its ReLU or "
            "clipping, say): it has no derivative there"
        )
    )


def _agrees(line: LossLine) -> bool:
    seen = slope_of(line)
    return abs(float(line.slope) - seen.limit) <= seen.bound


def _cut_on_purpose(line: LossLine) -> str | None:
    return (
        None
        if not line.cut or _agrees(line)
        else (
            "the model or its loss cuts something off from autograd on purpose that could not "
            f"be held where it was ({line.cut}): its gradient is not meant to be the loss's "
            "derivative"
        )
    )


def _drawn() -> Any:
    raise InputError(
        "expected a network of yours (theorems check --model): nothing is drawn for this check"
    )


def _along(line: LossLine) -> Operand:
    r"""Autograd's gradient is the derivative of the loss: along a random direction of the
    parameters it is the slope of the loss.

    .. math:: \langle \nabla_\theta L, V \rangle = \frac{d}{dt} L(\theta + t V) \Big|_{t=0}

    Every observation of the claims presupposes it. L is the loss in float64 throughout (casts to
    narrow formats are left out), with everything held that the network or the loss cuts off from
    autograd on purpose (``detach``, ``no_grad``, padding rows of an embedding): that is the
    function whose gradient autograd gives, and the row names what was held.

    Shapes: all parameters θ at once, V with independent Gaussian entries of each parameter's size,
    faster for modules of which the loss depends little; what is still too little to be seen gets a
    line of its own. If it fails, the last of all parameters, inputs and outputs of modules whose
    gradient is wrong is found by bisection. Observed: one backward pass, the hooks on activations
    and parameters included. Predicted: central differences of the loss at eleven steps,
    extrapolated; the bound is 64 times what extrapolations from neighbouring steps differ by and an
    ulp of the loss over the step (where both disagree, also how rough the loss is on nine
    equidistant points, and what the last bits of the parameters do to loss and slope), an estimate
    and not a proof (kinks of ReLU along the way are in it).

    Hypotheses: nothing is cut off that cannot be held (under torch.func, in scripted modules), and
    the loss has a derivative at the point (both checked where autograd and loss disagree; a network
    on a kink is looked at again beside it). Raises InputError for anything that is not a LossLine.
    """
    return line.ahead


autograd_gives_the_gradient = Claim(
    name="autograd_gives_the_gradient",
    statement=inspect.getdoc(_along) or "",
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
