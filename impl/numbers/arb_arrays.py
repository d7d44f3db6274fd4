"""Arrays of balls (python-flint ``arb``): an operand on which formulas run with every rounding
enclosed, at whatever precision is set.

They answer to the operators that the formulas of this suite use, as tensors do. What they hold is
proved: a comparison that their radii leave open raises `UndecidableError` instead of guessing, and
so does the inverse of a matrix that might be singular.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Self

import numpy as np
from flint import arb, arb_mat, fmpq
from torch import Tensor

from theorems.impl.numbers.object_arrays import ObjectArray


class UndecidableError(ArithmeticError):
    """Balls overlap where a decision is needed: more precision may tell."""


def ball(value: Any) -> arb:
    """An enclosure of one number; floats and integers are exact, fractions round once."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    if isinstance(value, np.ndarray | np.generic):
        value = value.item()
    return value if isinstance(value, arb) else arb(value)


class ArbArray(ObjectArray):
    """An object array of balls; make one with `arb_array`."""

    def lifted(self, value: Any) -> Any:
        """A constant as balls."""
        return arb_array(value)

    def _ufunc(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if ufunc in _ORDERS and method == "__call__":
            left, right = (arb_array(value) for value in inputs)
            return left._compared(right, *_ORDERS[ufunc])
        arrays = [
            np.asarray(arb_array(value)) if _is_numeric(value) else np.asarray(value)
            for value in inputs
        ]
        chosen = _CHOICES.get(ufunc, ufunc)
        if chosen is not ufunc and method == "reduce":
            return _reduced(chosen, arrays[0], **options)
        return getattr(chosen, method)(*arrays, **options)

    def _compared(
        self, other: Any, sign: Callable[[Any, Any], Any], opposite: Callable[[Any, Any], Any]
    ) -> Any:
        left, right = np.asarray(self), np.asarray(arb_array(other))
        yes, no = sign(left, right), opposite(left, right)
        if not bool(np.all(yes | no)):
            raise UndecidableError(
                "expected balls apart from one another to compare, got some that overlap"
            )
        return np.asarray(yes).view(ArbArray)

    def __lt__(self, other: Any) -> Any:
        """Whether each entry is proved smaller; raises if that is open somewhere."""
        return self._compared(other, np.less, np.greater_equal)

    def __gt__(self, other: Any) -> Any:
        """Whether each entry is proved larger; raises if that is open somewhere."""
        return self._compared(other, np.greater, np.less_equal)

    def __le__(self, other: Any) -> Any:
        """Whether each entry is proved at most as large; raises if that is open somewhere."""
        return self._compared(other, np.less_equal, np.greater)

    def __ge__(self, other: Any) -> Any:
        """Whether each entry is proved at least as large; raises if that is open somewhere."""
        return self._compared(other, np.greater_equal, np.less)

    def __matmul__(self, other: Any) -> Any:
        """Matrix product over the last two dimensions, leading ones broadcast."""
        return (
            _product(self, arb_array(other))
            if isinstance(other, np.ndarray | Tensor)
            else NotImplemented
        )

    def __rmatmul__(self, other: Any) -> Any:
        """Matrix product with anything that converts on the left."""
        return _product(arb_array(other), self)

    def _each(self, function: Callable[[arb], arb]) -> Self:
        return filled([function(value) for value in np.asarray(self).flat], self.shape)  # type: ignore[return-value]

    def exp2(self) -> Self:
        """2^x."""
        return self._each(lambda value: arb(2) ** value)

    def sqrt(self) -> Self:
        """√x; NaN where the ball reaches below zero."""
        return self._each(lambda value: value.sqrt())

    def exp(self) -> Self:
        """The exponential."""
        return self._each(lambda value: value.exp())

    def log(self) -> Self:
        """The logarithm; NaN where the ball reaches zero."""
        return self._each(lambda value: value.log())

    def tanh(self) -> Self:
        """The hyperbolic tangent."""
        return self._each(lambda value: value.tanh())

    def sin(self) -> Self:
        """The sine."""
        return self._each(lambda value: value.sin())

    def cos(self) -> Self:
        """The cosine."""
        return self._each(lambda value: value.cos())

    def erf(self) -> Self:
        """The error function."""
        return self._each(lambda value: value.erf())

    def inverse(self) -> ArbArray:
        """M⁻¹ over the last two dimensions; raises `UndecidableError` where M might be singular."""
        return _matrixwise(_inverted, self)

    def least_squares(self, targets: Any) -> ArbArray:
        """H⁺Y for H of full column or row rank, (…, d, C); raises where neither is proved."""
        if self.shape[-2] >= self.shape[-1]:
            return (self.mT @ self).inverse() @ (self.mT @ arb_array(targets))
        return self.mT @ ((self @ self.mT).inverse() @ arb_array(targets))

    def project(self, targets: Any) -> ArbArray:
        """P_H Y; columns of H that are exactly zero span nothing; raises where H might be
        rank-deficient otherwise.
        """
        targets = arb_array(targets)
        zero = np.vectorize(arb.is_zero, otypes=[bool])(np.asarray(self)).all(-2)
        alive = self[..., ~zero] if self.ndim == 2 else self
        if alive.shape[-1] == 0:
            return targets * 0
        if alive.shape[-2] <= alive.shape[-1]:
            (alive @ alive.mT).inverse()  # full row rank is proved: everything is reached
            return targets
        return alive @ alive.least_squares(targets)

    def unexplained(self, targets: Any) -> Any:
        """‖(I − P_H)Y‖_F²."""
        rest = arb_array(targets) - self.project(targets)
        return (rest * rest).sum(-1).sum(-1)

    def fractions(self) -> np.ndarray:
        """The same numbers as fractions; raises where a radius is not zero."""
        flat = [value.fmpq() if value.is_exact() else None for value in np.asarray(self).flat]
        if None in flat:
            raise UndecidableError("expected exact numbers, got balls of positive radius")
        out = np.empty(len(flat), dtype=object)
        out[:] = [Fraction(int(q.p), int(q.q)) for q in flat if q is not None]
        return out.reshape(self.shape)

    @property
    def radii(self) -> np.ndarray:
        """Radii as floats, of the array's shape."""
        return np.vectorize(lambda value: float(value.rad()), otypes=[float])(np.asarray(self))

    @property
    def middles(self) -> np.ndarray:
        """Midpoints as floats, of the array's shape."""
        return np.vectorize(lambda value: float(value.mid()), otypes=[float])(np.asarray(self))

    def widened(self, radius: Any) -> ArbArray:
        """The same balls with ``radius`` (a ball, not negative) added to every radius."""
        return self + arb(0, radius.upper()) if radius.is_finite() else self * arb("nan")


_ORDERS = {
    np.equal: (np.equal, np.not_equal),
    np.not_equal: (np.not_equal, np.equal),
    np.less: (np.less, np.greater_equal),
    np.greater: (np.greater, np.less_equal),
    np.less_equal: (np.less_equal, np.greater),
    np.greater_equal: (np.greater_equal, np.less),
}
_CHOICES: dict[Any, Any] = {
    np.maximum: np.frompyfunc(lambda a, b: a.max(b), 2, 1),
    np.minimum: np.frompyfunc(lambda a, b: a.min(b), 2, 1),
}
"""numpy's own would guess where balls overlap."""


def _reduced(
    function: Any, array: np.ndarray, axis: Any = None, *, keepdims: bool = False, **_: Any
) -> Any:
    axes = (
        tuple(range(array.ndim))
        if axis is None
        else (axis,)
        if isinstance(axis, int)
        else tuple(axis)
    )
    for each in sorted((a % array.ndim for a in axes), reverse=True):
        array = np.asarray(function.reduce(array, axis=each), dtype=object)
    if not keepdims:
        return array
    shape = list(array.shape)
    for each in sorted(axes):
        shape.insert(each, 1)
    return array.reshape(shape)


def _is_numeric(value: Any) -> bool:
    return not (isinstance(value, np.ndarray) and value.dtype == bool)


def arb_array(values: Any) -> ArbArray:
    """Enclosures of numbers, exact ones of floats: a tensor, an array or a number as an array of
    balls of its shape.
    """
    if isinstance(values, ArbArray):
        return values
    if isinstance(values, Tensor):
        flat, shape = values.detach().double().cpu().reshape(-1).tolist(), tuple(values.shape)
    else:
        array = np.asarray(values, dtype=object)
        flat, shape = list(array.flat), array.shape
    return filled([ball(value) for value in flat], shape)


def filled(flat: list[Any], shape: tuple[int, ...]) -> ArbArray:
    """Balls as an array of that shape."""
    out = np.empty(len(flat), dtype=object)
    out[:] = flat
    return out.reshape(shape).view(ArbArray)


def as_matrix(array: Any) -> arb_mat:
    """A two-dimensional array as python-flint's matrix, whose products are fast."""
    rows, columns = array.shape
    return arb_mat(rows, columns, list(np.asarray(array).flat))


def _array(matrix: arb_mat) -> ArbArray:
    return filled(matrix.entries(), (matrix.nrows(), matrix.ncols()))


def _product(left: ArbArray, right: ArbArray) -> ArbArray:
    if left.ndim < 2 or right.ndim < 2:
        return arb_array(np.matmul(np.asarray(left), np.asarray(right)))
    lead = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    shape = (*lead, left.shape[-2], right.shape[-1])
    if not lead:
        return _array(as_matrix(left) * as_matrix(right))
    many, few = (
        [as_matrix(m) for m in np.asarray(x).reshape(-1, *x.shape[-2:])] for x in (left, right)
    )
    first = (
        np.broadcast_to(np.arange(len(many)).reshape(left.shape[:-2]), lead).reshape(-1).tolist()
    )
    second = (
        np.broadcast_to(np.arange(len(few)).reshape(right.shape[:-2]), lead).reshape(-1).tolist()
    )
    flat = [
        entry for i, j in zip(first, second, strict=True) for entry in (many[i] * few[j]).entries()
    ]
    return filled(flat, shape)


def _matrixwise(function: Callable[[ArbArray], ArbArray], array: ArbArray) -> ArbArray:
    lead = array.shape[:-2]
    if not lead:
        return function(array)
    results = [function(array[index]) for index in np.ndindex(*lead)]
    return filled(
        [entry for found in results for entry in np.asarray(found).flat], (*lead, *results[0].shape)
    )


def _inverted(matrix: ArbArray) -> ArbArray:
    try:
        return _array(as_matrix(matrix).inv())
    except ZeroDivisionError as error:
        raise UndecidableError(
            "expected a matrix that is proved invertible, got one that might be singular"
        ) from error
