"""Modes that see every call of torch inside somebody's code, the ones inside `torch.nn.functional`
too.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

_CHECKS = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
_ENTERED = ("torch.nn.functional", "torch.functional")


class Seeing(TorchFunctionMode):
    """A mode that is asked about every call of torch; what torch's functions written in Python call
    is asked about as well.

    A mode is off while it handles a call, so that ``gumbel_softmax`` would hide the ``detach``
    inside it.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Go into a function that is written in Python; hand anything else to `called`."""
        entered = _entered(func)
        if entered is None:
            return self.called(func, args, kwargs or {})
        return self.entered(func, entered, args, kwargs or {})

    def called(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a call gives."""
        return func(*args, **kwargs)

    def entered(self, func: Any, body: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a function written in Python gives; ``body`` is the one that no longer asks modes
        about itself.
        """
        del func
        with self:
            return body(*args, **kwargs)


@cache
def _entered(func: Any) -> Any:
    """The function without its question whether a mode wants it; None for one that is no Python
    function of torch's.
    """
    if not isinstance(func, types.FunctionType) or func.__module__ not in _ENTERED:
        return None
    asked = [name for name in _CHECKS if name in func.__code__.co_names]
    if not asked:
        return None
    answers = {name: (lambda *_tensors: False) for name in asked}
    again = types.FunctionType(
        func.__code__,
        {**func.__globals__, **answers},
        func.__name__,
        func.__defaults__,
        func.__closure__,
    )
    again.__kwdefaults__ = func.__kwdefaults__
    return again


def arguments(value: Any, change: Callable[[Any], Any]) -> Any:
    """Arguments of a call with every leaf changed: tuples, lists and dicts are gone into, nothing
    else.
    """
    if type(value) in (tuple, list):
        return type(value)(arguments(part, change) for part in value)
    if type(value) is dict:
        return {key: arguments(part, change) for key, part in value.items()}
    return change(value)


def given(value: Any) -> Iterator[Tensor]:
    """The tensors among the arguments of a call."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from given(part)
    elif type(value) is dict:
        yield from given(list(value.values()))


_OPERATORS = (
    "__setitem__",
    "__iadd__",
    "__isub__",
    "__imul__",
    "__itruediv__",
    "__ipow__",
    "__imatmul__",
)


def writes(name: str) -> bool:
    """Whether a call of that name writes into its first argument."""
    return (name.endswith("_") and not name.startswith("__")) or name in _OPERATORS
