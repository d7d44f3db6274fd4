"""Try planted errors on drawn instances: how many are refuted, and how soon."""

from __future__ import annotations

import enum
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from types import CodeType, FrameType, FunctionType
from typing import Any

import numpy as np
from torch import Tensor

from theorems.checking.drawing import draws
from theorems.checking.measures import fingerprint
from theorems.claim import Claim
from theorems.impl.errors import require
from theorems.impl.numbers.exact_arrays import evaluated
from theorems.planting.plant import Place, Planted, errors, nested, places
from theorems.relations import DEFINED
from theorems.relations.ranks import RankIs
from theorems.verdict import Outcome

_FIRST = 25
"""Instances drawn at first; most errors die on them, the others see the rest of the budget."""
_ROUNDING = 2.0**-40
"""Relative to the largest entry: differences below this come from the order of operations; no
verdict depends on it.
"""
_COMPARED = 100
"""Instances on which the numbers of an error that nothing refuted are compared with the claim's
own.
"""


class Fate(enum.Enum):
    """What became of a planted error; the value is the explanation."""

    REFUTED = "the claim with the error in it was refuted"
    RAISES = (
        "not refuted, but the changed code raised on an instance where the claim holds: it "
        "shows without a verdict"
    )
    UNDECIDED = "not refuted, but undecided on an instance where the claim holds: no pass"
    WEAKER = (
        "a larger bound than the claim's own: what it says is true too, and no instance can "
        "refute it"
    )
    SAME = "it predicts the same numbers on every instance that was compared"
    SURVIVED = "it predicts other numbers and was not refuted"
    STILLBORN = "the changed code raised on every instance: it is no theorem"
    IDLE = (
        "no instance runs the changed code: it belongs to another claim, or to an option of a "
        "mutant"
    )


@dataclass(frozen=True)
class Trial:
    """One planted error and its fate after so many instances."""

    planted: Planted
    fate: Fate
    instances: int


class Pool:
    """Instances of a claim, drawn in growing portions, and what is observed on them: errors change
    predictions only.
    """

    def __init__(self, claim: Claim, *, examples: int, seed: int) -> None:
        """Draw nothing yet."""
        require(examples >= 1, f"expected at least one example, got examples={examples}")
        self.examples, self.seed = examples, seed
        self._observed: dict[int, Any] = {}
        self._drawn: list[Any] = []
        self._portions = iter(
            (min(_FIRST, examples), examples - _FIRST) if examples > _FIRST else (examples,)
        )
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


