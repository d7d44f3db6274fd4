"""Gradients of a function of one's own, on every kind of number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.numbers.differentiation import alone, taking
from theorems.impl.numbers.duals import Dual
from theorems.impl.numbers.exact_arrays import exact_array
from theorems.impl.numbers.operands import is_exact
from theorems.impl.numbers.rounded import Ball

_REVERSE = 4
"""Autograd sums the same products as forward mode in another order: that much more than the bound
of forward mode is allowed.
"""


def gradient(function: Callable[..., Any], at: Any) -> Any:
    r"""The gradient of a scalar function, :math:`\nabla f(x)`, wherever a formula runs.

    On tensors by autograd; on exact numbers, balls and balls of arb entry by entry by dual numbers,
    exactly, or enclosed. At a kink it is torch's: ``relu`` has slope 0 at zero.

    Args:
        function: takes what ``at`` is (several arguments, if that is a tuple) and returns one
            number.
        at: where: an operand, or a tuple of operands.

    Returns:
        the gradient, of the shape of ``at``; a tuple for a tuple.

    Raises:
        InputError: if the function returns more than one number, or another derivative is taken
            within.
    """
    several = isinstance(at, tuple)
    points = at if several else (at,)
    with alone(points[0]):  # symbols have words of their own for it
        pass
    with taking("gradient"):
        found = (
            _reverse(function, points)
            if isinstance(points[0], Tensor)
            else _forward(function, points)
        )
    return tuple(found) if several else found[0]


def _reverse(function: Callable[..., Any], points: tuple[Any, ...]) -> list[Any]:
    leaves = [x.detach().requires_grad_() for x in points]
    with torch.enable_grad():
        value = function(*leaves)
        _require_scalar(value)
        if not value.requires_grad:
            return [torch.zeros_like(x) for x in leaves]
        grads = torch.autograd.grad(value.reshape(()), leaves, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, grads, strict=True)]


def _require_scalar(value: Any) -> None:
    shape = tuple(value.shape)
    require(
        int(np.prod(shape)) == 1,
        f"expected a function that returns one number, got shape {shape}; sum it",
    )


def _forward(function: Callable[..., Any], points: tuple[Any, ...]) -> list[Any]:
    if hasattr(points[0], "gradients"):  # arrays of every size bring their own
        return list(points[0].gradients(function, points))
    points = tuple(exact_array(x) if is_exact(x) else x for x in points)
    out = []
    for which, x in enumerate(points):
        parts = []
        for index in np.ndindex(*x.shape):
            directions = [p * 0 for p in points]
            directions[which] = directions[which] + _unit(x, index)
            value = function(*(Dual(p, v) for p, v in zip(points, directions, strict=True)))
            _require_scalar(value)
            parts.append(
                value.tangent.reshape(()) if isinstance(value, Dual) else value.reshape(()) * 0
            )
        joined = x.stacked(parts).reshape(tuple(x.shape))
        out.append(_reordered(joined) if isinstance(joined, Ball) else joined)
    return out


def _unit(like: Any, index: tuple[int, ...]) -> Any:
    if isinstance(like, Ball):
        unit = torch.zeros(like.shape, dtype=torch.float64)
        unit[index] = 1
        return unit
    whole = np.zeros(like.shape, dtype=object)
    whole[index] = 1
    return like.lifted(whole)


def _reordered(ball: Ball) -> Ball:
    return Ball(ball.center, None if ball.radius is None else _REVERSE * ball.radius, ball.unit)
