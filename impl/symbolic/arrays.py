"""`Symbolic`: an array whose axes have symbolic sizes and whose value is a sum of monomials."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from theorems.impl.symbolic.errors import NotOfThisFormError, in_place_asked, kind_asked
from theorems.impl.symbolic.functions import Functions
from theorems.impl.symbolic.labelling import canonical
from theorems.impl.symbolic.monomials import (
    Index,
    Monomial,
    Node,
    powers,
    product,
)
from theorems.impl.symbolic.sizes import Shape, Size, same_shape
from theorems.impl.symbolic.sums import Sum, broadcast, collected, padded, spread, unit_terms


class Symbolic(Functions):
    """Σ coefficient · monomial over axes of symbolic sizes; an axis that is 1 in ``shape`` has no
    index.
    """

    __array_ufunc__ = None
    __slots__ = ("shape", "terms")

    def __init__(self, shape: Sequence[Any], terms: Mapping[Monomial, Fraction]) -> None:
        """Keep a shape of sizes and ones, and monomials in canonical form."""
        self.shape, self.terms = Shape(shape), terms

    def _made(self, shape: Sequence[Any], terms: Mapping[Monomial, Fraction]) -> Symbolic:
        return Symbolic(shape, terms)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The class; what asks for it in a file that is watched branches on the kind of number."""
        kind_asked()
        return Symbolic

    # -- what formulas are written with ------------------------------------------------------------

    def lifted(self, value: Any) -> Symbolic:
        """A number as an array without dimensions."""
        found = _operand(value)
        if found is None:
            kind = type(value).__name__
            raise NotOfThisFormError(f"a {kind} of given numbers meets arrays of every size")
        return found

    def __neg__(self) -> Symbolic:
        """Negate."""
        return Symbolic(self.shape, {term: -c for term, c in self.terms.items()})

    def __add__(self, other: Any) -> Any:
        """Add, with broadcasting of axes that are 1."""
        right = _operand(other)
        if right is None:
            return _left_to(other)
        shape = broadcast(self.shape, right.shape, "added")
        return Symbolic(shape, collected([*spread(self.terms, shape), *spread(right.terms, shape)]))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        """Subtract."""
        right = _operand(other)
        return _left_to(other) if right is None else self + -right

    def __rsub__(self, other: Any) -> Any:
        """Subtract from a number."""
        right = _operand(other)
        return _left_to(other) if right is None else -self + right

    def __mul__(self, other: Any) -> Any:
        """Entrywise product, with broadcasting of axes that are 1."""
        right = _operand(other)
        if right is None:
            return _left_to(other)
        shape = broadcast(self.shape, right.shape, "multiplied")
        return _multiplied(
            padded(self.terms, len(shape)), padded(right.terms, len(shape)), shape, 0
        )

    __rmul__ = __mul__

    def __matmul__(self, other: Any) -> Any:
        """Matrix product over the last two axes, those before broadcast."""
        right = _operand(other)
        if right is None:
            return _left_to(other)
        left = self if self.ndim > 1 else self[None, :]
        right_matrix = right if right.ndim > 1 else right[:, None]
        one, two = left[..., None], right_matrix[..., None, :, :]
        if not same_shape(one.shape[-2:-1], two.shape[-2:-1]):
            raise NotOfThisFormError(f"shapes {self.shape} and {right.shape} of a matrix product")
        shape = broadcast(one.shape, two.shape, "matrix-multiplied")
        size = len(shape)
        whole = _multiplied(padded(one.terms, size), padded(two.terms, size), shape, 2)
        if self.ndim == 1:
            whole = whole[..., 0] if right.ndim == 1 else whole[..., 0, :]
        return whole[..., 0] if right.ndim == 1 else whole

    def __rmatmul__(self, other: Any) -> Any:
        """Only reached with what is no operand."""
        return _left_to(other)

    def __truediv__(self, other: Any) -> Any:
        """Divide, entry by entry."""
        right = _operand(other)
        return _left_to(other) if right is None else self * reciprocal_of(right)

    def __rtruediv__(self, other: Any) -> Any:
        """Divide a number by this."""
        right = _operand(other)
        return _left_to(other) if right is None else right * reciprocal_of(self)

    def __pow__(self, exponent: Any) -> Any:
        """Whole powers."""
        if isinstance(exponent, float) and exponent.is_integer():
            exponent = int(exponent)
        if not isinstance(exponent, int):
            raise NotOfThisFormError(f"a power {exponent}")
        base = self if exponent >= 0 else reciprocal_of(self)
        out: Any = number(1)
        for _ in range(abs(exponent)):
            out = out * base
        return out * _ones(self) if exponent == 0 else out

    def in_place(self) -> None:
        """Said before ``x += y`` is read as x = x + y."""
        in_place_asked()

    def __iadd__(self, other: Any) -> Any:
        """As x = x + y, where nothing else can share the numbers of x."""
        self.in_place()
        return self + other

    def __isub__(self, other: Any) -> Any:
        """As x = x - y."""
        self.in_place()
        return self - other

    def __imul__(self, other: Any) -> Any:
        """As x = x * y."""
        self.in_place()
        return self * other

    def __itruediv__(self, other: Any) -> Any:
        """As x = x / y."""
        self.in_place()
        return self / other

    def __imatmul__(self, other: Any) -> Any:
        """As x = x @ y."""
        self.in_place()
        return self @ other

    def __ipow__(self, other: Any) -> Any:
        """As x = x ** y."""
        self.in_place()
        return self**other

    def identity(self, size: Any = None) -> Symbolic:
        """The identity matrix of a size, that of the last axis by default."""
        return identity(self.shape[-1] if size is None else size)

    def label(self) -> str:
        """A name that no array of another value has: index notation for a reader, and a digest of
        the form.
        """
        from theorems.impl.symbolic.notation import written

        exact = repr((self.shape, sorted(map(repr, self.terms.items()))))
        return f"{written(self)} #{hashlib.sha256(exact.encode()).hexdigest()[:16]}"

    def fresh(self, name: str) -> Symbolic:
        """Another variable of this shape: the same one for the same name and shape."""
        sizes = ",".join(str(size) for size in self.shape)
        return variable(f"{name}[{sizes}]", self.shape)

    def __repr__(self) -> str:
        """Index notation; what asks for it in a file that is watched could branch on it."""
        kind_asked()
        from theorems.impl.symbolic.notation import written

        return f"Symbolic({', '.join(map(str, self.shape))}): {written(self)}"