def executed(
    pool: Pool, functions: Iterable[FunctionType], instances: int = 4 * _FIRST
) -> set[Place]:
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
    return {
        places(code)[offset // 2]
        for code, offsets in seen.items()
        for offset in offsets
        if offset >= 0
    }


def try_one(planted: Planted, pool: Pool) -> Trial:
    """Run the changed claim until an instance refutes it or the pool is empty."""
    met: list[Outcome | None] = []
    with planted.active():
        for instance in pool:
            try:
                verdict = pool.claim(instance)
                divided = verdict.context.get("hypothesis") == DEFINED  # by a zero that was planted
                met.append(None if divided else verdict.outcome)
            except Exception:  # noqa: BLE001
                met.append(None)
            if met[-1] is Outcome.REFUTED:
                return Trial(planted, Fate.REFUTED, len(met))
            if len(met) == _FIRST and not any(met):
                break
    if not any(met):
        return Trial(planted, Fate.STILLBORN, len(met))
    return Trial(planted, _unrefuted(planted, pool, met), len(met))


def _unrefuted(planted: Planted, pool: Pool, met: list[Outcome | None]) -> Fate:
    """Why nothing refuted an error: what differs from the claim itself, outcome by outcome and
    number by number.
    """
    for wanted, fate in ((None, Fate.RAISES), (Outcome.UNDECIDED, Fate.UNDECIDED)):
        for instance, outcome in zip(pool, met, strict=False):
            if outcome is wanted and pool.claim(instance).outcome is Outcome.HOLDS:
                return fate
    compared = list(itertools.islice(pool, _COMPARED))
    before = [_predicted(planted.claim, instance) for instance in compared]
    try:
        with planted.active():
            after = [_predicted(planted.claim, instance) for instance in compared]
    except Exception:  # noqa: BLE001
        return Fate.RAISES
    if all(map(_same, before, after)):
        return Fate.SAME
    return (
        Fate.WEAKER
        if all(_weaker(planted.claim, b, a) for b, a in zip(before, after, strict=True))
        else Fate.SURVIVED
    )


def _predicted(claim: Claim, instance: Any) -> dict[str, Any]:
    """The parts of a prediction; for a limit those at every point of the path, and the rates."""
    rate = getattr(claim.relation, "rate", None)
    if rate is None:
        value = evaluated(claim.predict, instance)
        return dict(value) if isinstance(value, Mapping) else {"": value}
    return {
        str(size): (claim.predict(points[0]), rate(points[0]))
        for size, points in instance.path.items()
    }


def _same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Equal numbers; floats up to rounding, which another order of summation changes."""
    return before.keys() == after.keys() and all(
        _equal(before[part], after[part]) for part in before
    )


def _equal(before: Any, after: Any) -> bool:
    if fingerprint(before) == fingerprint(after):
        return True
    if isinstance(before, tuple | Mapping):
        ours, theirs = (
            list(v.values()) if isinstance(v, Mapping) else list(v) for v in (before, after)
        )
        return len(ours) == len(theirs) and all(map(_equal, ours, theirs))
    if not (isinstance(before, Tensor | float) and isinstance(after, Tensor | float)):
        return False
    left, right = np.asarray(before), np.asarray(after)
    if left.shape != right.shape or not np.isfinite(left).all():
        return False
    return bool((abs(left - right) <= _ROUNDING * abs(left).max(initial=0.0)).all())


def _weaker(claim: Claim, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether every part is the same or, where it is a bound, a looser one."""
    relation = claim.relation
    loosest = "<=" if isinstance(relation, RankIs) else getattr(relation, "sign", "=")
    signs = {part: getattr(relation, "signs", {}).get(part, loosest) for part in before}
    return before.keys() == after.keys() and all(
        _equal(before[part], after[part])
        or (sign == "<=" and _ordered(before[part], after[part]))
        or (sign in (">=", ">") and _ordered(after[part], before[part]))
        for part, sign in signs.items()
    )


def _ordered(low: Any, high: Any) -> bool:
    try:
        return bool(np.all(np.asarray(low <= high)))
    except (TypeError, ValueError, RuntimeError):  # other kinds or shapes
        return False


def planted_in(claim: Claim, *, sample: int | None = None, seed: int = 0) -> list[Planted]:
    """The single-token errors of a claim's prediction: all of them, or a seeded sample."""
    found = errors(claim)
    if sample is None or sample >= len(found):
        return found
    return Random(f"{seed} {claim.name}").sample(found, sample)  # noqa: S311


def trials(
    claim: Claim, planted: Iterable[Planted], *, examples: int = 1000, seed: int = 0
) -> Iterator[Trial]:
    """Try errors planted in a claim on up to ``examples`` instances each.

    Args:
        claim: one that is expected to hold: a false one is refuted whatever is planted.
        planted: its errors.
        examples: instances per error at most.
        seed: of the drawing.

    Raises:
        InputError: if the claim is not expected to hold, or ``examples`` is below one.
    """
    require(
        claim.expected is Outcome.HOLDS,
        f"expected a claim that should hold, got {claim.name} (expected REFUTED)",
    )
    pool = Pool(claim, examples=examples, seed=seed)
    running: set[Place] | None = None
    for error in planted:
        running = executed(pool, error.side.functions) if running is None else running
        yield try_one(error, pool) if error.runs(running) else Trial(error, Fate.IDLE, 0)


def summary(done: Iterable[Trial]) -> dict[Fate, int]:
    """How many errors met which fate."""
    counts = dict.fromkeys(Fate, 0)
    for trial in done:
        counts[trial.fate] += 1
    return counts
