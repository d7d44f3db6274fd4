"""Dual numbers: a value and its derivative along one direction, over every kind of number, in
torch's spelling.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from torch import Tensor

from theorems.impl.numbers.torch_like import TorchLike


def _in_place(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``x += y`` as x = x + y, where the kind of number allows it."""

    def changed(self: Any, other: Any) -> Any:
        value = self.value
        while isinstance(value, Dual):
            value = value.value
        if hasattr(value, "in_place"):
            value.in_place()
        return operation(self, other)

    return changed


class Dual(TorchLike):
    """A value and its derivative along one direction, for operands that bring no differentiation of
    their own.

    At a kink the derivative is torch's: that of ``relu`` at zero is 0, of ``abs`` too.
    """

    __array_priority__ = 1000
    __array_ufunc__ = None

    def __init__(self, value: Any, tangent: Any) -> None:
        """Pair ``value`` with its ``tangent``."""
        self.value, self.tangent = value, tangent

    def lifted(self, value: Any) -> Any:
        """A constant: its derivative is zero."""
        if isinstance(value, Dual):
            return value
        lift = getattr(self.value, "lifted", None)
        number = value if lift is None else lift(value)
        return Dual(number, number * 0)

    @property
    def mT(self) -> Dual:  # noqa: N802
        """Transpose of the last two dimensions."""
        return Dual(self.value.mT, self.tangent.mT)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return tuple(self.value.shape)

    def _both(self, change: Callable[[Any], Any]) -> Dual:
        return Dual(change(self.value), change(self.tangent))

    def __getitem__(self, index: Any) -> Dual:
        """Index value and tangent alike."""
        return self._both(lambda x: x[index])

    def sum(self, axis: Any = None, keepdim: bool = False, *, dim: Any = None) -> Dual:  # noqa: FBT002
        """Sum over axes, all of them by default."""
        chosen = axis if dim is None else dim
        if chosen is None:
            chosen = tuple(range(len(self.value.shape)))
        if not keepdim:
            return self._both(lambda x: x.sum(chosen))
        return self._both(lambda x: x.sum(chosen, keepdim=True))

    def permute(self, *axes: int) -> Dual:
        """Dimensions in another order."""
        return self._both(lambda x: x.permute(*axes))

    def reshape(self, *shape: Any) -> Dual:
        """Another shape."""
        return self._both(lambda x: x.reshape(*shape))

    def squeeze(self, *dims: int) -> Dual:
        """Without dimensions of size one."""
        return self._both(lambda x: x.squeeze(*dims))

    def detach(self) -> Dual:
        """A constant of the same value."""
        return Dual(self.value, self.tangent * 0)

    __iadd__, __isub__ = _in_place(operator.add), _in_place(operator.sub)
    __imul__, __itruediv__ = _in_place(operator.mul), _in_place(operator.truediv)
    __imatmul__, __ipow__ = _in_place(operator.matmul), _in_place(operator.pow)

    def _joined(self, name: str, parts: list[Any], dim: int) -> Dual:
        duals = [self.lifted(part) for part in parts]
        if isinstance(self.value, Tensor):
            import torch

            join: Any = getattr(torch, {"stacked": "stack", "joined": "cat"}[name])
            return Dual(join([d.value for d in duals], dim), join([d.tangent for d in duals], dim))
        join = getattr(self.value, name)
        return Dual(join([d.value for d in duals], dim), join([d.tangent for d in duals], dim))

    def stacked(self, parts: list[Any], dim: int = 0) -> Dual:
        """Along a new dimension."""
        return self._joined("stacked", parts, dim)

    def joined(self, parts: list[Any], dim: int = 0) -> Dual:
        """Along a dimension."""
        return self._joined("joined", parts, dim)

    # -- functions ---------------------------------------------------------------------------------

    def exp(self) -> Dual:
        """The exponential."""
        value = self.value.exp()
        return Dual(value, self.tangent * value)

    def log(self) -> Dual:
        """The logarithm."""
        return Dual(self.value.log(), self.tangent / self.value)

    def sqrt(self) -> Dual:
        """The root."""
        value = self.value.sqrt()
        return Dual(value, self.tangent / (value * 2))

    def tanh(self) -> Dual:
        """Hyperbolic tangent and its derivative 1 − tanh²."""
        value = self.value.tanh()
        return Dual(value, self.tangent * (1 - value * value))

    def sin(self) -> Dual:
        """The sine."""
        return Dual(self.value.sin(), self.tangent * self.value.cos())

    def cos(self) -> Dual:
        """The cosine."""
        return Dual(self.value.cos(), -(self.tangent * self.value.sin()))

    def erf(self) -> Dual:
        """The error function."""
        slope = (-(self.value * self.value)).exp() * (2 / math.sqrt(math.pi))
        return Dual(self.value.erf(), self.tangent * slope)

    def inverse(self) -> Dual:
        """(M⁻¹)' = −M⁻¹ M' M⁻¹."""
        from theorems.impl.numbers.inverses import inverse

        return inverse(self)

    def abs(self) -> Dual:
        """Absolute value."""
        bent = self.where(self.value >= 0, self, -self)
        return self.where(self.value == 0, self.lifted(self.value * 0), bent)

    def relu(self, **_: Any) -> Dual:
        """The larger of x and 0."""
        return self.where(self.value > 0, self, self.lifted(self.value * 0))

    def clamp(self, min: Any = None, max: Any = None) -> Dual:  # noqa: A002
        """At least ``min`` and at most ``max``."""
        out = self if min is None else self.where(self.value >= min, self, self.value * 0 + min)
        return out if max is None else out.where(out.value <= max, out, out.value * 0 + max)

    def maximum(self, other: Any) -> Dual:
        """The larger of two."""
        right = self.lifted(other)
        return self.where(self.value >= right.value, self, right)

    def minimum(self, other: Any) -> Dual:
        """The smaller of two."""
        right = self.lifted(other)
        return self.where(self.value <= right.value, self, right)

    def amax(self, axis: Any = None, keepdim: bool = False, *, dim: Any = None) -> Dual:  # noqa: FBT002
        """The largest entry: its derivative is that of the entries that attain it, on average."""
        chosen = axis if dim is None else dim
        chosen = tuple(range(len(self.value.shape))) if chosen is None else chosen
        top = self.value.amax(chosen, keepdim=True)
        hit = _number(self.value >= top, self.value)
        slope = (self.tangent * hit).sum(chosen, keepdim=True) / hit.sum(chosen, keepdim=True)
        return (
            Dual(top, slope)
            if keepdim
            else Dual(self.value.amax(chosen), slope.reshape(tuple(self.value.amax(chosen).shape)))
        )

    def where(self, condition: Any, yes: Any, no: Any) -> Dual:
        """One of two, entry by entry."""
        import torch

        first, second = self.lifted(yes), self.lifted(no)
        if isinstance(condition, Dual):
            condition = condition.value
        if isinstance(first.value, Tensor):
            return Dual(
                torch.where(condition, first.value, second.value),
                torch.where(condition, first.tangent, second.tangent),
            )
        pick = first.value.where
        return Dual(
            pick(condition, first.value, second.value),
            pick(condition, first.tangent, second.tangent),
        )

    # -- arithmetic --------------------------------------------------------------------------------

    def __neg__(self) -> Dual:
        """Negate."""
        return Dual(-self.value, -self.tangent)

    def __add__(self, other: Any) -> Dual:
        """Sum rule."""
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.tangent + other.tangent)
        return Dual(
            self.value + other,
            self.tangent + (self.value + other) * 0 if _grows(self, other) else self.tangent,
        )

    __radd__ = __add__

    def __sub__(self, other: Any) -> Dual:
        """Difference rule."""
        return self + -other

    def __rsub__(self, other: Any) -> Dual:
        """Difference rule."""
        return -self + other

    def __mul__(self, other: Any) -> Dual:
        """Product rule."""
        if isinstance(other, Dual):
            return Dual(
                self.value * other.value, self.tangent * other.value + self.value * other.tangent
            )
        return Dual(self.value * other, self.tangent * other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Dual:
        """Quotient rule."""
        if isinstance(other, Dual):
            quotient = _divided(self.value, other.value)
            return Dual(quotient, _divided(self.tangent - quotient * other.tangent, other.value))
        return Dual(_divided(self.value, other), _divided(self.tangent, other))

    def __rtruediv__(self, other: Any) -> Dual:
        """Quotient rule."""
        return self.lifted(self.value * 0 + other) / self

    def __pow__(self, exponent: Any) -> Any:
        """Powers: products for whole exponents, roots for halves, exp(p log x) for others."""
        if exponent == 0.5:
            return self.sqrt()
        if isinstance(exponent, float) and not exponent.is_integer():
            return (self.log() * exponent).exp()
        count = int(exponent)
        if count < 0:
            return 1 / self**-count
        out: Any = self * 0 + 1 if count == 0 else self
        for _ in range(count - 1):
            out = out * self
        return out

    def __matmul__(self, other: Any) -> Dual:
        """Product rule for matrices."""
        if isinstance(other, Dual):
            return Dual(
                self.value @ other.value, self.tangent @ other.value + self.value @ other.tangent
            )
        return Dual(self.value @ other, self.tangent @ other)

    def __rmatmul__(self, other: Any) -> Dual:
        """Product rule for matrices, constant on the left."""
        return Dual(other @ self.value, other @ self.tangent)

    def __gt__(self, other: Any) -> Any:
        """By value."""
        return self.value > _value(other)

    def __lt__(self, other: Any) -> Any:
        """By value."""
        return self.value < _value(other)

    def __ge__(self, other: Any) -> Any:
        """By value."""
        return self.value >= _value(other)

    def __le__(self, other: Any) -> Any:
        """By value."""
        return self.value <= _value(other)


def _value(other: Any) -> Any:
    return other.value if isinstance(other, Dual) else other


def _grows(dual: Dual, other: Any) -> bool:
    """Whether adding ``other`` broadcasts the value to a larger shape."""
    shape, own = getattr(other, "shape", ()), dual.tangent.shape
    # sizes that may be anything have names, by which they are told apart
    return len(shape) > 0 and [getattr(n, "name", n) for n in shape] != [
        getattr(n, "name", n) for n in own
    ]


def _divided(above: Any, below: Any) -> Any:
    """A quotient; never a float of plain exact numbers."""
    if type(above) is np.ndarray and above.dtype == object:
        inverse = below if isinstance(below, np.ndarray) else np.array(below, dtype=object)
        return above * np.vectorize(lambda value: Fraction(1) / value, otypes=[object])(inverse)
    return above / below


def _number(mask: Any, like: Any) -> Any:
    return mask.to(like.dtype) if isinstance(mask, Tensor) else mask.double()
