"""Plant a change in running functions, and take it out again."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, TypeAlias

from theorems.claim import Claim
from theorems.planting.reach import Side, prediction_side
from theorems.planting.tokens import Change, changes, source

Place: TypeAlias = "tuple[str, int, int, int, int]"
"""A piece of source: file, first and last line, first and last column in bytes."""


@dataclasses.dataclass(frozen=True)
class Planted:
    """A claim whose prediction has one token changed; within `active` calling the claim runs the
    changed code.
    """

    claim: Claim
    change: Change
    side: Side

    def __str__(self) -> str:
        """Claim, rule and the changed line."""
        return f"{self.claim.name}: {self.change}"

    @contextmanager
    def active(self) -> Iterator[None]:
        """The claim's prediction with the error in it."""
        swaps = [(f, f.__code__, new) for f, new in self._swaps()]
        for cache in self.side.caches:
            cache.cache_clear()
        try:
            for function, _, new in swaps:
                function.__code__ = new
            yield
        finally:
            for function, old, _ in swaps:
                function.__code__ = old
            for cache in self.side.caches:
                cache.cache_clear()

    def _swaps(self) -> list[tuple[FunctionType, CodeType]]:
        replaced = _replacements(self.change)
        return [
            (f, replaced[f.__code__])
            for f in self.side.functions
            if f.__code__ in replaced
            and len(replaced[f.__code__].co_freevars) == len(f.__code__.co_freevars)
        ]

    def runs(self, executed: set[Place]) -> bool:
        """Whether the changed spot is among the executed ones: the smallest piece of code around it
        was run.
        """
        at = self.change.position
        around = [
            place
            for function, _ in self._swaps()
            for code in nested(function.__code__)
            for place in places(code)
            if (place[1], place[3]) <= at < (place[2], place[4])
        ]
        if not around:
            return True
        extent = min((p[2] - p[1], p[4] - p[3]) for p in around)
        return any((p[2] - p[1], p[4] - p[3]) == extent and p in executed for p in around)

    @property
    def plantable(self) -> bool:
        """Whether the changed code compiles and fits the functions that run."""
        try:
            return bool(self._swaps())
        except SyntaxError:
            return False


def places(code: CodeType) -> list[Place]:
    """Where each instruction of a code object comes from, instruction by instruction."""
    name = code.co_filename
    return [(name, a or 0, b or 0, c or 0, d or 0) for a, b, c, d in code.co_positions()]


@lru_cache(maxsize=8)
def _codes(path: str) -> tuple[CodeType, ...]:
    return tuple(nested(compile(source(path), path, "exec", dont_inherit=True)))


@lru_cache(maxsize=64)
def _replacements(change: Change) -> dict[CodeType, CodeType]:
    changed = tuple(nested(compile(change.apply(), change.path, "exec", dont_inherit=True)))
    before = _codes(change.path)
    # a lambda left out with its term: the others keep their order only up to there
    if len(before) != len(changed):
        return {}
    return {old: new for old, new in zip(before, changed, strict=True) if _body(old) != _body(new)}


def _body(code: CodeType) -> Any:
    """What a code object does, wherever it stands."""
    constants = tuple(
        _body(c) if isinstance(c, CodeType) else (type(c), repr(c)) for c in code.co_consts
    )
    return code.co_code, constants, code.co_names, code.co_varnames


def nested(code: CodeType) -> Iterator[CodeType]:
    """A code object and those of the functions written inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested(constant)


def twins(subject: type) -> dict[str, str]:
    """For each field of an instance the next one of the same type: λ for μ, weights for
    gradients.
    """
    if not dataclasses.is_dataclass(subject):
        return {}
    groups: dict[Any, list[str]] = {}
    hints = typing.get_type_hints(subject)
    for field in dataclasses.fields(subject):
        if hints[field.name] not in (bool, str):
            groups.setdefault(repr(hints[field.name]), []).append(field.name)
    return {
        a: group[(i + 1) % len(group)]
        for group in groups.values()
        if len(group) > 1
        for i, a in enumerate(group)
    }


def errors(claim: Claim) -> list[Planted]:
    """Every single-token error of the claim's prediction, in the order of the source."""
    side = prediction_side(claim)
    spans = {_span(f.__code__) for f in side.functions}
    found = {
        c
        for path, low, high in sorted(spans)
        for c in changes(path, low, high, twins(claim.subject))
    }
    planted = [
        Planted(claim, change, side)
        for change in sorted(found, key=lambda c: (c.path, c.start, c.rule, c.new))
    ]
    return [p for p in planted if p.plantable]


def _span(code: CodeType) -> tuple[str, int, int]:
    lines = [line for line in _lines(code) if line]
    return code.co_filename, min(lines), max(lines)


def _lines(code: CodeType) -> Iterator[int]:
    yield from (line for _, _, line in code.co_lines() if line is not None)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _lines(constant)
