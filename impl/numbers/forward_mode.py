"""Forward-mode derivatives of torch functions, without what a constant operand costs there.

Where one factor of a product, a quotient or a sum is a constant, torch 2.13 runs the shape rules of
its compiler for every operation (0.15 ms) and imports the compiler for the first (a second). Such
operations are linear in the other operand: here its tangent takes the same way as its value.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode

_PRODUCTS = (torch.Tensor.mul, torch.mul)
_QUOTIENTS = (torch.Tensor.div, torch.div)
_SUMS = (torch.Tensor.add, torch.add)
_DIFFERENCES = (torch.Tensor.sub, torch.sub)
_LINEAR = frozenset((*_PRODUCTS, *_QUOTIENTS, *_SUMS, *_DIFFERENCES))


def tangent(function: Callable[..., Any], at: Sequence[Tensor], along: Sequence[Tensor]) -> Any:
    r"""The derivative :math:`\frac{d}{d\varepsilon} f(x + \varepsilon v)` at ε = 0.

    Args:
        function: takes ``len(at)`` tensors; returns tensors, or tuples and dicts of them.
        at: x, one tensor per argument.
        along: v, of the same shapes.
    """
    return value_and_tangent(function, at, along)[1]


def value_and_tangent(
    function: Callable[..., Any], at: Sequence[Tensor], along: Sequence[Tensor]
) -> Any:
    """The value and the derivative of a function of tensors by ``torch.func.jvp``.

    Its first use compiles torch's decompositions, for operations without a forward derivative of
    their own: a quarter of a second that is spent where one of them runs.
    """

    def aside(*operands: Tensor) -> Any:
        with _ConstantsAside():
            return function(*operands)

    if _DECOMPOSITIONS not in sys.modules:
        before = os.environ.get(_JIT)
        os.environ[_JIT] = "0"
        try:
            return torch.func.jvp(aside, tuple(at), tuple(along))
        except (NotImplementedError, RuntimeError):
            pass
        finally:
            if before is None:
                del os.environ[_JIT]
            else:
                os.environ[_JIT] = before
        _load()
    return torch.func.jvp(aside, tuple(at), tuple(along))


_DECOMPOSITIONS, _JIT = "torch._decomp.decompositions_for_jvp", "PYTORCH_JIT"


class _ConstantsAside(TorchFunctionMode):
    """Takes over operations of two operands that are linear in the only one with a tangent."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in _LINEAR and len(args) == 2 and not kwargs:
            first, second = (_parts(value) for value in args)
            if first is not None and second is None:
                return _of_first(func, first, args[1])
            if second is not None and first is None and func not in _QUOTIENTS:
                return _of_second(func, args[0], second)
        return func(*args, **(kwargs or {}))


def _parts(value: Any) -> Any:
    """Value and tangent of an operand; None of a constant."""
    if not isinstance(value, Tensor):
        return None
    parts = forward_ad.unpack_dual(value)
    return None if parts.tangent is None else parts


def _of_first(func: Any, dual: Any, constant: Any) -> Tensor:
    value = func(dual.primal, constant)
    moved = dual.tangent if func in (*_SUMS, *_DIFFERENCES) else func(dual.tangent, constant)
    return _paired(value, moved)


def _of_second(func: Any, constant: Any, dual: Any) -> Tensor:
    value = func(constant, dual.primal)
    if func in _PRODUCTS:
        return _paired(value, func(constant, dual.tangent))
    return _paired(value, dual.tangent if func in _SUMS else -dual.tangent)


def _paired(value: Tensor, moved: Tensor) -> Tensor:
    """A sum may be of a larger shape, or of a wider type, than what moves in it."""
    if moved.shape != value.shape or moved.dtype != value.dtype:
        moved = moved.to(value.dtype).expand(value.shape).clone()
    return forward_ad.make_dual(value, moved)


@cache
def _load() -> None:
    """With a deprecation warning of torch's own that no caller can act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.func.jvp(torch.neg, (torch.zeros(1),), (torch.zeros(1),))
