"""One observation of an instance for a claim and all of its mutants, which predict otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Value = TypeVar("Value")

_KEPT: ContextVar[tuple[Any, dict[Any, Any]] | None] = ContextVar("what was observed", default=None)


@contextmanager
def observed_once(instance: Any) -> Iterator[None]:
    """Within, what is observed of ``instance`` is kept: for claims of the catalogue, whose sides
    change nothing in place.
    """
    token = _KEPT.set((instance, {}))
    try:
        yield
    finally:
        _KEPT.reset(token)


def kept(instance: Any, key: Any, observe: Callable[[], Value]) -> Value:
    """What ``observe`` gives, or has given of this instance under this key."""
    within = _KEPT.get()
    if within is None or within[0] is not instance:
        return observe()
    if key not in within[1]:
        within[1][key] = observe()
    found: Value = within[1][key]
    return found
