"""`Size`: the length of an axis that may be any whole number from one on."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from theorems.impl.symbolic.errors import NotOfThisFormError, attribute_asked, kind_asked

_NO_NUMBERS = (str, bytes, tuple, list, dict, slice)


class Size:
    """A size by name: 1, 2, 3, …; nothing more is known of it.

    It enters formulas as a number (``/ N``). A question whose answer depends on its value (N > 3,
    N = M) is not answered: what is proved holds for all sizes at once.
    """

    __slots__ = ("name",)
    __array_ufunc__ = None

    def __init__(self, name: str) -> None:
        """Name it."""
        self.name = name

    def __repr__(self) -> str:
        """Its name; what asks for it in a file that is watched could branch on it."""
        kind_asked()
        return self.name

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The class; what asks for it in a file that is watched branches on the kind of a size."""
        kind_asked()
        return Size

    def __hash__(self) -> int:
        """Refused: a set or a dictionary of numbers would say that it holds no such size.

        Raises:
            NotOfThisFormError: always.
        """
        raise NotOfThisFormError(
            f"a comparison of sizes, {self.name} with what a set or a dictionary holds"
        )

    def _asked(self, other: Any, sign: str) -> NotOfThisFormError:
        what = f"a comparison of sizes, {self.name} {sign} {other!r}"
        return NotOfThisFormError(what + ", comes out differently for different sizes")

    def __eq__(self, other: object) -> bool:
        """Equal to itself; different from what no size can be.

        Raises:
            NotOfThisFormError: for everything else, numbers of libraries and formulas included:
                some sizes may be equal to it.
        """
        if isinstance(other, Size) and other.name == self.name:
            return True
        if isinstance(other, int | float | Fraction) and not (other >= 1 and other == int(other)):
            return False
        if other is None or type(other) in _NO_NUMBERS:
            return False
        raise self._asked(other, "==")

    def __ne__(self, other: object) -> bool:
        """Not equal."""
        return not self == other

    def __gt__(self, other: Any) -> bool:
        """Above zero, always."""
        if isinstance(other, int | float) and other < 1:
            return True
        raise self._asked(other, ">")

    def __ge__(self, other: Any) -> bool:
        """At least one, always."""
        if isinstance(other, int | float) and other <= 1:
            return True
        raise self._asked(other, ">=")

    def __lt__(self, other: Any) -> bool:
        """Below nothing that is known."""
        if isinstance(other, int | float) and other <= 1:
            return False
        raise self._asked(other, "<")

    def __le__(self, other: Any) -> bool:
        """Below nothing that is known."""
        if isinstance(other, int | float) and other < 1:
            return False
        raise self._asked(other, "<=")

    def __bool__(self) -> bool:
        """Never zero."""
        return True

    def __index__(self) -> int:
        """Refused: it has no value.

        Raises:
            NotOfThisFormError: always.
        """
        raise NotOfThisFormError(f"a loop over the size {self.name}, or its value, is asked for")

    __int__ = __index__

    def __float__(self) -> float:
        """Refused: it has no value.

        Raises:
            NotOfThisFormError: always.
        """
        raise NotOfThisFormError(f"the value of the size {self.name} is asked for")

    def _refuse(self, *_: Any) -> Any:
        """Refused.

        Raises:
            NotOfThisFormError: always.
        """
        raise NotOfThisFormError(f"the value of the size {self.name} is asked for")

    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = _refuse
    __abs__ = __pos__ = __invert__ = __round__ = __trunc__ = __floor__ = __ceil__ = _refuse
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _refuse
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __rpow__ = __complex__ = _refuse

    def number(self) -> Any:
        """The size as a number in formulas."""
        from theorems.impl.symbolic.arrays import scalar_symbol

        return scalar_symbol(self.name)

    def __add__(self, other: Any) -> Any:
        """As a number."""
        return self.number() + _plain(other)

    def __sub__(self, other: Any) -> Any:
        """As a number."""
        return self.number() - _plain(other)

    def __rsub__(self, other: Any) -> Any:
        """As a number."""
        return -self.number() + _plain(other)

    def __mul__(self, other: Any) -> Any:
        """As a number."""
        return self.number() * _plain(other)

    def __truediv__(self, other: Any) -> Any:
        """As a number."""
        return self.number() / _plain(other)

    def __rtruediv__(self, other: Any) -> Any:
        """As a number."""
        return _plain(other) / self.number()

    def __pow__(self, exponent: Any) -> Any:
        """As a number."""
        return self.number() ** exponent

    def __neg__(self) -> Any:
        """As a number."""
        return -self.number()

    __radd__, __rmul__ = __add__, __mul__


class Shape(tuple[Any, ...]):
    """Sizes of all axes; which kind of shape it is, is no question to it."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The class; code of a user that asks for it branches on the kind of number."""
        kind_asked()
        return Shape

    def __getattr__(self, name: str) -> Any:
        """Nothing that tuples have not; shapes of tensors may."""
        attribute_asked(name)
        raise AttributeError(f"shapes of every size have no attribute {name!r}", name=name)


def _plain(other: Any) -> Any:
    return other.number() if isinstance(other, Size) else other


def same_shape(one: Any, other: Any) -> bool:
    """Whether two shapes are one for all sizes; never raises."""
    return [_tag(a) for a in one] == [_tag(b) for b in other]


def _tag(size: Any) -> Any:
    return ("size", size.name) if isinstance(size, Size) else int(size)
