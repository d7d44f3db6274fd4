"""Axes of a symbolic array: their order, new ones, sums over them, entries at fixed places,
diagonals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from theorems.impl.numbers.torch_like import axes_of
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.monomials import FIRST, LAST, Monomial, summed, taken
from theorems.impl.symbolic.refusals import Refusing
from theorems.impl.symbolic.sizes import Size, same_shape
from theorems.impl.symbolic.sums import collected, unit_terms

_ONE = 1


class Axes(Refusing):
    """What a symbolic array does with its axes."""

    shape: tuple[Any, ...]
    terms: Mapping[Monomial, Fraction]

    def _made(self, shape: Sequence[Any], terms: Mapping[Monomial, Fraction]) -> Any:
        """An array of this kind."""
        raise NotImplementedError

    @property
    def mT(self) -> Any:  # noqa: N802
        """Transpose of the last two axes."""
        if self.ndim < 2:
            raise NotOfThisFormError(f"the transpose of an array of shape {self.shape}")
        return self.permute(*range(self.ndim - 2), self.ndim - 1, self.ndim - 2)

    def permute(self, *axes: Any) -> Any:
        """Axes in another order."""
        flat = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        order = [a % self.ndim for a in flat]
        if sorted(order) != list(range(self.ndim)):
            raise NotOfThisFormError(f"axes {tuple(flat)} of an array of shape {self.shape}")
        return self._relabelled([self.shape[a] for a in order], order)

    def sum(self, axis: Any = None, keepdim: bool = False, *, dim: Any = None) -> Any:  # noqa: FBT002
        """Sum over axes, all of them by default."""
        out: Any = self
        for a in sorted(axes_of(self.ndim, axis, dim), reverse=True):
            terms = [(summed(term, a), c) for term, c in out.terms.items()]
            out = self._made(out.shape[:a] + out.shape[a + 1 :], collected(terms))
            if keepdim:
                out = out.unsqueeze(a)
        return out

    def unsqueeze(self, dim: int) -> Any:
        """A new axis of length one."""
        at = dim % (self.ndim + 1)
        places: list[int | None] = [*range(at), None, *range(at, self.ndim)]
        return self._relabelled((*self.shape[:at], 1, *self.shape[at:]), places)

    def __getitem__(self, index: Any) -> Any:
        """New axes of length one (None), whole axes (``:``, ``...``), the first entry of an axis
        and the last one.
        """
        parts = index if isinstance(index, tuple) else (index,)
        taken = sum(part is not None and part is not Ellipsis for part in parts)
        if Ellipsis not in [p for p in parts if p is None or p is Ellipsis]:
            parts = (*parts, Ellipsis)
        places: list[int | None] = []
        at = 0
        value: Any = self
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

    def _at(self, axis: int, place: int) -> Any:
        """The entries at one place of an axis."""
        terms = []
        for term, c in self.terms.items():
            found = taken(term, axis, place)
            if found is None:
                raise NotOfThisFormError("a row of an identity matrix")
            terms.append((found, c))
        return self._made(self.shape[:axis] + self.shape[axis + 1 :], collected(terms))

    def reshape(self, *shape: Any) -> Any:
        """Axes of length one put in and left out; all rows under one another, ``(-1, m)``, for
        their rank; no other change.
        """
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        if (
            len(wanted) == 2
            and wanted[0] == -1
            and self.ndim > 2
            and same_shape(wanted[1:], self.shape[-1:])
        ):
            from theorems.impl.symbolic.ranks import Stacked

            return Stacked(self)  # type: ignore[arg-type]
        kept = [a for a, size in enumerate(self.shape) if isinstance(size, Size)]
        if not same_shape(
            [size for size in wanted if isinstance(size, Size) or size != 1],
            [self.shape[a] for a in kept],
        ):
            raise NotOfThisFormError(f"an array of shape {self.shape} in the shape {wanted}")
        rest = iter(kept)
        places = [next(rest) if isinstance(size, Size) else None for size in wanted]
        return self._relabelled(wanted, places)

    def diagonal(
        self, offset: int = 0, dim1: int = 0, dim2: int = 1,
        axis1: int | None = None, axis2: int | None = None,
    ) -> Any:  # fmt: skip
        """Entries with equal indices in two axes, as the last axis."""
        first = (dim1 if axis1 is None else axis1) % self.ndim
        second = (dim2 if axis2 is None else axis2) % self.ndim
        if offset or not same_shape([self.shape[first]], [self.shape[second]]):
            raise NotOfThisFormError("a diagonal other than the main one of a square")
        rest = [a for a in range(self.ndim) if a not in (first, second)]
        eye = self._made((self.shape[first],) * 2, unit_terms(self.shape[first]))
        moved = self.permute(*rest, first, second) * eye
        return moved.sum(-1)

    def trace(self) -> Any:
        """Sum of the diagonal."""
        return self.diagonal().sum(-1)

    def _relabelled(self, shape: Sequence[Any], places: Sequence[int | None]) -> Any:
        moved = [
            (t._replace(out=tuple(None if p is None else t.out[p] for p in places)), c)
            for t, c in self.terms.items()
        ]
        return self._made(shape, collected(moved))
