"""Rounding of real preconditioned steps: what came out of the network, from W, X, ∇_Z and P on."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from torch import Tensor

from theorems.impl.measured import given
from theorems.impl.rounded import UNIT, Ball


def _rate(value: Tensor, unit: float) -> Ball:
    """A rate as the optimiser uses it: converted to the network's format where that is narrower."""
    wide = value.double()[..., None, None]
    return Ball(wide, wide.abs() * unit if unit > UNIT else None, unit)


@lru_cache(maxsize=1)
def stepped(steps: Any) -> Ball:
    """W after the step, in the network's own format; the last instance's is kept for its mutants."""
    delta, inputs = Ball(steps.seen_grad, unit=steps.unit), Ball(steps.inputs, unit=steps.unit)
    weight, matrix = Ball(steps.weight, unit=steps.unit), Ball(steps.preconditioner, unit=steps.unit)
    eta, decay = _rate(steps.rate, steps.unit), _rate(steps.decay, steps.unit)
    return weight * (1 - eta * decay) - ((delta.mT @ inputs) @ matrix) * eta


def enclosed_steps(steps: Any) -> Any:
    """Everything that came out of the network with the error of its own computation, from W on."""
    inputs, tests = Ball(steps.inputs, unit=steps.unit), Ball(steps.test_inputs, unit=steps.unit)
    weight, after = Ball(steps.weight, unit=steps.unit), stepped(steps)
    return replace(
        steps.map(given),
        before=Ball(steps.before, (inputs @ weight.mT).radius),
        after=Ball(steps.after, (inputs @ after.mT).radius),
        test_before=Ball(steps.test_before, (tests @ weight.mT).radius),
        test_after=Ball(steps.test_after, (tests @ after.mT).radius),
        weight_after=Ball(steps.weight_after, after.radius),
    )


def moved_steps(steps: Any, seen_grad: Tensor) -> Any:
    """The same steps under another ∇_Z: W, and Z on both sets of inputs, follow it."""
    eta, step = steps.rate.double()[..., None, None], seen_grad - steps.seen_grad
    change = -(step.mT @ steps.inputs) @ steps.preconditioner * eta
    return replace(
        steps,
        output_grad=steps.output_grad + step,
        seen_grad=seen_grad,
        weight_after=steps.weight_after + change,
        after=steps.after + steps.inputs @ change.mT,
        test_after=steps.test_after + steps.test_inputs @ change.mT,
    )
