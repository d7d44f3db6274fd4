"""The larger instances of a run: a share of every search is drawn above the usual sizes, and shrunk
there if only those refute.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import given
from hypothesis.errors import HypothesisWarning
from hypothesis.strategies import SearchStrategy

from theorems.checking.choices import Drawn, draw, shrinking_from
from theorems.checking.drawing import SHRINKING, searching
from theorems.claim import Claim
from theorems.impl.strategies.sampling import drawing_alike
from theorems.impl.strategies.sizes import larger_sizes
from theorems.verdict import Outcome, Verdict

_EVERY = 10
"""One instance in so many is a larger one."""

_ATTEMPTS = 20
"""Draws per turn until the strategy accepts one."""


@dataclass(frozen=True, eq=False)
class Larger:
    """An instance drawn inside `larger_sizes`, with its turn and the choices behind it."""

    turn: int
    drawn: Drawn


def share(examples: int) -> int:
    """How many of so many instances are larger ones."""
    return examples // _EVERY


def larger(
    make: Callable[[], SearchStrategy[Any]], count: int, *, seed: int, first: int = 0
) -> Iterator[Larger]:
    """One instance of each of ``count`` turns, equal for equal seeds; none from a strategy that
    knows no larger sizes.

    A search of several rounds goes on where the turns of the last one ended (``first``): else the
    options that come late would never be drawn.
    """
    for number in range(first, first + count):
        rng = Random(f"{seed} larger {number}")  # noqa: S311
        for _ in range(_ATTEMPTS):
            with larger_sizes(number) as turn:
                drawn = draw(make(), (), rng)
            if not turn.asked:
                return
            if drawn is not None:
                yield Larger(number, drawn)
                break


class _RefutedError(AssertionError):
    def __init__(self, verdict: Verdict) -> None:
        super().__init__(repr(verdict))
        self.verdict = verdict


def shrunk_larger(claim: Claim, start: Larger, found: Verdict, *, examples: int) -> Verdict:
    """The smallest refutation that Hypothesis' shrinker finds from a larger instance, at larger
    sizes; ``found`` if none.
    """

    @shrinking_from(start.drawn.choices, searching(examples, SHRINKING))
    @given(claim.instances())
    def again(instance: Any) -> None:
        verdict = claim(instance)
        if verdict.outcome is Outcome.REFUTED:
            raise _RefutedError(verdict)

    try:
        with larger_sizes(start.turn), drawing_alike(), warnings.catch_warnings():
            # nobody is shown it
            warnings.filterwarnings("ignore", "Generating overly large repr", HypothesisWarning)
            again()
    except _RefutedError as refuted:
        return refuted.verdict
    return found
