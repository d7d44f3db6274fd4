"""Whether two strategies are one and the same: equal functions on equal arguments, not filtered and
not mapped otherwise.

What a claim speaks of is the strategy that it was stated on. A strategy called twice is two
objects; they are compared by what they were made of. What cannot be told is not the same.
"""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import Any

from hypothesis.strategies import SearchStrategy

_FOUND_OUT = (
    "validate_called",
    "_cached_repr",
    "_unwrapped",
    "_branches_lock",
    "_SearchStrategy__label",
    "_LazyStrategy__wrapped_strategy",
    "_LazyStrategy__representation",
    "_OneOfStrategy__element_strategies",
    "_OneOfStrategy__in_branches",
    "_OneOfStrategy__branch_sampler",
)
"""What Hypothesis keeps with a strategy besides how it was made; whatever else it keeps must be the
same.
"""


def same_strategy(one: Any, other: Any) -> bool:
    """Whether both draw by the same functions from the same arguments; False where that cannot be
    told.

    Args:
        one: a strategy, or anything that a strategy is made of.
        other: the same.
    """
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, FunctionType):
        return _same_function(one, other)
    if isinstance(one, bool | int | float | str | bytes):
        return bool(one == other)
    mine, theirs = _parts(one), _parts(other)
    if mine is None or theirs is None or mine.keys() != theirs.keys():
        return False
    return all(same_strategy(part, theirs[name]) for name, part in mine.items())


def _parts(made: Any) -> dict[Any, Any] | None:
    """What something is made of, by name or place; None if that cannot be told."""
    if isinstance(made, SearchStrategy):
        kept = {
            n: v
            for n, v in vars(made).items()
            if n not in _FOUND_OUT and not n.startswith("cached_")
        }
        return kept or None
    if isinstance(made, tuple | list):
        return dict(enumerate(made))
    if isinstance(made, partial):
        return {"func": made.func, "args": made.args, "keywords": made.keywords}
    return made if isinstance(made, dict) else None


def _same_function(one: FunctionType, other: FunctionType) -> bool:
    """Of one piece of source, with equal defaults and equal variables around it: a lambda in a
    function that ran twice.
    """
    if one.__code__ is not other.__code__:
        return False
    mine, theirs = ([cell.cell_contents for cell in f.__closure__ or ()] for f in (one, other))
    kept = (
        (one.__defaults__, one.__kwdefaults__, mine),
        (other.__defaults__, other.__kwdefaults__, theirs),
    )
    return same_strategy(*kept)
