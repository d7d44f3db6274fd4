"""Before a claim is refuted: can the rounding of what was taken as given explain the difference?

∇_Z of a layer is a measured number, and ∇_W = ∇_Zᵀ H and ∇_H = ∇_Z W are functions of it. A
statement that follows from these two holds for every ∇_Z, and is judged with ∇_Z as it came: its
bounds are sharp. A statement that is true because of the loss above ("the gradients of a sample's
logits sum to zero") holds for the exact ∇_Z alone. Which it is need not be said: ∇_Z is moved by
what its rounding can be, ∇_W and ∇_H move with it, and a difference that does not exceed what the
two sides then move apart refutes nothing. The same goes for the fields of a type that does not say
which of them were measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import doubts, is_declared, known_doubts, variations
from theorems.impl.numbers.rounded import Ball
from theorems.impl.numbers.truth import Truth

_TIMES = 4
"""How many times the largest movement seen counts, where the doubt itself is a guess: half of the
digits.
"""

_FAINTEST = 10
"""A Gaussian is below a tenth of its deviation six times in a row with probability 2.5e-7: what a
proved doubt is multiplied by, besides √n.
"""


def movements(
    sides: Callable[[Any], Mapping[str, Any]], instance: Instance
) -> dict[str, Tensor] | None:
    """By how much each of ``sides`` can move with what was taken as given, entry by entry; None
    where all was data.

    Args:
        sides: of an instance of float64 tensors.
        instance: of floats.
    """
    doubted = doubts(instance)
    if not doubted:
        return None
    base = {name: _tensor(value) for name, value in sides(instance.double()).items()}
    largest = {name: torch.zeros_like(value) for name, value in base.items()}
    for factor, other in variations(instance):
        for name, value in _evaluated(sides, other, base).items():
            apart = (_tensor(value) - base[name]).abs() / factor
            largest[name] = torch.maximum(largest[name], apart.nan_to_num(nan=math.inf))
    entries, known = known_doubts(doubted)
    times = _FAINTEST * math.sqrt(entries) if known else _TIMES
    return {name: value * times for name, value in largest.items()}


def _evaluated(
    sides: Callable[[Any], Mapping[str, Any]], other: Any, base: Mapping[str, Tensor]
) -> Mapping[str, Any]:
    """The sides of a moved instance; anywhere, where they are not defined there."""
    try:
        return sides(other)
    except Exception:  # noqa: BLE001
        return {name: value + math.inf for name, value in base.items()}


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Ball):
        value = value.center
    return torch.as_tensor(value, dtype=torch.float64)


def proved(instance: Instance) -> bool:
    """Whether all that was taken as given comes with a proved bound."""
    return known_doubts(doubts(instance))[1]


def advice(instance: Instance) -> str:
    """Why a difference refutes nothing here, and what to declare so that it does."""
    kind, names = type(instance).__name__, ", ".join(doubts(instance))
    if not is_declared(type(instance)):
        return (
            f"the difference is no larger than rounding may make it if {names} were computed, and "
            f"{kind} does not say which of them were: write measured = {{}} in {kind} if all of "
            "them are data, or measured = {name: how far it can be off}; see docs/conjectures.md"
        )
    return (
        f"the difference is no larger than the rounding of {names}, which was measured, may "
        f"make it: {_how(instance)}"
    )


def _how(instance: Instance) -> str:
    errors = [name for name in ("output_error", "residual_error") if hasattr(instance, name)]
    if any(getattr(instance, name) is not None for name in errors):
        return "its rounding is enclosed, and the statement holds within it"
    return (
        "nobody knows its rounding here; at the last layer of a network under cross_entropy, "
        "mse_loss or half_squared_error themselves (no wrapper) it is known, elsewhere give it as "
        f"{(errors or ['output_error'])[0]}="
    )


def half_the_digits(instance: Instance) -> float:
    """√u, u the unit roundoff of the coarsest format that the instance was measured in."""
    formats = [
        v.dtype
        for v in vars(instance).values()
        if isinstance(v, Tensor) and v.dtype.is_floating_point
    ]
    units = [torch.finfo(dtype).eps / 2 for dtype in formats]
    return math.sqrt(max([getattr(instance, "unit", 0.0), *units], default=0.0))


_WIDE = 2.0**-10
"""Relative uncertainty of every number, under which the radii of a formula show how large its terms
are.
"""


def term_sizes(
    sides: Callable[[Any], Mapping[str, Any]], balls: Instance, names: Sequence[str] = ()
) -> dict[str, float] | None:
    """The size of the terms that each side is made of, whatever cancels: Σ|∂side/∂x||x|, by
    widening every number; None if it does not run.

    Args:
        sides: of an instance of balls.
        balls: the enclosed instance.
        names: the fields whose terms count; by default all.
    """

    def wide(value: Any) -> Any:
        return Ball(value.center, value.error + _WIDE * value.center.abs(), value.unit)

    def widened(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(widened(part) for part in value)
        return wide(value) if isinstance(value, Ball) else value

    try:
        names = names or [f.name for f in fields(balls)]
        base = sides(balls)
        found = sides(replace(balls, **{name: widened(getattr(balls, name)) for name in names}))
    except Exception:  # noqa: BLE001
        return None
    sizes = {
        name: float((value.error - base[name].error).max()) / _WIDE
        for name, value in found.items()
        if isinstance(value, Ball) and isinstance(base[name], Ball) and value.center.numel()
    }
    return {
        name: sizes[name] if math.isfinite(sizes.get(name, math.nan)) else 0.0 for name in found
    }


def as_ball(value: Any) -> Ball:
    """A side as a ball: what holds no radius is exact."""
    value = value.double() if isinstance(value, Truth) else value
    return value if isinstance(value, Ball) else Ball(torch.as_tensor(value))


def rounding(measured: Tensor, enclosed: Any) -> Tensor:
    """How far what was measured is from the exact value, by the ball of the same formula.

    torch's own kernel of a softmax or a norm may sum in another order than the ball: as far as that
    shows, it counts too.
    """
    ball = enclosed.double() if isinstance(enclosed, Truth) else enclosed
    if not isinstance(ball, Ball):
        return torch.zeros_like(measured, dtype=torch.float64)
    if ball.radius is None or ball.center.shape != measured.shape:
        return ball.error
    apart = (measured.double() - ball.center).abs().nan_to_num(nan=0.0)
    return ball.error + torch.minimum(apart, _REORDERED * ball.error)


_REORDERED = 8
"""How many radii another order of summation may be away."""
