"""`SymbolicSource`: drives the constructors of generic instances with symbols in place of
numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from theorems.impl.generic.source import Source
from theorems.impl.numbers.operands import Operand
from theorems.impl.symbolic.arrays import Symbolic, identity, number, scalar_symbol, variable, zeros
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.few import Few
from theorems.impl.symbolic.inverses import balanced, frame, horizontal
from theorems.impl.symbolic.relations import Algebra
from theorems.impl.symbolic.sizes import Size
from theorems.impl.symbolic.structured import (
    collapsed,
    matched,
    modes,
    polar,
    selection,
    shares,
    shiftless,
    switched,
    white,
    with_products,
)


class SymbolicSource(Source):
    """Sizes are symbols, entries are variables, masks are 0 or 1 at every entry.

    Args:
        shape: what a constructor reads off to choose between its alternatives; None where none may
            be chosen, since then not all of them would be looked at.
        prefix: of all names, so that two instances have no name in common.
    """

    def __init__(self, shape: int | None = None, prefix: str = "") -> None:
        """Start counting."""
        self._alternative, self._prefix = shape, prefix
        self._variables, self._positives = count(1), count(1)
        self.asked = 0

    def _next(self) -> str:
        return f"{self._prefix}v{next(self._variables)}"

    @property
    def shape(self) -> int:  # type: ignore[override]
        """The alternative.

        Raises:
            NotOfThisFormError: where nobody has said that this one stands for all.
        """
        if self._alternative is None:
            raise NotOfThisFormError("a choice between shapes of instances")
        return self._alternative

    def tracked(self) -> Source:
        """Refused.

        Raises:
            NotOfThisFormError: always.
        """
        raise NotOfThisFormError("the degree of symbols")

    def size(self, least: int, most: int) -> Any:
        """Any size from one on; a size that is given stays what it is."""
        if type(least) is type(most) is int and least == most == 1:
            return 1
        self.asked += 1
        return Size(f"{self._prefix}n{self.asked}")

    def entries(self, *shape: Any) -> Any:
        """A variable."""
        return variable(self._next(), shape)

    def positive(self, *shape: Any) -> Any:
        """A variable; without a shape one that may be divided by."""
        if shape:
            return self.entries(*shape)
        return scalar_symbol(f"{self._prefix}c{next(self._positives)}")

    def fraction(self) -> Any:
        """As `positive`."""
        return self.positive()

    def bits(self, *shape: Any) -> Any:
        """Entries 0 or 1, whichever."""
        return variable(self._next(), shape, gate=True)

    def zeros(self, *shape: Any) -> Any:
        """Zeros."""
        return zeros(*shape)

    def identity(self, size: Any) -> Any:
        """The identity matrix."""
        return identity(size)

    def number(self, value: Any) -> Any:
        """A number as an array without dimensions."""
        if isinstance(value, Size):
            return value.number()
        return value if isinstance(value, Symbolic) else number(value)

    def orthogonal(self, size: Any) -> Any:
        """A square matrix with QᵀQ = QQᵀ = I."""
        return frame(self._next(), (size, size), square=True)

    def balanced(self, widths: Sequence[Any]) -> tuple[Any, ...]:
        """Weights of a balanced chain."""
        return balanced([self._next() for _ in widths[1:]], widths)

    def horizontal(self, *shape: Any) -> tuple[Any, Any]:
        """A weight, and a motion of it that does not rotate."""
        one, two, three = (self._next() for _ in range(3))
        return horizontal((one, two, three), shape)

    def shiftless(self, *shape: Any) -> Any:
        """Rows that sum to zero."""
        return shiftless(self._next(), shape)

    def centred(self, rows: Any, columns: Any) -> Any:
        """Columns that sum to zero."""
        return shiftless(self._next(), (columns, rows), "1ᵀY = 0 for centred Y").mT

    def selection(self, *shape: Any, chosen: int) -> Any:
        """Entries 0 and 1, one 1 along an axis for each of the other indices."""
        return selection(self._next(), shape, chosen)

    def white(self, *shape: Any, variance: Any) -> Any:
        """Readouts of mean zero and second moment m·v."""
        return white(self._next(), shape, variance)

    def matched(self, scale: Any, *sets: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """For each data set X, R, S of these shapes with S Sᵀ = c R Rᵀ, the Gram matrices X R Rᵀ Xᵀ
        equal for all.
        """
        gram = self._next()
        return [
            matched([*(self._next() for _ in range(3)), gram], shapes, scale) for shapes in sets
        ]

    def collapsed(
        self, rows: Any, classes: Any, width: Any, *, span: str, equal: bool = False
    ) -> tuple[Any, Any]:
        """One-hot labels, and class means of which is known what their columns span."""
        names = (self._next(), self._next())
        return collapsed(names, rows, classes, width, span=span, equal=equal)

    def invertible(self, size: Any) -> Any:
        """A square matrix with an inverse."""
        return variable(
            self._next(),
            (size, size),
            algebra=Algebra("A has an inverse", invertible=True),
        )

    def polar(self, rows: Any, columns: Any) -> tuple[Any, Any, Any]:
        """Two weights, and the polar factor of the one times the transpose of the other."""
        return polar([self._next() for _ in range(4)], rows, columns)

    def independent(self, rows: Any, columns: Any) -> Any:
        """A matrix with independent rows."""
        algebra = Algebra("independent rows", independent=0)
        return variable(self._next(), (rows, columns), algebra=algebra)

    def frame(self, rows: Any, columns: Any) -> Any:
        """A matrix with orthonormal columns."""
        return frame(self._next(), (rows, columns))

    def shares(self, *shape: Any) -> Any:
        """Rows that sum to one."""
        return shares(self._next(), shape)

    def switched(self, *shape: Any, before: Callable[[Any], Sequence[Any]]) -> Any:
        """A weight none of whose ReLUs switches between some outputs."""
        return switched(self._next(), shape, self.bits(shape[0]), before)

    def few(self, number: int) -> Few:
        """So many numbers that are not zero."""
        return Few([self.positive() for _ in range(number)])

    def modes(self, size: Any, classes: Any) -> tuple[Any, Any]:
        """Singular values, and right vectors that are orthonormal where they are not zero."""
        return modes((self._next(), self._next()), size, classes)

    def twins(self, *sets: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """For each data set X, H, W of these shapes, the products X H Xᵀ and X Wᵀ equal for all."""
        shared = [self._next() for _ in range(2)]
        return [
            with_products([*(self._next() for _ in range(3)), *shared], shapes) for shapes in sets
        ]

    def gradient(
        self, function: Callable[..., Operand], at: Sequence[Operand]
    ) -> tuple[Operand, ...]:
        """By dual numbers, exactly."""
        found: tuple[Operand, ...] = at[0].gradients(function, at)
        return found

    def _refused(self, *_: Any, **__: Any) -> Any:
        raise NotOfThisFormError("a choice that belongs to the shape of an instance")

    choice = order = signs = whole = scaled_orthogonal = _refused
