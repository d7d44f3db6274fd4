"""Fields of an instance that are no operands: a formula that reads them branches on them, and is
refused.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Collection
from functools import cache
from typing import Any

from theorems.impl.symbolic.arrays import Symbolic
from theorems.impl.symbolic.errors import NotOfThisFormError, field_asked, kind_asked


class Guard:
    """Stands for a field of which nothing is known; ``word`` is its name."""

    def __init__(self, word: str) -> None:
        """Name it."""
        self._word = word

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The class; what asks for it in a file that is watched branches on the kind of a field."""
        kind_asked()
        return type(self)

    def __getattr__(self, name: str) -> Any:
        """Nothing but what it is refused: a text has methods, a number has parts."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotOfThisFormError(f"a branch on {self._word!r}, by its attribute {name!r}")

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NotOfThisFormError(f"a branch on {self._word!r}")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse
    __rtruediv__ = __pow__ = __neg__ = __int__ = __float__ = __index__ = __len__ = _refuse
    __iter__ = __contains__ = __getitem__ = __call__ = __str__ = __format__ = _refuse
    __hash__ = _refuse  # a set or a dictionary would say that it holds no such thing

    def __repr__(self) -> str:
        """Its name."""
        return f"<any {self._word}>"


class Word(Guard):
    """Stands for a name, which may not be read."""

    def __init__(self) -> None:
        """Of nobody."""
        super().__init__("name")

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NotOfThisFormError("a branch on a name")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __getitem__ = __len__ = (
        _refuse
    )
    __add__ = __radd__ = __iter__ = __str__ = __format__ = __bool__ = __hash__ = _refuse


class OtherThan(Guard):
    """Stands for a text that is none of some others; of any further one nothing is known."""

    def __init__(self, others: tuple[str, ...]) -> None:
        """Name those."""
        super().__init__("another text")
        self.others = others

    def __eq__(self, other: object) -> bool:
        """No, if it is one of those."""
        if isinstance(other, str) and other in self.others:
            return False
        raise NotOfThisFormError(f"a branch on whether something is {other!r}")

    def __ne__(self, other: object) -> bool:
        """Yes, if it is one of those."""
        return not self == other

    __hash__ = Guard.__hash__


def other_than(*others: str) -> OtherThan:
    """A text that is none of these."""
    return OtherThan(others)


def guarded(instance: Any, known: Collection[str] = ()) -> Any:
    """The instance with every text, number and flag replaced that is not among the ``known``
    fields, in place.

    What says how numbers were measured, and is None for symbols, may not be asked for by code of a
    user: drawn instances have it or have it not.
    """
    hidden = set(_OF_NUMBERS)
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name, None)
        if value is None and field.name not in _ALTERNATIVES:
            hidden.add(field.name)
        if field.name in known or isinstance(value, Symbolic | Guard) or value is None:
            continue
        if field.name == "name" and isinstance(value, str):
            object.__setattr__(instance, field.name, Word())
        elif isinstance(value, str | int | float | bool):
            object.__setattr__(instance, field.name, Guard(field.name))
    kind: Any = type(instance)
    object.__setattr__(instance, "__class__", _hiding(kind, frozenset(hidden)))
    return instance


_ALTERNATIVES = ("bias", "inputs", "start")
"""Fields that are None in a case of their own, or in every instance of a family."""
_OF_NUMBERS = (
    "coarseness", "members", "stacked", "extents", "measured", "granted", "enclosed", "precise",
    "moved", "exact", "map",
)  # fmt: skip
"""What an instance of numbers answers by the kind of its numbers."""


@cache
def _hiding(kind: type, names: frozenset[str]) -> type:
    """The same type, some attributes of which no code of a user may read; nor all of them at once,
    nor a text of it.
    """
    own = next(vars(c)["__dict__"] for c in kind.__mro__ if "__dict__" in vars(c))

    def everything(self: Any) -> Any:
        field_asked("all fields at once")
        return own.__get__(self, kind)

    written: Any = kind.__repr__

    def text(self: Any) -> str:
        field_asked("the text of an instance")
        return str(written(self))

    hidden: dict[str, Any] = {name: _hidden(kind, name) for name in names if hasattr(kind, name)}
    fields = {name: _hidden(kind, name) for name in names if name in _names(kind)}
    special = {"__dict__": property(everything), "__repr__": text}
    return type(kind.__name__, (kind,), hidden | fields | special)


def _names(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _hidden(kind: type, name: str) -> property:
    own = inspect.getattr_static(kind, name, None)

    def read(self: Any) -> Any:
        field_asked(name)
        if name in vars(self) or not hasattr(own, "__get__"):
            return vars(self).get(name, own)
        return own.__get__(self, kind)

    def write(self: Any, value: Any) -> None:
        vars(self)[name] = value

    return property(read, write, doc=f"{name}, for this package alone.")


def field_names(instance: Any) -> dict[str, str]:
    """By the name of a variable the field that it is, for a reader."""
    found: dict[str, str] = {}
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        parts = value if isinstance(value, tuple) else (value,)
        for place, part in enumerate(parts, 1):
            own = _variable(part)
            if own is not None:
                found.setdefault(own, f"{field.name}{place}" if len(parts) > 1 else field.name)
    return found


def _variable(value: Any) -> str | None:
    """The name of the variable that an operand is, or None if it is none."""
    if type(value) is not Symbolic or len(value.terms) != 1:
        return None
    ((term, c),) = value.terms.items()
    if c != 1:
        return None
    if not term.factors and len(term.scalars) == 1 and term.scalars[0][1] == 1:
        return term.scalars[0][0]
    return term.factors[0][0].name if len(term.factors) == 1 and not term.scalars else None
