"""Whole training runs under any torch optimiser: parameters, gradients and losses, step by step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from theorems.impl.errors import require
from theorems.impl.instances.checks import check_finite, check_shapes
from theorems.impl.instances.instance import Instance
from theorems.impl.networks.running import Inputs, run, undisturbed
from theorems.impl.networks.tracing import Loss, scalar_loss
from theorems.impl.numbers.operands import Operand

Maker: TypeAlias = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]

_UNIT = 2.0**-53


def _state_radius(record: TrainingRun) -> Tensor:
    """How far a recorded state can be from an exact step of its optimiser, taken from the recorded
    states and gradients before.

    The step itself is rounded to the size of the parameters; inside it an optimiser adds up at most
    T + 1 gradients in each of a few running means: 64 (T + 2)² units of the step, of η and of η
    Σ|g| leave room for every optimiser of `torch.optim`.
    """
    states, grads = record.parameters.center, record.gradients.center
    numbers = (states, grads, grads * record.rate.center)
    if record.optimiser == "sgd" and all(
        bool(((n == n.round()) & (n.abs() < 2**50)).all()) for n in numbers
    ):
        return torch.zeros_like(states)  # whole numbers: no step rounds
    moved = (states[1:] - states[:-1]).abs()
    summed = record.rate.center * (1 + grads.abs().cumsum(0))
    sizes = 4 * (states[1:].abs() + states[:-1].abs()) + 64 * (len(grads) + 2) ** 2 * (
        moved + summed
    )
    return torch.cat([torch.zeros_like(states[:1]), sizes * _UNIT])


@dataclass(frozen=True, eq=False)
class TrainingRun(Instance):
    r"""θ₀, …, θ_T with the gradient and the loss at each, as recorded.

    A state is what its optimiser made of the states and gradients before it, up to the rounding of
    that step. Gradients and losses are taken as recorded: how far they are off depends on the
    network.

    Args:
        parameters: θ, (T+1, m): all trainable parameters as one row, in the order of
            ``model.parameters()``.
        gradients: g_t = ∇L(θ_t), (T, m).
        losses: L(θ_t), (T+1,).
        rate: η, (): of the first parameter group when the run began.
        optimiser: name of its class, in lower case.

    Raises:
        InputError: shapes that do not fit, NaN or infinity.
    """

    derived: ClassVar[tuple[str, ...]] = ("gradients", "losses")
    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "steps": ("gradients", -2),
        "parameters": ("gradients", -1),
    }
    measured: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"parameters": _state_radius}
    granted: ClassVar[Mapping[str, Any]] = {"gradients": None, "losses": None}

    parameters: Operand
    gradients: Operand
    losses: Operand
    rate: Operand
    optimiser: str = "sgd"

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        steps, count = self.gradients.shape
        check_shapes(self, {"parameters": (steps + 1, count), "losses": (steps + 1,), "rate": ()})
        check_finite(self, "parameters", "gradients", "losses", "rate")

    @property
    def steps(self) -> int:
        """How many steps were taken, T."""
        return int(self.gradients.shape[0])


def training_run(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Loss,
    optimiser: Maker,
    *,
    steps: int,
    seed: int = 0,
) -> TrainingRun:
    """Train a float64 copy of ``model`` on one batch and record every step.

    Args:
        model: any module; it is copied, not changed.
        inputs: a tensor, a tuple of arguments or a mapping of keyword arguments.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        optimiser: makes the optimiser from the parameters: ``lambda parameters:
            torch.optim.Adam(parameters, lr=0.01)``.
        steps: T, at least one.
        seed: of dropout and other noise inside the model.

    Raises:
        InputError: without parameters or steps, for an optimiser that needs a closure, NaN or
            infinity.
    """
    require(steps >= 1, f"expected at least one step, got steps={steps}")
    model = copy.deepcopy(model).double()
    moving = [parameter for parameter in model.parameters() if parameter.requires_grad]
    require(bool(moving), "expected a model with parameters to train, got none")
    stepper = optimiser(moving)
    require(
        not isinstance(stepper, torch.optim.LBFGS),
        "expected an optimiser that takes one gradient per step, got LBFGS, which asks for "
        "closures",
    )
    rate = torch.as_tensor(float(stepper.param_groups[0].get("lr", 1.0)), dtype=torch.float64)
    states, grads, losses = [_row(moving)], [], []
    for step in range(steps + 1):
        stepper.zero_grad()
        with undisturbed(model, seed + step), torch.enable_grad():
            value = scalar_loss(run(model, inputs), targets, loss)
            value.backward()
        losses.append(value.detach().double())
        if step == steps:
            break
        grads.append(
            torch.cat(
                [(p.grad if p.grad is not None else p * 0).detach().reshape(-1) for p in moving]
            )
        )
        stepper.step()
        states.append(_row(moving))
    name = type(stepper).__name__.lower()
    return TrainingRun(torch.stack(states), torch.stack(grads), torch.stack(losses), rate, name)


def _row(parameters: list[nn.Parameter]) -> Tensor:
    return torch.cat([parameter.detach().reshape(-1) for parameter in parameters]).clone()
