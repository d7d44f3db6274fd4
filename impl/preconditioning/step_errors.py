"""Rounding of real preconditioned steps: what came out of the network, from W, X, ∇_Z and P on."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from theorems.impl.instances.measured import given
from theorems.impl.networks.tracing import trace
from theorems.impl.numbers.rounded import UNIT, Ball


def _rate(value: Tensor, unit: float) -> Ball:
    """A rate as the optimiser uses it: converted to the network's format where that is narrower."""
    wide = value.double()[..., None, None]
    return Ball(wide, wide.abs() * unit if unit > UNIT else None, unit)


@lru_cache(maxsize=1)
def stepped(steps: Any) -> Ball:
    """W after the step, in the network's own format; the last instance's is kept for its
    mutants.
    """
    delta, inputs = Ball(steps.seen_grad, unit=steps.unit), Ball(steps.inputs, unit=steps.unit)
    weight, matrix = (
        Ball(steps.weight, unit=steps.unit),
        Ball(steps.preconditioner, unit=steps.unit),
    )
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


LARGEST = 2.0**50
"""Eight times below 2^53: room for the sums of a few such terms."""


def whole_numbers(training: Any, matrix: Tensor, output_grad: Tensor) -> bool:
    """Whether every sum of the coming step runs over integers that stay below 2^50: then nothing
    rounds.
    """
    layers = trace(
        training.model, training.inputs, training.targets, training.loss, seed=training.seed
    )
    delta, rows, weight = (
        output_grad.abs(),
        training.rows.abs(),
        training.layer.stacked_weight().abs(),
    )
    slope = (delta.mT @ rows) @ matrix.abs() * training.rate
    moved = weight * (1 + training.rate * training.decay) + slope
    sums = [rows @ moved.mT, rows @ matrix.abs() @ rows.mT @ delta * training.rate]
    sums.append(training.test_rows.abs() @ moved.mT)
    for layer in layers.values():
        w, h, d = layer.weight.abs(), layer.inputs.abs(), layer.output_grad.abs()
        sums += [h @ w.mT + (0 if layer.bias is None else layer.bias.abs()), d.mT @ h, d @ w]
    sums += [p.detach().abs() for p in training.layer.others]
    numbers = [
        rows,
        weight,
        delta,
        matrix * training.rate,
        torch.tensor(training.rate * training.decay),
    ]
    whole = all(bool((t == t.round()).all()) for t in [*numbers, *sums])
    return whole and all(float(t.max()) < LARGEST for t in sums if t.numel())
