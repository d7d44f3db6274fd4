"""Losses whose gradients keep integers integral, and the check that targets fit the outputs."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from theorems.impl.errors import InputError, require, require_finite

_LETTERS = "NCDEFG"


def _shape(shape: tuple[int, ...]) -> str:
    names = ", ".join(_LETTERS[i] if i < len(_LETTERS) else f"D{i}" for i in range(len(shape)))
    return f"({names}{',' if len(shape) == 1 else ''}) = {shape}"


def _pairs(outputs: Any, targets: Any) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """Outputs and targets that stand in the same place, head by head; False where only one side has
    heads.
    """
    if isinstance(outputs, Tensor) and isinstance(targets, Tensor):
        yield outputs, targets, True
    elif isinstance(outputs, Mapping) and isinstance(targets, Mapping):
        for name in outputs.keys() & targets.keys():
            yield from _pairs(outputs[name], targets[name])
    elif (
        isinstance(outputs, tuple | list)
        and isinstance(targets, tuple | list)
        and len(outputs) == len(targets)
    ):
        for one, other in zip(outputs, targets, strict=True):
            yield from _pairs(one, other)
    else:
        for one, other in itertools.product(_parts(outputs), _parts(targets)):
            if isinstance(one, Tensor) and isinstance(other, Tensor):
                yield one, other, False


def _parts(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, tuple | list) else [value]


_REARRANGING = ("expand_as", "view_as", "reshape_as", "type_as")
_REDUCING = ("loss", "kl_div", "dist")


class _Broadcasts(TorchFunctionMode):
    """Refuses an operation that broadcasts outputs and targets of different shapes against one
    another.
    """

    def __init__(self, pairs: list[tuple[Tensor, Tensor, bool]]) -> None:
        super().__init__()
        self.pairs = []
        for out, got, matching in pairs:
            both = torch.broadcast_shapes(out.shape, got.shape)
            # else it may be a mask, say
            if matching or both.numel() > max(out.numel(), got.numel()):
                self.pairs.append(
                    (tuple(out.shape), tuple(got.shape), tuple(both), got.dtype.is_floating_point)
                )

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if isinstance(result, Tensor) and name not in _REARRANGING:
            seen = [tuple(value.shape) for value in args if isinstance(value, Tensor)]
            reduces = any(part in name for part in _REDUCING)
            for out, got, both, floating in self.pairs:
                if (
                    out in seen
                    and got in seen
                    and (tuple(result.shape) == both or (reduces and floating))
                ):
                    raise InputError(
                        f"expected targets of shape {_shape(out)}, got {got}: the loss would "
                        f"broadcast them to {both}; reshape the targets to the outputs' shape"
                    )
        return result


@contextmanager
def no_broadcasting(outputs: Any, targets: Any) -> Iterator[None]:
    """Refuse a loss that silently broadcasts targets of the wrong shape; one that reshapes them
    first is its own business.

    Most of torch's losses warn ("Using a target size …"), which counts as an error here. For the
    others, whatever is computed of one tensor of the outputs' shape and one of the targets' shape
    may not have their common, broadcast shape.

    Raises:
        InputError: naming both shapes.
    """
    pairs = [
        (o, t, m)
        for o, t, m in _pairs(outputs, targets)
        if o.shape != t.shape and t.ndim and _broadcastable(o, t)
    ]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Using a target size")
        if not pairs:
            yield
            return
        with _Broadcasts(pairs):
            yield


def _broadcastable(out: Tensor, got: Tensor) -> bool:
    return all(
        a == b or 1 in (a, b)
        for a, b in zip(reversed(out.shape), reversed(got.shape), strict=False)
    )


def require_finite_targets(targets: Any) -> None:
    """Refuse NaN and infinity in targets, wherever they stand in tuples, lists and mappings.

    Raises:
        InputError: naming the first such number.
    """
    if isinstance(targets, Tensor):
        require(
            targets.numel() > 0,
            f"expected targets of at least one sample, got shape {tuple(targets.shape)}",
        )
        require_finite("the targets", targets)
    elif isinstance(targets, Mapping | tuple | list):
        for part in targets.values() if isinstance(targets, Mapping) else targets:
            require_finite_targets(part)


def half_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    r"""The loss of every exact instance, :math:`L = \tfrac12\sum (f - y)^2`: no mean, so integers
    stay integers.

    Args:
        outputs: (N, C) or any shape.
        targets: the same shape.

    Raises:
        InputError: if the shapes differ.
    """
    if outputs.shape != targets.shape:
        raise InputError(
            f"expected targets of shape {_shape(tuple(outputs.shape))}, got {tuple(targets.shape)}"
        )
    return ((outputs - targets) ** 2).sum() / 2
