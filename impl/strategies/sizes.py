"""Which sizes strategies draw: small ones that shrink, and, for a few instances of every run,
larger ones by turns.

Most instances are small, so that a counterexample can be read; a statement that is wrong only for
deep, wide or long ones would pass. So a search takes some of its instances inside `larger_sizes`,
one turn each: there `span` draws above its usual range, and `pick` and `branches` go through their
options one after the other. What is guaranteed needs no luck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st


@dataclass
class Turn:
    """One turn: its number, and whether any strategy has asked for it (one that has not knows no
    larger sizes).
    """

    number: int
    asked: bool = False


_TURN: ContextVar[Turn | None] = ContextVar("larger sizes", default=None)


@contextmanager
def larger_sizes(number: int) -> Iterator[Turn]:
    """Draw larger instances within: the ``number`` says whose turn it is among the options of each
    strategy.
    """
    turn = Turn(number)
    token = _TURN.set(turn)
    try:
        yield turn
    finally:
        _TURN.reset(token)


def turn() -> int | None:
    """The number of the turn inside `larger_sizes`, else None; strategies of one's own may ask
    while they draw.
    """
    current = _TURN.get()
    if current is None:
        return None
    current.asked = True
    return current.number


@cache
def span(low: int, high: int, larger: int, *, above: int | None = None) -> st.SearchStrategy[int]:
    """An integer in low … high; inside `larger_sizes` one in ``above`` (high + 1 by default) …
    larger.
    """
    return _span(st.integers(low, high), st.integers(high + 1 if above is None else above, larger))


@st.composite
def _span(
    draw: Callable[..., Any], usual: st.SearchStrategy[int], large: st.SearchStrategy[int]
) -> int:
    return int(draw(usual if turn() is None else large))


@st.composite
def pick(draw: Callable[..., Any], usual: Sequence[Any], larger: Sequence[Any]) -> Any:
    """One of ``usual``; inside `larger_sizes` one of ``larger`` by turns."""
    number = turn()
    return draw(st.sampled_from(usual)) if number is None else larger[number // 2 % len(larger)]


def branches(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An instance of one of the kinds; inside `larger_sizes` of each by turns."""
    return _branches(kinds, st.one_of(*kinds))


@st.composite
def _branches(
    draw: Callable[..., Any], kinds: Sequence[st.SearchStrategy[Any]], some: st.SearchStrategy[Any]
) -> Any:
    number = turn()
    return draw(some if number is None else kinds[number % len(kinds)])