def variable(name: str, shape: Sequence[Any], **options: Any) -> Symbolic:
    """An array of independent entries."""
    _require_axes(shape)
    indices: list[Index | None] = []
    for size in shape:
        indices.append((size.name, len(indices)) if isinstance(size, Size) else None)
    own = tuple(i for i in indices if i is not None)
    term = Monomial((), ((Node(name, **options), own),), tuple(indices))
    return Symbolic(shape, {canonical(term): Fraction(1)})


def scalar_symbol(name: str) -> Symbolic:
    """A number by name that is not zero, and may be divided by."""
    return Symbolic((), {Monomial(((name, 1),), (), ()): Fraction(1)})


def number(value: Any) -> Symbolic:
    """A number that is given, exactly."""
    terms = {Monomial((), (), ()): Fraction(value)} if value else {}
    return Symbolic((), terms)


def identity(size: Any) -> Symbolic:
    """The identity matrix of a size.

    Raises:
        NotOfThisFormError: for a size that is given and not one.
    """
    _require_axes((size,))
    return Symbolic((size, size), unit_terms(size))


def zeros(*shape: Any) -> Symbolic:
    """An array of zeros.

    Raises:
        NotOfThisFormError: for a size that is given and not one.
    """
    _require_axes(shape)
    return Symbolic(shape, {})


def _require_axes(shape: Sequence[Any]) -> None:
    for size in shape:
        if not isinstance(size, Size) and size != 1:
            raise NotOfThisFormError(f"an axis of given length {size!r}")


def reciprocal_of(value: Symbolic) -> Symbolic:
    """1/x of a number, a size or a scalar known not to be zero, and their products; of anything
    else entry by entry, wherever there is one.

    Raises:
        NotOfThisFormError: for a division by zero, by masks, by an identity matrix.
    """
    if len(value.terms) == 1 and not value.ndim:
        ((term, c),) = value.terms.items()
        if not term.factors:
            turned = powers([(name, -power) for name, power in term.scalars])
            return Symbolic((), {term._replace(scalars=turned): 1 / c})
    from theorems.impl.symbolic.quotients import reciprocal

    return reciprocal(value)


def _operand(value: Any) -> Symbolic | None:
    """What takes part in arithmetic, as `Symbolic`; None for what is none."""
    if isinstance(value, Symbolic):
        return value
    if isinstance(value, Size):
        return value.number()
    if isinstance(value, np.ndarray | np.generic) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, int | Fraction):
        return number(value)
    if isinstance(value, float):
        if not (
            math.isfinite(value) and abs(value) < 2**53 and Fraction(value).denominator <= 2**20
        ):
            raise NotOfThisFormError(
                f"the float {value!r}, which is not the fraction that it reads as"
            )
        return number(Fraction(value))
    return None


def _left_to(other: Any) -> Any:
    """Dual numbers bring their own arithmetic; arrays of given numbers have no place here."""
    if hasattr(other, "tangent"):
        return NotImplemented
    kind = type(other).__name__
    raise NotOfThisFormError(f"a {kind} of given numbers meets arrays of every size")


def _ones(value: Symbolic) -> Symbolic:
    return Symbolic(value.shape, collected(spread(number(1).terms, value.shape)))


def _multiplied(left: Sum, right: Sum, shape: Sequence[Any], contracted: int) -> Symbolic:
    terms = [(product(a, b, contracted), c * d) for a, c in left.items() for b, d in right.items()]
    if contracted:
        shape = (*shape[:-contracted], *shape[len(shape) - contracted + 1 :])
    return Symbolic(shape, collected(terms))
