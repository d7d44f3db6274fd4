"""Which sizes strategies draw: what runs in seconds, or all of the statement's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from hypothesis import settings

_FULL: ContextVar[bool] = ContextVar("full sizes", default=False)


def thorough() -> bool:
    """Whether strategies draw the full sizes: inside `full_sizes`, or under Hypothesis' profile
    ``thorough``.
    """
    return _FULL.get() or settings.get_current_profile_name() == "thorough"


@contextmanager
def full_sizes(*, wanted: bool = True) -> Iterator[None]:
    """Draw the full sizes within, if ``wanted``: strategies are built when a claim's instances are
    asked for.
    """
    token = _FULL.set(wanted)
    try:
        yield
    finally:
        _FULL.reset(token)
