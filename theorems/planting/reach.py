"""Which functions a claim runs on its two sides: found by walking code objects, not by running
them.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theorems.claim import Claim

_ROOTS = ("theorems", "impl")
_FURNITURE = (
    "theorems.claim",
    "theorems.verdict",
    "theorems.relations",
    "theorems.relations.enclosures",
    "theorems.impl.errors",
)
"""Modules that judge or refuse and predict nothing: no error is planted there."""


def _ours(module: str | None, home: str) -> bool:
    root = (module or "").split(".")[0]
    return root in _ROOTS or (module or "") == home


class Reach:
    """Everything that can be called from some values: functions of this suite and of ``home``, and
    their caches.
    """

    def __init__(self, *starts: Any, home: str = "") -> None:
        """Walk from ``starts``; functions of other modules than `theorems`, `impl` and ``home`` are
        not entered.
        """
        self.functions: list[FunctionType] = []
        self.caches: list[Any] = []
        self._home = home
        self._seen: set[int] = set()
        pending = list(starts)
        while pending:
            value = pending.pop()
            if id(value) not in self._seen:
                self._seen.add(id(value))
                pending += self._next(value)

    @property
    def codes(self) -> set[CodeType]:
        """The code objects of all functions."""
        return {function.__code__ for function in self.functions}

    def _next(self, value: Any) -> Iterator[Any]:
        if hasattr(value, "cache_clear"):
            self.caches.append(value)
        if isinstance(value, FunctionType):
            yield from self._of_function(value)
        elif isinstance(value, type):
            if _ours(value.__module__, self._home):
                yield from (*vars(value).values(), *value.__bases__)
        elif isinstance(value, Mapping | tuple | list):
            yield from list(value.values()) if isinstance(value, Mapping) else value
        else:
            yield from _inside(value)
            # a claim is no part of another one
            another = hasattr(value, "predict") and hasattr(value, "observe")
            if (
                dataclasses.is_dataclass(value)
                and _ours(type(value).__module__, self._home)
                and not another
            ):
                yield from (type(value), *vars(value).values())

    def _of_function(self, function: FunctionType) -> Iterator[Any]:
        for cell in function.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # a recursive name that is not bound yet
                continue
        if not _ours(function.__module__, self._home) or function.__module__ in _FURNITURE:
            return
        # a method that dataclasses wrote has no source
        if not function.__code__.co_filename.startswith("<"):
            self.functions.append(function)
        yield from function.__defaults__ or ()
        yield from (function.__kwdefaults__ or {}).values()
        names = set(_names(function.__code__))
        modules = {
            name: sys.modules[name]
            for name in names
            if name in sys.modules and _ours(name, self._home)
        }
        spaces: list[Mapping[str, Any]] = [
            function.__globals__,
            *(vars(module) for module in modules.values()),
        ]
        for name in names:
            for space in spaces:
                found = space.get(name)
                if isinstance(found, ModuleType):
                    if _ours(found.__name__, self._home):
                        yield from (
                            vars(found).get(other) or getattr(found, other, None) for other in names
                        )
                elif found is not None:
                    yield found


def _inside(value: Any) -> Iterator[Any]:
    """What a wrapper wraps."""
    if isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, MethodType):
        yield from (value.__func__, value.__self__)
    elif isinstance(value, property):
        yield value.fget
    elif isinstance(value, cached_property):
        yield value.func
    elif isinstance(value, staticmethod | classmethod):
        yield value.__func__
    elif hasattr(value, "__wrapped__"):
        yield value.__wrapped__


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


@dataclasses.dataclass(frozen=True)
class Side:
    """The functions that only the prediction of a claim runs, and the caches that would remember
    what they said.
    """

    functions: tuple[FunctionType, ...]
    caches: tuple[Any, ...]


def prediction_side(claim: Claim) -> Side:
    """What makes the claim's prediction and nothing else: neither the observation nor the drawing
    of instances runs it.

    A function that both sides run cannot be planted with an error of the prediction alone; the rate
    at which a limit is approached, which the relation holds, is part of the prediction.
    """
    home = getattr(claim.predict, "__module__", "") or ""
    predicted = Reach(claim.predict, getattr(claim.relation, "rate", None), home=home)
    shared = Reach(claim.observe, claim.instances, home=home).codes
    own = tuple(
        f
        for f in predicted.functions
        if f.__code__ not in shared and (_in_paper(f.__module__) or f.__module__ == home)
    )
    return Side(own, tuple(predicted.caches))


def _in_paper(module: str) -> bool:
    """A paper's package, or the ground floor; the relations beside the packages judge and do not
    predict.
    """
    return module.startswith("theorems.impl.") or module.count(".") > 1
