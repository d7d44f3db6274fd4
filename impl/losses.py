"""Losses whose gradients keep integers integral, and the check that targets fit the outputs."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from impl.errors import InputError

_LETTERS = "NCDEFG"


def _shape(shape: tuple[int, ...]) -> str:
    names = ", ".join(_LETTERS[i] if i < len(_LETTERS) else f"D{i}" for i in range(len(shape)))
    return f"({names}{',' if len(shape) == 1 else ''}) = {shape}"


def check_targets(outputs: Any, targets: Any) -> None:
    """Refuse targets that a pointwise loss would silently broadcast.

    Floating targets must have the outputs' shape whenever the two would broadcast; integer targets (class indices)
    and anything that is not a tensor are the loss's own business.

    Raises:
        InputError: naming both shapes.
    """
    if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor) or not targets.dtype.is_floating_point:
        return
    out, got = tuple(outputs.shape), tuple(targets.shape)
    if out == got:
        return
    pairs = zip(reversed(out), reversed(got), strict=False)
    if all(a == b or 1 in (a, b) for a, b in pairs):
        raise InputError(
            f"expected targets of shape {_shape(out)}, got {got}: the loss would broadcast them; "
            "reshape the targets to the outputs' shape"
        )


def half_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    r"""The loss of every exact instance, :math:`L = \tfrac12\sum (f - y)^2`: no mean, so integers stay integers.

    Args:
        outputs: (N, C) or any shape.
        targets: the same shape.

    Raises:
        InputError: if the shapes differ.
    """
    if outputs.shape != targets.shape:
        raise InputError(f"expected targets of shape {_shape(tuple(outputs.shape))}, got {tuple(targets.shape)}")
    return ((outputs - targets) ** 2).sum() / 2
