"""Derivatives along a direction, from the forward code alone: one function for floats, integers and
balls.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.numbers.duals import Dual
from theorems.impl.numbers.exact_arrays import NotExactError
from theorems.impl.numbers.magnitude import NotWholeError, base_for
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.tracked import is_tracked

_WITHIN: ContextVar[str] = ContextVar("the derivative that is taken", default="")


@contextmanager
def taking(what: str) -> Iterator[None]:
    """A derivative that is taken: autograd and dual numbers would take a gradient within another
    derivative for a constant, or mix the two directions.

    Raises:
        InputError: for a gradient within another derivative, or another derivative within one.
    """
    outer = _WITHIN.get()
    require(
        not outer or "gradient" not in (what, outer),
        f"expected one derivative at a time, got a {what} within a {outer}; write the inner one "
        "out as a formula",
    )
    token = _WITHIN.set(what)
    try:
        yield
    finally:
        _WITHIN.reset(token)


def velocity(function: Callable[..., Any], at: Sequence[Operand], along: Sequence[Operand]) -> Any:
    r"""The derivative :math:`\frac{d}{d\varepsilon} f(x + \varepsilon v)` at ε = 0.

    Torch tensors go through ``torch.func.jvp``. Integer arrays are evaluated at x + B·v and the
    coefficient of B is read off (Kronecker substitution): exact for polynomials with integer
    coefficients, without any rule of differentiation. B is a power of two above four times a proved
    bound on every coefficient (`impl.numbers.magnitude`), so that none can run into the next. Any
    other operand (balls, tracked numbers) is carried as a dual number.

    Args:
        function: takes ``len(at)`` operands; returns an operand, or tuples and dicts of them.
        at: where, one operand per argument.
        along: the direction, of the same shapes.

    Returns:
        what ``function`` returns, with every operand replaced by its derivative.
    """
    with alone(at[0]), taking("velocity"):
        return _velocity(function, at, along)


def _velocity(function: Callable[..., Any], at: Sequence[Operand], along: Sequence[Operand]) -> Any:
    if isinstance(at[0], Tensor):
        return forward_mode(function, at, along)[1]
    if is_exact(at[0]) and not is_tracked(*at, *along):
        base = _base(function, at, along)
        if base is not None:
            return _substituted(function, at, along, base)
    duals = [Dual(x, v) for x, v in zip(at, along, strict=True)]
    return _each(
        function(*duals), lambda value: value.tangent if isinstance(value, Dual) else value * 0
    )


def alone(at: Operand) -> AbstractContextManager[None]:
    """What a kind of number asks to be done while a derivative is taken of it: some refuse another
    derivative within.
    """
    kind = at.value if isinstance(at, Dual) else at
    while isinstance(kind, Dual):
        kind = kind.value
    found: AbstractContextManager[None] = (
        kind.differentiating() if hasattr(kind, "differentiating") else nullcontext()
    )
    return found


def _base(
    function: Callable[..., Any], at: Sequence[Operand], along: Sequence[Operand]
) -> int | None:
    """Kronecker's base, or None where the substitution does not apply."""
    try:
        return base_for(function, at, along)
    except (NotWholeError, NotExactError):
        return None


def _substituted(
    function: Callable[..., Any], at: Sequence[Operand], along: Sequence[Operand], base: int
) -> Any:
    shifted = [x + base * v for x, v in zip(at, along, strict=True)]
    return _each(
        function(*shifted),
        np.vectorize(lambda value: _linear_coefficient(value, base), otypes=[object]),
    )


def forward_mode(function: Callable[..., Any], at: Sequence[Any], along: Sequence[Any]) -> Any:
    """The value and the derivative of a function of tensors by ``torch.func.jvp``.

    Its first use compiles torch's decompositions, for operations without a forward derivative of
    their own: a quarter of a second that is spent where one of them runs.
    """
    if _DECOMPOSITIONS not in sys.modules:
        before = os.environ.get(_JIT)
        os.environ[_JIT] = "0"
        try:
            return torch.func.jvp(function, tuple(at), tuple(along))
        except (NotImplementedError, RuntimeError):
            pass
        finally:
            if before is None:
                del os.environ[_JIT]
            else:
                os.environ[_JIT] = before
        _load_forward_mode()
    return torch.func.jvp(function, tuple(at), tuple(along))


_DECOMPOSITIONS, _JIT = "torch._decomp.decompositions_for_jvp", "PYTORCH_JIT"


@cache
def _load_forward_mode() -> None:
    """With a deprecation warning of torch's own that no caller can act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.func.jvp(torch.neg, (torch.zeros(1),), (torch.zeros(1),))


def gradient(function: Callable[..., Operand], at: Sequence[Operand]) -> tuple[Operand, ...]:
    """The gradient of a scalar per network (leading dimensions) by each operand.

    Reverse-mode autograd on torch tensors; on integer arrays one exact directional derivative per
    coordinate; symbolic arrays bring their own (`impl.symbolic.derivatives`).
    """
    if hasattr(at[0], "gradients"):
        found: tuple[Operand, ...] = at[0].gradients(function, at)
        return found
    if isinstance(at[0], Tensor):
        leaves = [x.detach().requires_grad_() for x in at]
        with torch.enable_grad():
            return torch.autograd.grad(function(*leaves).sum(), leaves)
    units = [np.ones(x.shape, dtype=object) for x in at]
    # one base serves every direction: units bound them all
    base = None if is_tracked(*at) else _base(function, at, units)
    out = []
    for which, x in enumerate(at):
        result = np.zeros(x.shape, dtype=object)
        for row, column in np.ndindex(x.shape[-2:]):
            directions = [np.zeros(y.shape, dtype=object) for y in at]
            directions[which][..., row, column] = 1
            result[..., row, column] = (
                velocity(function, at, directions)
                if base is None
                else _substituted(function, at, directions, base)
            )
        out.append(result)
    return tuple(out)


def _each(value: Any, function: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _each(part, function) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_each(part, function) for part in value)
    return function(value)


def _linear_coefficient(value: int, base: int) -> int:
    half = base >> 1
    constant = (value + half) % base - half
    return int(((value - constant) // base + half) % base - half)
