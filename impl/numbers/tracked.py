"""Exact numbers that know how large their degree can be, as rational functions of the numbers that
were drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

Exact: TypeAlias = "int | Fraction"

_branches: ContextVar[list[str] | None] = ContextVar("branches", default=None)


class Factor:
    """A polynomial that something was divided by; compared by identity."""

    __slots__ = ("degree",)

    def __init__(self, degree: int) -> None:
        """A bound on its total degree."""
        self.degree = degree


class Tracked:
    r"""A value :math:`n(t)/\prod_k q_k(t)^{e_k}` at one point t, with deg n at most ``degree``.

    Run a formula on object arrays of these in place of plain numbers: the same code, and the degree
    bound of what it computes. Products add degrees, sums go through the least common denominator.
    It is never turned into a plain number, which would forget the degree: int(), float() and
    Fraction() refuse. Comparisons answer from the value, since a formula may branch; `branching`
    tells whether it did.

    Args:
        value: at the point.
        degree: bound on the degree of the numerator; -1 for nothing but zero is not used: constants
            have degree 0.
        below: exponent of each polynomial in the denominator.
    """

    __slots__ = ("below", "degree", "value")

    def __init__(
        self, value: Exact, degree: int = 1, below: Mapping[Factor, int] | None = None
    ) -> None:
        """A drawn number has degree 1 and no denominator."""
        self.value, self.degree, self.below = value, degree, below

    def __repr__(self) -> str:
        """Value and degree."""
        return (
            f"Tracked({self.value}, degree "
            f"{self.degree}{' over ' + str(denominator(self.below)) if self.below else ''})"
        )

    def __add__(self, other: Any) -> Any:
        """Over the least common denominator."""
        value, degree, below = _read(other)
        if value is None:
            return NotImplemented
        if value == 0 and not isinstance(other, Tracked):
            return self
        if not self.below and not below:
            return Tracked(self.value + value, max(self.degree, degree))
        common = common_denominator((self.below, below))
        total = denominator(common)
        mine, theirs = total - denominator(self.below), total - denominator(below)
        return Tracked(self.value + value, max(self.degree + mine, degree + theirs), common)

    __radd__ = __add__

    def __neg__(self) -> Tracked:
        """The degree stays."""
        return Tracked(-self.value, self.degree, self.below)

    def __pos__(self) -> Tracked:
        """The same number."""
        return self

    def __sub__(self, other: Any) -> Any:
        """As a sum."""
        return self + (-other) if _read(other)[0] is not None else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        """As a sum."""
        return -self + other if _read(other)[0] is not None else NotImplemented

    def __mul__(self, other: Any) -> Any:
        """Degrees add; a constant zero leaves a constant zero."""
        value, degree, below = _read(other)
        if value is None:
            return NotImplemented
        if not isinstance(other, Tracked):
            return Tracked(self.value * value, self.degree, self.below) if value != 0 else 0
        product = self.below or below
        if self.below and below:
            product = dict(self.below)
            for factor, exponent in below.items():
                product[factor] = product.get(factor, 0) + exponent
        return Tracked(self.value * value, self.degree + degree, product)

    __rmul__ = __mul__

    def reciprocal(self) -> Tracked:
        """The numerator becomes a polynomial of the denominator.

        Raises:
            ZeroDivisionError: where the value is zero.
        """
        if self.value == 0:
            raise ZeroDivisionError("a denominator vanishes at this point")
        return Tracked(Fraction(1) / self.value, denominator(self.below), {Factor(self.degree): 1})

    def __truediv__(self, other: Any) -> Any:
        """Times the reciprocal; never a float."""
        if isinstance(other, Tracked):
            return self * other.reciprocal()
        return self * (Fraction(1) / other) if _read(other)[0] is not None else NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        """Times the reciprocal."""
        return self.reciprocal() * other if _read(other)[0] is not None else NotImplemented

    def __pow__(self, exponent: int) -> Any:
        """Repeated products, for whole exponents."""
        if not isinstance(exponent, int):
            return NotImplemented
        if exponent < 0:
            return (self**-exponent).reciprocal()
        below = {factor: e * exponent for factor, e in self.below.items()} if self.below else None
        return Tracked(self.value**exponent, self.degree * exponent, below) if exponent else 1

    def __abs__(self) -> Tracked:
        """By the sign at the point."""
        return -self if self < 0 else self

    def __bool__(self) -> bool:
        """Whether the value is not zero."""
        return bool(self.value != 0)

    def __hash__(self) -> int:
        """That of the value."""
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        """By value: a branch where drawn numbers are compared with one another."""
        return _branch(self.value == plain(other), "equality" if isinstance(other, Tracked) else "")

    def __lt__(self, other: Any) -> bool:
        """By value: a branch."""
        return _branch(self.value < plain(other))

    def __le__(self, other: Any) -> bool:
        """By value: a branch."""
        return _branch(self.value <= plain(other))

    def __gt__(self, other: Any) -> bool:
        """By value: a branch."""
        return _branch(self.value > plain(other))

    def __ge__(self, other: Any) -> bool:
        """By value: a branch."""
        return _branch(self.value >= plain(other))


def _branch(answer: Any, by: str = "order") -> bool:
    seen = _branches.get()
    if seen is not None and by:
        seen.append(by)
    return bool(answer)


@contextmanager
def branching() -> Iterator[list[str]]:
    """Collects "order" or "equality" for every comparison that a formula makes of tracked numbers
    inside the block.
    """
    seen: list[str] = []
    token = _branches.set(seen)
    try:
        yield seen
    finally:
        _branches.reset(token)


def _read(other: Any) -> tuple[Any, int, Mapping[Factor, int] | None]:
    """Value, degree and denominator of a number; the value is None for what is none (arrays bring
    their own operators).
    """
    if isinstance(other, Tracked):
        return other.value, other.degree, other.below
    if isinstance(other, int | Fraction | np.integer):
        return other, 0, None
    if isinstance(other, float | np.floating):
        raise TypeError(
            f"expected integers and fractions, got the float {other!r}: the formula mixes "
            "floats into exact arithmetic"
        )
    return None, 0, None


def plain(value: Any) -> Any:
    """The number without its degree."""
    return value.value if isinstance(value, Tracked) else value


def is_tracked(*operands: Any) -> bool:
    """Whether any entry of any operand is a tracked number."""
    return any(
        isinstance(value, Tracked)
        for operand in operands
        for value in (
            operand.flat
            if isinstance(operand, np.ndarray) and operand.dtype == object
            else (operand,)
        )
    )


def values_of(array: np.ndarray) -> np.ndarray:
    """The plain numbers of an object array."""
    return _entrywise(array, plain)


def _entrywise(array: np.ndarray, function: Callable[[Any], Any]) -> np.ndarray:
    out = np.empty(array.size, dtype=object)
    out[:] = [function(value) for value in array.flat]
    return out.reshape(array.shape)


def denominator(below: Mapping[Factor, int] | None) -> int:
    """Degree of a denominator."""
    return sum(factor.degree * exponent for factor, exponent in below.items()) if below else 0


def common_denominator(several: Any) -> dict[Factor, int]:
    """The least common multiple of denominators."""
    out: dict[Factor, int] = {}
    for below in several:
        for factor, exponent in (below or {}).items():
            out[factor] = max(out.get(factor, 0), exponent)
    return out


def cleared(entries: Any) -> tuple[list[int], int]:
    """Degrees of numbers after multiplication by their least common denominator, and the degree of
    that.
    """
    read = [_read(value) for value in entries]
    total = denominator(common_denominator(below for _, _, below in read))
    return [degree + total - denominator(below) for _, degree, below in read], total


def inverse(matrix: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Degrees of M⁻¹ for its known ``values``: row by row M = diag(1/L) N, and M⁻¹ = adj(N)
    diag(L)/det N (Cramer).
    """
    rows = [cleared(row) for row in matrix]
    known: Any = values
    tops = [max(degrees) for degrees, _ in rows]
    determinant = Factor(sum(tops))
    out = np.empty(matrix.shape, dtype=object)
    for i, j in np.ndindex(*matrix.shape):
        out[i, j] = Tracked(
            known[i, j], determinant.degree - tops[j] + rows[j][1], {determinant: 1}
        )
    return out
