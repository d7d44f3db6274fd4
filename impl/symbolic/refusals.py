"""What no sum of tensor networks answers to: comparisons, roots, loops, values; each says so."""

from __future__ import annotations

from typing import Any, NoReturn

from theorems.impl.numbers.torch_like import TorchLike
from theorems.impl.symbolic.errors import NotOfThisFormError, attribute_asked


def _refusing(what: str) -> Any:
    def refuse(self: Any, *_: Any, **__: Any) -> NoReturn:
        del self
        raise NotOfThisFormError(what)

    refuse.__doc__ = f"Refused: {what}."
    return refuse


def _function(name: str) -> Any:
    return _refusing(f"the function {name} of variables")


class Refusing(TorchLike):
    """Everything that is refused; arithmetic is in `impl.symbolic.arrays.Symbolic`."""

    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> NoReturn:
        """No such attribute; what asks for it in a file that is watched branches on the kind of
        number.
        """
        attribute_asked(name)
        raise AttributeError(
            f"arrays of every size have no attribute {name!r}", name=name, obj=self
        )

    __eq__ = _refusing("a comparison of variables by ==")
    __ne__ = _refusing("a comparison of variables by !=")
    __lt__ = __le__ = __gt__ = __ge__ = _refusing("a comparison of variables")
    __bool__ = _refusing("a branch on the value of variables")
    __int__ = __float__ = __index__ = item = tolist = _refusing("the value of a variable")
    __iter__ = _refusing("a loop over an axis that may have any size")
    __len__ = _refusing("the length of an axis that may have any size")
    __contains__ = _refusing("a search among variables")
    __setitem__ = _refusing("an assignment to entries")
    __array__ = __array_function__ = _refusing("an operation of numpy")
    __mod__ = __floordiv__ = __rpow__ = _refusing("a remainder, or a power of variables")
    abs = __abs__ = _function("abs")
    log, sqrt, where = map(_function, ("log", "sqrt", "where"))
    amax, maximum, minimum = map(_function, ("amax", "maximum", "minimum"))
    cumsum, _root = map(_function, ("cumsum", "sqrt"))
    flatten = view = _refusing("an array in another shape")
    stacked = joined = _refusing("arrays put together along an axis")
    squeeze = _refusing("an axis left out if it has length one")
    numpy = to = _refusing("another kind of number")
