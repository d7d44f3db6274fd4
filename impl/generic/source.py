"""Where the entries of generic instances come from: a set of 2^61 values, twice over, plain and
with their degrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np

from theorems.impl.numbers.differentiation import gradient
from theorems.impl.numbers.inverses import inverse
from theorems.impl.numbers.operands import Operand
from theorems.impl.numbers.tracked import Tracked, values_of

SET_SIZE = 2**61
"""|S|: every drawn entry is uniform on a set of so many integers, independent of the others."""


class Source:
    """Draws the entries of one generic instance, and the discrete choices (sizes, masks, labels)
    that come before them.

    The choices are a function of ``shape`` alone, the entries of ``entries`` alone; so one shape
    can be tried at many points.

    Args:
        shape: seed of the discrete choices.
        entries: seed of the entries, a number or words.
        tracked: hand out `impl.numbers.tracked.Tracked` numbers instead of plain integers.
        gradients: values of the gradients that the plain run has found, in its order.
        largest: draw from −largest … largest instead: no longer generic, but readable.
    """

    def __init__(
        self,
        shape: int,
        entries: int | str,
        *,
        tracked: bool = False,
        gradients: Sequence[tuple[Operand, ...]] = (),
        largest: int | None = None,
    ) -> None:
        """Two generators, one for each."""
        self.shape, self.seed, self._largest = shape, entries, largest
        self._choices, self._entries = Random(f"shape {shape}"), Random(f"entries {entries}")  # noqa: S311
        self._tracked, self._found = tracked, iter(gradients)
        self.gradients: list[tuple[Operand, ...]] = []

    def tracked(self) -> Source:
        """The same choices and entries again, as numbers that know their degree."""
        return Source(self.shape, self.seed, tracked=True, gradients=self.gradients)

    # -- discrete choices --------------------------------------------------------------------------

    def size(self, least: int, most: int) -> int:
        """A size, least … most."""
        return self._choices.randint(least, most)

    def choice(self, options: Sequence[Any]) -> Any:
        """One of several."""
        return self._choices.choice(options)

    def order(self, size: int) -> list[int]:
        """A permutation of 0 … size − 1."""
        return self._choices.sample(range(size), size)

    def signs(self, *shape: int) -> np.ndarray:
        """Entries ±1."""
        return _filled(shape, lambda: self._choices.choice((-1, 1)))

    def bits(self, *shape: int) -> np.ndarray:
        """Entries 0 or 1, the first one 1 (all-zero masks test nothing)."""
        out = _filled(shape, lambda: self._choices.randint(0, 1))
        out.reshape(-1)[0] = 1
        return out

    def whole(self, least: int, most: int, *shape: int) -> np.ndarray:
        """Small integers that belong to the shape: exponents, counts."""
        return _filled(shape, lambda: self._choices.randint(least, most))

    # -- entries -----------------------------------------------------------------------------------

    def entries(self, *shape: int) -> np.ndarray:
        """Independent entries, uniform on −2^60 … 2^60 − 1."""
        return _filled(shape, self._signed)

    def positive(self, *shape: int) -> np.ndarray:
        """Independent entries, uniform on 1 … 2^61; without a shape one number, as an array without
        dimensions.
        """
        return _filled(shape, self._positive)

    def zeros(self, *shape: int) -> np.ndarray:
        """Zeros, which nobody draws."""
        return np.zeros(shape, dtype=object)

    def scalar(self) -> Any:
        """A number of any sign, as an array without dimensions."""
        return self.entries()

    def identity(self, size: int) -> np.ndarray:
        """The identity matrix."""
        return np.eye(size, dtype=int).astype(object)

    def few(self, number: int) -> Any:
        """So many numbers above zero."""
        return self.positive(number)

    def number(self, value: Any) -> Any:
        """A number as an array without dimensions."""
        return np.array(value, dtype=object)

    def fraction(self) -> np.ndarray:
        """A number as `positive` draws it, of the type Fraction: formulas divide by it, and Python
        makes floats of int/int.
        """
        return np.array(self._positive() * Fraction(1), dtype=object)

    def _signed(self) -> Any:
        if self._largest is not None:
            return self._entries.randint(-self._largest, self._largest)
        return self._variable(self._entries.randrange(SET_SIZE) - SET_SIZE // 2)

    def _positive(self) -> Any:
        if self._largest is not None:
            return self._entries.randint(1, self._largest)
        return self._variable(self._entries.randrange(SET_SIZE) + 1)

    def _variable(self, value: int) -> Any:
        return Tracked(value) if self._tracked else value

    def shiftless(self, *shape: int) -> np.ndarray:
        """Rows that sum to zero: what the gradient of a loss is like that does not see a shift of
        all outputs.
        """
        free = self.entries(*shape[:-1], shape[-1] - 1)
        return np.concatenate([free, -free.sum(-1)[..., None]], axis=-1)

    def selection(self, *shape: int, chosen: int) -> np.ndarray:
        """Entries 0 and 1, one 1 along an axis for each of the other indices."""
        moved = _filled(
            [size for axis, size in enumerate(shape) if axis != chosen],
            lambda: self._choices.randrange(shape[chosen]),
        )
        hot = np.equal.outer(np.arange(shape[chosen]), moved).astype(int).astype(object)
        return np.moveaxis(hot, 0, chosen)

    # -- what is made of them ----------------------------------------------------------------------

    def gradient(
        self, function: Callable[..., Operand], at: Sequence[Operand]
    ) -> tuple[Operand, ...]:
        """`impl.numbers.differentiation.gradient` of a polynomial with integer coefficients.

        A derivative drops a factor from every monomial, so the degree bound of the function is one
        of each of its derivatives.
        """
        if not self._tracked:
            self.gradients.append(gradient(function, at))
            return self.gradients[-1]
        whole = function(*at)
        terms = (
            [whole] if isinstance(whole, Tracked) else list(np.asarray(whole, dtype=object).flat)
        )
        if any(isinstance(term, Tracked) and term.below for term in terms):
            raise TypeError(
                "expected a polynomial of integers to differentiate, got one with denominators"
            )
        degree = max((term.degree for term in terms if isinstance(term, Tracked)), default=0)
        return tuple(_lifted(values, degree) for values in next(self._found))

    def scaled_orthogonal(self, size: int) -> tuple[np.ndarray, Operand]:
        """An integer matrix Q and a positive number q with QᵀQ = q²I: q times Cayley's (I − S)(I +
        S)⁻¹, q = det(I + S).

        S is antisymmetric with independent entries; both are polynomials of degree ``size`` in
        them. A drawn sign per column reaches the other component of the orthogonal group.
        """
        skew = np.zeros((size, size), dtype=object)
        for i in range(size):
            for j in range(i):
                skew[i, j] = self._signed()
                skew[j, i] = -skew[i, j]
        eye, skew = np.eye(size, dtype=int).astype(object), values_of(skew)
        scale = _determinant(eye + skew)
        matrix = ((eye - skew) @ inverse(eye + skew)) * scale * self.signs(size)
        whole = np.vectorize(int, otypes=[object])(matrix)
        return (_lifted(whole, size), Tracked(scale, size)) if self._tracked else (whole, scale)

    def orthogonal(self, size: int) -> np.ndarray:
        """An orthogonal matrix of fractions."""
        matrix, scale = self.scaled_orthogonal(size)
        return matrix * (Fraction(1) / scale)


def _lifted(values: np.ndarray, degree: int) -> np.ndarray:
    return np.vectorize(lambda value: Tracked(value, degree), otypes=[object])(values)


def _filled(shape: Sequence[int], draw: Callable[[], Any]) -> np.ndarray:
    out = np.empty(int(np.prod(shape)), dtype=object)
    for i in range(out.size):
        out[i] = draw()
    return out.reshape(tuple(shape))


def _determinant(matrix: np.ndarray) -> int:
    import flint

    return int(flint.fmpz_mat(matrix.tolist()).det())
