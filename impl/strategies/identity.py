"""Whether two strategies are one and the same: equal functions on equal arguments, not filtered and not mapped otherwise.

What a claim speaks of is the strategy that it was stated on. A strategy called twice is two objects; they are compared by what they were
made of. What cannot be told is not the same.
"""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import Any

from hypothesis.strategies import SearchStrategy

_FOUND_OUT = (
    "validate_called", "_cached_repr", "_unwrapped", "_branches_lock", "_SearchStrategy__label", "_LazyStrategy__wrapped_strategy", "_LazyStrategy__representation",
    "_OneOfStrategy__element_strategies", "_OneOfStrategy__in_branches", "_OneOfStrategy__branch_sampler",
)  # fmt: skip
"""What Hypothesis keeps with a strategy besides how it was made; whatever else it keeps must be the same."""


def same_strategy(one: Any, other: Any) -> bool:
    """Whether both draw by the same functions from the same arguments; False where that cannot be told.

    Args:
        one: a strategy, or anything that a strategy is made of.
        other: the same.
    """
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, SearchStrategy):
        mine, theirs = ({n: v for n, v in vars(s).items() if n not in _FOUND_OUT and not n.startswith("cached_")} for s in (one, other))
        return bool(mine) and same_strategy(mine, theirs)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same_strategy, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_strategy(value, other[key]) for key, value in one.items())
    if isinstance(one, partial):
        return same_strategy((one.func, one.args, one.keywords), (other.func, other.args, other.keywords))
    if isinstance(one, FunctionType):
        return _same_function(one, other)
    return isinstance(one, bool | int | float | str | bytes | type(None)) and one == other


def _same_function(one: FunctionType, other: FunctionType) -> bool:
    """Of one piece of source, with equal defaults and equal variables around it: a lambda in a function that ran twice."""
    if one.__code__ is not other.__code__:
        return False
    mine, theirs = ([cell.cell_contents for cell in f.__closure__ or ()] for f in (one, other))
    kept = (one.__defaults__, one.__kwdefaults__, mine), (other.__defaults__, other.__kwdefaults__, theirs)
    return same_strategy(*kept)
