"""`Symbolic`: an array whose axes have symbolic sizes and whose value is a sum of monomials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from theorems.impl.symbolic.errors import NotOfThisFormError, kind_asked
from theorems.impl.symbolic.labelling import canonical
from theorems.impl.symbolic.monomials import (
    FIRST,
    LAST,
    Index,
    Monomial,
    Node,
    largest,
    powers,
    product,
    summed,
    taken,
)
from theorems.impl.symbolic.refusals import Refusing
from theorems.impl.symbolic.sizes import Size, same_shape
from theorems.impl.torch_like import axes_of

Sum = dict[Monomial, Fraction]


class Symbolic(Refusing):
    """Σ coefficient · monomial over axes of symbolic sizes; an axis that is 1 in ``shape`` has no index."""

    __array_ufunc__ = None
    __slots__ = ("shape", "terms")

    def __init__(self, shape: Sequence[Any], terms: Mapping[Monomial, Fraction]) -> None:
        """Keep a shape of sizes and ones, and monomials in canonical form."""
        self.shape, self.terms = tuple(shape), terms

    @property
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
        return Symbolic(shape, collected([*_spread(self, shape), *_spread(right, shape)]))

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
        return _multiplied(_padded(self, len(shape)), _padded(right, len(shape)), shape, 0)

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
        whole = _multiplied(_padded(one, size), _padded(two, size), shape, 2)
        if self.ndim == 1:
            whole = whole[..., 0] if right.ndim == 1 else whole[..., 0, :]
        return whole[..., 0] if right.ndim == 1 else whole

    def __rmatmul__(self, other: Any) -> Any:
        """Only reached with what is no operand."""
        return _left_to(other)

    def __truediv__(self, other: Any) -> Any:
        """Divide by a whole number, a size, or a scalar that is known not to be zero."""
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
        return out * _spread_one(self) if exponent == 0 else out

    @property
    def mT(self) -> Symbolic:  # noqa: N802, the operators' common name
        """Transpose of the last two axes."""
        if self.ndim < 2:
            raise NotOfThisFormError(f"the transpose of an array of shape {self.shape}")
        return self.permute(*range(self.ndim - 2), self.ndim - 1, self.ndim - 2)

    def permute(self, *axes: Any) -> Symbolic:
        """Axes in another order."""
        flat = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        order = [a % self.ndim for a in flat]
        return self._relabelled([self.shape[a] for a in order], order)

    def sum(self, axis: Any = None, keepdim: bool = False, *, dim: Any = None) -> Symbolic:  # noqa: FBT002
        """Sum over axes, all of them by default."""
        out = self
        for a in sorted(axes_of(self.ndim, axis, dim), reverse=True):
            terms = [(summed(term, a), c) for term, c in out.terms.items()]
            out = Symbolic(out.shape[:a] + out.shape[a + 1 :], collected(terms))
            if keepdim:
                out = out.unsqueeze(a)
        return out

    def unsqueeze(self, dim: int) -> Symbolic:
        """A new axis of length one."""
        at = dim % (self.ndim + 1)
        places: list[int | None] = [*range(at), None, *range(at, self.ndim)]
        return self._relabelled((*self.shape[:at], 1, *self.shape[at:]), places)

    def __getitem__(self, index: Any) -> Symbolic:
        """New axes of length one (None), whole axes (``:``, ``...``), the first entry of an axis and the last one."""
        parts = index if isinstance(index, tuple) else (index,)
        taken = sum(part is not None and part is not Ellipsis for part in parts)
        if Ellipsis not in [p for p in parts if p is None or p is Ellipsis]:
            parts = (*parts, Ellipsis)
        places: list[int | None] = []
        at = 0
        value = self
        fixed: list[tuple[int, int]] = []
        for part in parts:
            if part is None:
                places.append(None)
            elif part is Ellipsis:
                places += range(at, at := at + self.ndim - taken)
            elif isinstance(part, slice) and part == slice(None):
                places.append(at)
                at += 1
            elif type(part) is int and part in (0, -1):
                fixed.append((at, FIRST if part == 0 else LAST))
                at += 1
            elif isinstance(part, slice) and part in (slice(None, 1), slice(-1, None)):
                fixed.append((at, FIRST if part == slice(None, 1) else LAST))
                places.append(None)
                at += 1
            else:
                raise NotOfThisFormError(f"a part of an axis that may have any size, [{part!r}]")
        for axis, place in reversed(fixed):
            value = value._at(axis, place)
        gone = [axis for axis, _ in fixed]
        places = [None if p is None else p - sum(axis < p for axis in gone) for p in places]
        return value._relabelled([_ONE if p is None else value.shape[p] for p in places], places)

    def _at(self, axis: int, place: int) -> Symbolic:
        """The entries at one place of an axis."""
        terms = []
        for term, c in self.terms.items():
            found = taken(term, axis, place)
            if found is None:
                raise NotOfThisFormError("a row of an identity matrix")
            terms.append((found, c))
        return Symbolic(self.shape[:axis] + self.shape[axis + 1 :], collected(terms))

    def reshape(self, *shape: Any) -> Symbolic:
        """Axes of length one put in and left out; no other change."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        kept = [a for a, size in enumerate(self.shape) if isinstance(size, Size)]
        if not same_shape(
            [size for size in wanted if isinstance(size, Size) or size != 1],
            [self.shape[a] for a in kept],
        ):
            raise NotOfThisFormError(f"an array of shape {self.shape} in the shape {wanted}")
        rest = iter(kept)
        places = [next(rest) if isinstance(size, Size) else None for size in wanted]
        return self._relabelled(wanted, places)

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1, **axes: int) -> Symbolic:
        """Entries with equal indices in two axes, as the last axis."""
        first, second = axes.get("axis1", dim1) % self.ndim, axes.get("axis2", dim2) % self.ndim
        if offset or not same_shape([self.shape[first]], [self.shape[second]]):
            raise NotOfThisFormError("a diagonal other than the main one of a square")
        rest = [a for a in range(self.ndim) if a not in (first, second)]
        eye = identity(self.shape[first])
        moved = self.permute(*rest, first, second) * eye
        return moved.sum(-1)

    def trace(self) -> Symbolic:
        """Sum of the diagonal."""
        return self.diagonal().sum(-1)

    def identity(self) -> Symbolic:
        """The identity matrix of the size of the last axis."""
        return identity(self.shape[-1])

    def fresh(self, name: str) -> Symbolic:
        """Another variable of this shape: the same one for the same name and shape."""
        sizes = ",".join(str(size) for size in self.shape)
        return variable(f"{name}[{sizes}]", self.shape)

    def _entrywise(self, function: str) -> Symbolic:
        """A function of every entry: a variable that stands for its values, one for each argument."""
        return self.fresh(f"{function}({self!r})")

    def tanh(self) -> Symbolic:
        """The hyperbolic tangent, whatever its values."""
        return self._entrywise("tanh")

    def exp(self) -> Symbolic:
        """The exponential, whatever its values."""
        return self._entrywise("exp")

    def sin(self) -> Symbolic:
        """The sine, whatever its values."""
        return self._entrywise("sin")

    def cos(self) -> Symbolic:
        """The cosine, whatever its values."""
        return self._entrywise("cos")

    def erf(self) -> Symbolic:
        """The error function, whatever its values."""
        return self._entrywise("erf")

    def gradients(self, function: Callable[..., Any], at: Sequence[Any]) -> tuple[Any, ...]:
        """The gradient of a number by each operand of ``at``, exactly."""
        from theorems.impl.symbolic.derivatives import gradients

        return gradients(function, at)

    def inverse(self) -> Symbolic:
        """The inverse of a square matrix wherever there is one: a node of its own with its relations."""
        from theorems.impl.symbolic.inverses import inverse_of

        return inverse_of(self)

    def _relabelled(self, shape: Sequence[Any], places: Sequence[int | None]) -> Symbolic:
        moved = [
            (t._replace(out=tuple(None if p is None else t.out[p] for p in places)), c)
            for t, c in self.terms.items()
        ]
        return Symbolic(shape, collected(moved))

    def __repr__(self) -> str:
        """Index notation."""
        from theorems.impl.symbolic.notation import written

        return f"Symbolic({', '.join(map(str, self.shape))}): {written(self)}"


