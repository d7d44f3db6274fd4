"""Arrays of exact numbers that answer to torch's spelling: integers and fractions, which never
round, and tracked degrees.

What leaves the rationals (an exponential, the root of what is no square) raises `NotExactError`:
the claim is judged on floats there, where the numbers are floats too, and earns neither the grade
EXACT nor a p(error) for it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from torch import Tensor

from theorems.impl.numbers.object_arrays import ObjectArray
from theorems.impl.numbers.torch_like import NotCarriedError
from theorems.impl.numbers.tracked import Tracked, is_tracked


class NotExactError(NotCarriedError):
    """A function whose values are no fractions."""


class ExactArray(ObjectArray):
    """An object array of integers, fractions or tracked numbers; make one with `exact_array`."""

    def lifted(self, value: Any) -> Any:
        """A constant as exact numbers."""
        return exact_array(value)

    def _ufunc(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        arrays = [np.asarray(exact_array(value)) for value in inputs]
        if ufunc is np.true_divide and method == "__call__":
            return _quotients(*arrays)
        if ufunc in (np.power, np.float_power) and method == "__call__":
            return _powers(*arrays)
        if ufunc.__name__ in _IRRATIONAL:
            return exact_array(arrays[0])._each(_IRRATIONAL[ufunc.__name__])
        return getattr(ufunc, method)(*arrays, **options)

    def _each(self, function: Callable[[Any], Any]) -> ExactArray:
        out = np.empty(self.size, dtype=object)
        out[:] = [function(value) for value in np.asarray(self).flat]
        return out.reshape(self.shape).view(ExactArray)

    def exp(self) -> Any:
        """The exponential, of zeros alone."""
        return self._each(_IRRATIONAL["exp"])

    def log(self) -> Any:
        """The logarithm, of ones alone."""
        return self._each(_IRRATIONAL["log"])

    def sqrt(self) -> Any:
        """The root of squares of fractions."""
        return self._each(_root)

    def tanh(self) -> Any:
        """The hyperbolic tangent, of zeros alone."""
        return self._each(_IRRATIONAL["tanh"])

    def sin(self) -> Any:
        """The sine, of zeros alone."""
        return self._each(_IRRATIONAL["sin"])

    def cos(self) -> Any:
        """The cosine, of zeros alone."""
        return self._each(_IRRATIONAL["cos"])

    def erf(self) -> Any:
        """The error function, of zeros alone."""
        return self._each(_only("erf", 0, 0))

    def exp2(self) -> Any:
        """2^x of whole numbers."""
        return self._each(_power_of_two)

    def inverse(self) -> Any:
        """M⁻¹ over the last two dimensions, over the rationals."""
        from theorems.impl.numbers.inverses import inverse

        return exact_array(inverse(np.asarray(self)))

    def to(self, *_: Any, **__: Any) -> Any:
        """The same numbers."""
        return self.double()


def _short(number: Any) -> str:
    """The number, or how long it is: those of generic points fill lines."""
    text = str(number)
    return text if len(text) <= 24 else f"a number of {len(text)} digits"


def _only(name: str, at: int, value: int) -> Callable[[Any], Any]:
    def evaluate(number: Any) -> Any:
        if not isinstance(number, Tracked) and number == at:
            return value
        shown = "a number drawn at random" if isinstance(number, Tracked) else _short(number)
        raise NotExactError(
            f"{name} of {shown} is no fraction: left out here are the grade EXACT and the p(error)"
        )

    return evaluate


def _root(number: Any) -> Any:
    if isinstance(number, Tracked):
        raise NotExactError(
            "the root of a number drawn at random is no fraction: left out here is the p(error)"
        )
    exact = Fraction(number)
    if exact >= 0:
        above, below = math.isqrt(exact.numerator), math.isqrt(exact.denominator)
        if above * above == exact.numerator and below * below == exact.denominator:
            return above if below == 1 else Fraction(above, below)
    raise NotExactError(
        f"the root of {_short(number)} is no fraction: left out here are the grade EXACT "
        "and the p(error)"
    )


def _power_of_two(number: Any) -> Any:
    if isinstance(number, Tracked) or number != int(number):
        raise NotExactError(
            f"2 to the power of {_short(number)} is no fraction: left out here are EXACT "
            "and p(error)"
        )
    return Fraction(2) ** int(number)


_IRRATIONAL: dict[str, Callable[[Any], Any]] = {
    name: _only(name, at, value)
    for name, at, value in (
        ("exp", 0, 1),
        ("log", 1, 0),
        ("tanh", 0, 0),
        ("sin", 0, 0),
        ("cos", 0, 1),
        ("expm1", 0, 0),
        ("log1p", 0, 0),
        ("cosh", 0, 1),
        ("sinh", 0, 0),
    )
} | {"sqrt": _root, "exp2": _power_of_two}


def _quotient(above: Any, below: Any) -> Any:
    if isinstance(above, Tracked) or isinstance(below, Tracked):
        return above / below
    exact = Fraction(above) / below
    return exact.numerator if exact.denominator == 1 else exact


_quotients = np.frompyfunc(_quotient, 2, 1)


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(exponent, Fraction) and exponent.denominator == 2:
        return _power(_root(base), exponent.numerator)
    if isinstance(exponent, Tracked) or exponent != int(exponent):
        raise NotExactError(
            f"a power of {exponent} is no fraction: left out here are EXACT and p(error)"
        )
    if exponent < 0:
        return _quotient(1, base ** int(-exponent))
    return base ** int(exponent)


_powers = np.frompyfunc(_power, 2, 1)


def plain_array(value: Any) -> np.ndarray:
    """A plain object array of the same numbers, single entries that are arrays themselves
    unpacked.
    """
    array = np.asarray(value, dtype=object)
    if any(isinstance(number, np.ndarray) for number in array.flat):
        array = np.vectorize(
            lambda n: n.item() if isinstance(n, np.ndarray) else n, otypes=[object]
        )(array)
    return array


def exact_constant(value: Any) -> Any:
    """A number of a formula in exact arithmetic: the decimal that was written, 0.1 for a tenth.

    Raises:
        NotExactError: for a float that stands for no short decimal (π, say).
    """
    if not isinstance(value, float | np.floating):
        return value
    number = float(value)
    digits = repr(number)
    if not math.isfinite(number) or (
        len(digits.strip("-0.").replace(".", "")) > 15 and not number.is_integer()
    ):
        raise NotExactError(
            f"expected integers and fractions, got the float {digits}: the formula mixes floats "
            "into exact arithmetic; left out here are the grade EXACT and the p(error)"
        )
    exact = Fraction(digits)
    return int(exact) if exact.denominator == 1 else exact


def exact_array(value: Any) -> Any:
    """Numbers as an `ExactArray`: a tensor, an array, a number; booleans and arrays of balls stay
    what they are.
    """
    if isinstance(value, ExactArray) or (
        isinstance(value, np.ndarray) and value.dtype != object and value.dtype.kind in "bi"
    ):
        return value
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if array.dtype != object:
        if array.dtype.kind == "b":
            return array
        flat = np.empty(array.size, dtype=object)
        flat[:] = [exact_constant(v) for v in array.reshape(-1).tolist()]
        array = flat.reshape(array.shape)
    return array.view(ExactArray) if type(array) is np.ndarray else array


_prepared: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def exact_operands(instance: Any) -> Any:
    """An instance of exact numbers as one that formulas in torch's spelling run on; any other as it
    is. Kept while it lives.
    """
    values = [v for f in dataclasses.fields(instance) for v in _flat(getattr(instance, f.name))]
    if not any(type(v) is np.ndarray and v.dtype == object for v in values):
        return instance
    if instance not in _prepared:
        _prepared[instance] = instance.map(
            lambda v: v.view(ExactArray) if type(v) is np.ndarray and v.dtype == object else v
        )
    return _prepared[instance]


def evaluated(function: Callable[[Any], Any], instance: Any) -> Any:
    """A function of an instance; of exact numbers that it does not run on as plain arrays, on those
    that answer to torch's spelling.
    """
    try:
        return function(instance)
    except ZeroDivisionError:
        raise
    except Exception:
        operands = exact_operands(instance)
        if operands is instance:
            raise
    return function(operands)


def _flat(value: Any) -> Any:
    return value if isinstance(value, tuple) else (value,)


def in_floats(instance: Any) -> Any:
    """The same numbers as float64 tensors, or None where a float does not hold one of them."""
    from theorems.impl.numbers.operands import to_tensor

    def fits(value: Any) -> bool:
        return not is_tracked(value) and all(
            Fraction(float(v)) == v for v in np.asarray(value).flat if abs(v) < 2**1000
        )

    arrays = [
        v
        for f in dataclasses.fields(instance)
        for v in _flat(getattr(instance, f.name))
        if isinstance(v, np.ndarray) and v.dtype == object
    ]
    if not all(fits(array) for array in arrays):
        return None
    return instance.map(
        lambda v: to_tensor(np.asarray(v)) if isinstance(v, np.ndarray) and v.dtype == object else v
    )
