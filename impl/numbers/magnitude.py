"""How large the coefficients of a polynomial can be, proved by running its own code on absolute
values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from theorems.impl.numbers.operands import Operand


class NotWholeError(TypeError):
    """A function is no polynomial with integer coefficients, or its arguments are no integers."""


class Magnitude:
    """An integer that is known by a bound on its absolute value: differences add up, nothing
    cancels.
    """

    __slots__ = ("bound",)

    def __init__(self, bound: int) -> None:
        """At least the absolute value."""
        self.bound = bound

    def __add__(self, other: Any) -> Any:
        """Bounds add."""
        return (
            NotImplemented
            if isinstance(other, np.ndarray)
            else Magnitude(self.bound + magnitude(other))
        )

    __radd__ = __sub__ = __rsub__ = __add__

    def __mul__(self, other: Any) -> Any:
        """Bounds multiply."""
        return (
            NotImplemented
            if isinstance(other, np.ndarray)
            else Magnitude(self.bound * magnitude(other))
        )

    __rmul__ = __mul__

    def __neg__(self) -> Magnitude:
        """The same bound."""
        return self

    __pos__ = __neg__

    def __pow__(self, exponent: int) -> Magnitude:
        """Powers of the bound."""
        return Magnitude(self.bound**exponent)

    def __abs__(self) -> Any:
        """No polynomial."""
        return self._refuse(None)

    def _refuse(self, _: Any) -> Any:
        raise NotWholeError(
            "expected a polynomial for an exact velocity, got a function that divides or "
            "compares its arguments"
        )

    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse


def magnitude(value: Any) -> int:
    """The absolute value of an integer, or the bound that stands for it.

    Raises:
        NotWholeError: for anything that is not an integer.
    """
    if isinstance(value, Magnitude):
        return value.bound
    if isinstance(value, int | np.integer):
        return abs(int(value))
    kind = "a fraction" if isinstance(value, Fraction) else type(value).__name__
    raise NotWholeError(
        f"expected integers for an exact velocity, got {kind}; scale the instance to integers"
    )


def base_for(function: Callable[..., Any], at: Sequence[Operand], along: Sequence[Operand]) -> int:
    r"""A power of two above four times every coefficient of :math:`\varepsilon \mapsto f(x +
    \varepsilon v)`.

    With every coefficient of f replaced by its absolute value, f̂(|x| + |v|) is at least the sum of
    all of them.

    Args:
        function: as for `impl.numbers.differentiation.velocity`: only sums, differences and
            products of integers.
        at: x, integer arrays.
        along: v, integer arrays, or anything not smaller in absolute value.
    """
    bounds = [
        np.vectorize(lambda a, b: Magnitude(magnitude(a) + magnitude(b)), otypes=[object])(
            x, v
        ).view(type(x))
        for x, v in zip(at, along, strict=True)
    ]
    return 1 << (max(_largest(function(*bounds)), 1).bit_length() + 2)


def _largest(value: Any) -> int:
    if isinstance(value, dict):
        return max((_largest(part) for part in value.values()), default=0)
    if isinstance(value, tuple):
        return max((_largest(part) for part in value), default=0)
    return max((magnitude(entry) for entry in np.asarray(value, dtype=object).flat), default=0)