_ONE = 1


def variable(name: str, shape: Sequence[Any], **options: Any) -> Symbolic:
    """An array of independent entries."""
    indices: list[Index | None] = []
    for size in shape:
        if not isinstance(size, Size) and size != 1:
            raise NotOfThisFormError(f"an axis of given length {size!r}")
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
    """The identity matrix of a size."""
    index = (size.name, 0) if isinstance(size, Size) else None
    return Symbolic((size, size), {Monomial((), (), (index, index)): Fraction(1)})


def collected(terms: Sequence[tuple[Monomial, Fraction]]) -> Sum:
    """Monomials in canonical form, equal ones added up, zeros left out; relations applied until none applies."""
    found: Sum = {}
    todo = list(terms)
    while todo:
        term, c = todo.pop()
        related = {node.algebra: None for node, _ in term.factors if node.algebra is not None}
        other = next((o for a in related if (o := a.rewritten(term)) is not None), None)
        if other is not None:
            todo += [(t, c * d) for t, d in other]
            continue
        key = canonical(term)
        total = found.get(key, Fraction(0)) + c
        if total:
            found[key] = total
        else:
            found.pop(key, None)
    return found


def broadcast(one: Sequence[Any], other: Sequence[Any], verb: str) -> tuple[Any, ...]:
    """The common shape: sizes must be the same symbol, or one of them the number 1.

    Raises:
        NotOfThisFormError: for shapes that do not go together at every size.
    """
    length = max(len(one), len(other))
    left = (*[1] * (length - len(one)), *one)
    right = (*[1] * (length - len(other)), *other)
    shape = []
    for a, b in zip(left, right, strict=True):
        if not isinstance(a, Size) or not isinstance(b, Size):
            shape.append(a if isinstance(a, Size) else b)
        elif a.name == b.name:
            shape.append(a)
        else:
            said = f"arrays of shapes {tuple(one)} and {tuple(other)} are {verb}"
            raise NotOfThisFormError(f"{said}, which do not go together at every size")
    return tuple(shape)


