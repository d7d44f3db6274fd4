"""Try planted errors on drawn instances: how many are refuted, and how soon."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from types import CodeType, FrameType, FunctionType
from typing import Any

from impl.errors import require
from theorems.claim import Claim
from theorems.drawing import draws
from theorems.planting.plant import Place, Planted, errors, nested, places
from theorems.verdict import Outcome

_FIRST = 25
"""Instances drawn at first; most errors die on them, the others see the rest of the budget."""


class Fate(enum.Enum):
    """What became of a planted error; the value is the explanation."""

    REFUTED = "the claim with the error in it was refuted"
    UNDECIDED = "never refuted, and never confirmed either: wherever the claim held, the changed one was undecided"
    SURVIVED = "never refuted"
    STILLBORN = "the changed code raised on every instance: it is no theorem"
    IDLE = "no instance runs the changed code: it belongs to another claim, or to an option of a mutant"


@dataclass(frozen=True)
class Trial:
    """One planted error and its fate after so many instances."""

    planted: Planted
    fate: Fate
    instances: int


class Pool:
    """Instances of a claim, drawn in growing portions, and what is observed on them: errors change predictions only."""

    def __init__(self, claim: Claim, *, examples: int, seed: int) -> None:
        """Draw nothing yet."""
        require(examples >= 1, f"expected at least one example, got examples={examples}")
        self.examples, self.seed = examples, seed
        self._observed: dict[int, Any] = {}
        self._drawn: list[Any] = []
        self._portions = iter((min(_FIRST, examples), examples - _FIRST) if examples > _FIRST else (examples,))
        self.strategy = claim.instances()
        self.claim = replace(claim, observe=self._observe(claim))

    def _observe(self, claim: Claim) -> Callable[[Any], Any]:
        def observe(instance: Any) -> Any:
            if id(instance) not in self._observed:
                value = claim.observe(instance)
                if not any(instance is drawn for drawn in self._drawn):
                    return value  # a ball or a copy that somebody made: its id may come again
                self._observed[id(instance)] = value
            return self._observed[id(instance)]

        return observe

    def __iter__(self) -> Iterator[Any]:
        """All instances, drawing more when the drawn ones are used up."""
        at = 0
        while True:
            while at < len(self._drawn):
                yield self._drawn[at]
                at += 1
            size = next(self._portions, 0)
            if size == 0:
                return
            self._drawn += draws(self.strategy, examples=size, seed=self.seed + (at > 0))


def executed(pool: Pool, functions: Iterable[FunctionType], instances: int = 4 * _FIRST) -> set[Place]:
    """The pieces of the functions' source that the claim runs on its first instances."""
    watched = {code for function in functions for code in nested(function.__code__)}
    seen: dict[CodeType, set[int]] = {code: set() for code in watched}

    def enter(frame: FrameType, _event: str, _arg: Any) -> Any:
        if frame.f_code not in watched:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        offsets = seen[frame.f_code]

        def step(inner: FrameType, _event: str, _arg: Any) -> Any:
            offsets.add(inner.f_lasti)
            return step

        return step

    before = sys.gettrace()
    for count, instance in enumerate(pool):
        if count >= min(instances, pool.examples):
            break
        sys.settrace(enter)
        try:
            pool.claim(instance)
        finally:
            sys.settrace(before)
    return {places(code)[offset // 2] for code, offsets in seen.items() for offset in offsets if offset >= 0}


def try_one(planted: Planted, pool: Pool) -> Trial:
    """Run the changed claim until an instance refutes it or the pool is empty."""
    count = raised = decided = 0
    with planted.active():
        for instance in pool:
            count += 1
            try:
                outcome = pool.claim(instance).outcome
            except Exception:  # noqa: BLE001, whatever the changed code raises: it has no verdict here
                raised += 1
                if raised == count >= _FIRST:
                    break
                continue
            if outcome is Outcome.REFUTED:
                return Trial(planted, Fate.REFUTED, count)
            decided += outcome is Outcome.HOLDS
    if raised == count:
        return Trial(planted, Fate.STILLBORN, count)
    return Trial(planted, Fate.SURVIVED if decided else Fate.UNDECIDED, count)


def trials(
    claim: Claim, *, examples: int = 1000, seed: int = 0, chosen: Callable[[Planted], bool] | None = None
) -> Iterator[Trial]:
    """Every single-token error of a claim's prediction, tried on up to ``examples`` instances each.

    Args:
        claim: one that is expected to hold: a false one is refuted whatever is planted.
        examples: instances per error at most.
        seed: of the drawing.
        chosen: which errors to try; all of them unless given.

    Raises:
        InputError: if the claim is not expected to hold, or ``examples`` is below one.
    """
    require(claim.expected is Outcome.HOLDS, f"expected a claim that should hold, got {claim.name} (expected REFUTED)")
    pool = Pool(claim, examples=examples, seed=seed)
    planted = [p for p in errors(claim) if chosen is None or chosen(p)]
    if not planted:
        return
    running = executed(pool, planted[0].side.functions)
    for error in planted:
        yield try_one(error, pool) if error.runs(running) else Trial(error, Fate.IDLE, 0)


def summary(done: Iterable[Trial]) -> dict[Fate, int]:
    """How many errors met which fate."""
    counts = dict.fromkeys(Fate, 0)
    for trial in done:
        counts[trial.fate] += 1
    return counts