def reciprocal_of(value: Symbolic) -> Symbolic:
    """1/x of a number, a size or a scalar known not to be zero, and their products.

    Raises:
        NotOfThisFormError: for anything else.
    """
    if len(value.terms) == 1 and not value.ndim:
        ((term, c),) = value.terms.items()
        if not term.factors:
            turned = powers([(name, -power) for name, power in term.scalars])
            return Symbolic((), {term._replace(scalars=turned): 1 / c})
    raise NotOfThisFormError(f"a division by {value!r}" if value.terms else "a division by zero")


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
        if not (value == value and abs(value) < 2**53 and Fraction(value).denominator <= 2**20):
            raise NotOfThisFormError(f"the float {value!r}, which is not the fraction that it reads as")
        return number(Fraction(value))
    return None


def _left_to(other: Any) -> Any:
    """Dual numbers bring their own arithmetic; arrays of given numbers have no place here."""
    if hasattr(other, "tangent"):
        return NotImplemented
    kind = type(other).__name__
    raise NotOfThisFormError(f"a {kind} of given numbers meets arrays of every size")


def _padded(value: Symbolic, length: int) -> Sum:
    """Monomials with as many axes as asked for."""
    missing = length - value.ndim
    return {t._replace(out=(None,) * missing + t.out): c for t, c in value.terms.items()}


def _spread(value: Symbolic, shape: Sequence[Any]) -> list[tuple[Monomial, Fraction]]:
    """Monomials over a larger shape, constant along the axes that they lack."""
    found = []
    for term, c in _padded(value, len(shape)).items():
        start = largest(term) + 1
        out = [
            (size.name, start + at) if index is None and isinstance(size, Size) else index
            for at, (index, size) in enumerate(zip(term.out, shape, strict=True))
        ]
        found.append((term._replace(out=tuple(out)), c))
    return found


def _spread_one(value: Symbolic) -> Symbolic:
    return Symbolic(value.shape, collected(_spread(number(1), value.shape)))


def _multiplied(left: Sum, right: Sum, shape: Sequence[Any], contracted: int) -> Symbolic:
    terms = [
        (product(a, b, contracted), c * d) for a, c in left.items() for b, d in right.items()
    ]
    if contracted:
        shape = (*shape[:-contracted], *shape[len(shape) - contracted + 1 :])
    return Symbolic(shape, collected(terms))


def mapped(value: Any, change: Callable[[Symbolic], Any]) -> Any:
    """``change`` applied to every symbolic operand, those in tuples included."""
    if isinstance(value, tuple):
        return tuple(mapped(part, change) for part in value)
    return change(value) if isinstance(value, Symbolic) else value
