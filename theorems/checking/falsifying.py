"""Search hard for a refutation of one claim: at random, aimed at the bound, larger, in structured
corners, around the worst so far.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given

from theorems.checking.check import aim, shrunk
from theorems.checking.choices import CORNERS, Drawn, cornered, draw, neighbour, shrinking_from
from theorems.checking.collected import Evidence
from theorems.checking.drawing import AIMED, SEARCH, SHRINKING, for_each, searching
from theorems.checking.larger import larger, share, shrunk_larger
from theorems.claim import Claim
from theorems.impl.errors import require
from theorems.impl.strategies.sampling import drawing_alike
from theorems.verdict import Outcome, Verdict

RANDOM, TARGETED, LARGER, CORNER, NEAR = "random", "targeted", "larger", "corners", "near the worst"
PHASES = (RANDOM, TARGETED, LARGER, CORNER, NEAR)
_FIRST, _LARGEST = 25, 400
"""Instances per phase in the first round, and at most: every round doubles it."""


class _Over(KeyboardInterrupt):
    """The budget is spent, or the claim is refuted."""


class _RefutedError(AssertionError):
    """Carries a verdict out of a shrinking run."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(repr(verdict))
        self.verdict = verdict


@dataclass
class Search:
    """A search for a refutation; what it draws depends on the seed alone, and the budget says only
    when it stops.

    Args:
        claim: what to refute.
        seed: of everything.
        examples: instances at most.
        seconds: wall-clock time at most, shrinking excepted.
        on_instance: called after each one with this search.
        database: folder in which what refuted a claim is kept, to be tried first.
    """

    claim: Claim
    seed: int = 0
    examples: int | None = None
    seconds: float | None = None
    on_instance: Callable[[Search], None] | None = None
    database: Path | None = None
    phase: str = RANDOM
    searched: Counter[str] = field(default_factory=Counter)
    evidence: Evidence = field(init=False)
    _worst: list[tuple[float, Drawn]] = field(default_factory=list)
    _started: float = 0.0
    _turns: int = 0

    def __post_init__(self) -> None:
        """Refuse a search that never ends or never begins."""
        require(
            self.examples is not None or self.seconds is not None,
            "expected a budget: examples, seconds, or both",
        )
        require(
            self.examples is None or self.examples >= 1,
            f"expected at least one example, got {self.examples}",
        )
        require(
            self.seconds is None or 0 < self.seconds < math.inf,
            f"expected seconds above zero, got {self.seconds}",
        )
        self.evidence = Evidence(self.claim)

    @property
    def instances(self) -> int:
        """How many instances have been judged."""
        return self.searched.total()

    @property
    def worst_ratio(self) -> float:
        """The largest finite residual/bound so far."""
        return max(self.evidence.ratios, default=0.0)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._started

    def run(self) -> Evidence:
        """Search until something refutes the claim or the budget is spent; a refutation is
        shrunk.
        """
        self._started = time.perf_counter()
        round_, size = 0, _FIRST
        try:
            while True:
                before = self.instances
                for phase in PHASES:
                    self.phase = phase
                    self._search(phase, size, self.seed + round_)
                if self.instances == before:
                    break  # the strategy has nothing left to draw
                round_, size = round_ + 1, min(2 * size, _LARGEST)
        except _Over:
            pass
        finally:  # also for whoever is interrupted: what was judged until then stands
            self.evidence.seconds = self.elapsed
        return self.evidence

    def _search(self, phase: str, size: int, seed: int) -> None:
        strategy, rng = self.claim.instances(), Random(f"{seed} {phase}")  # noqa: S311
        if phase in (RANDOM, TARGETED):
            phases = SEARCH if phase == RANDOM else AIMED

            def use(instance: Any) -> None:
                verdict = self._judge(instance)
                if verdict.outcome is Outcome.REFUTED:
                    self.evidence.worst = shrunk(
                        self.claim, verdict, examples=size, seed=seed, database=self.database
                    )
                    raise _Over
                if phase == TARGETED:
                    aim(verdict)

            for_each(
                strategy,
                use,
                examples=size,
                seed=seed,
                phases=phases,
                database=self.database,
                key=self.claim.name,
            )
            return
        if phase == LARGER:
            first, self._turns = self._turns, self._turns + max(2, share(len(PHASES) * size))
            for one in larger(self.claim.instances, self._turns - first, seed=seed, first=first):
                verdict = self._judge(one.drawn.instance)
                if verdict.outcome is Outcome.REFUTED:
                    self.evidence.worst = shrunk_larger(self.claim, one, verdict, examples=_LARGEST)
                    raise _Over
            return
        for count in range(size):
            base = self._base(phase, rng)
            if base is None:
                continue
            change = (
                neighbour(base.nodes, rng)
                if phase == NEAR
                else cornered(base.nodes, CORNERS[count % len(CORNERS)], rng)
            )
            drawn = draw(strategy, change, rng)
            if drawn is None:
                continue
            verdict = self._judge(drawn.instance)
            self._remember(verdict, drawn)
            if verdict.outcome is Outcome.REFUTED:
                self.evidence.worst = self._shrunk_from(drawn, verdict)
                raise _Over

    def _base(self, phase: str, rng: Random) -> Drawn | None:
        """What to change: a fresh draw for a corner, one of the worst for the neighbourhood."""
        if phase == NEAR and self._worst:
            return rng.choice(self._worst)[1]
        return draw(self.claim.instances(), (), rng)

    def _remember(self, verdict: Verdict, drawn: Drawn) -> None:
        ratio = verdict.ratio if math.isfinite(verdict.ratio) else -math.inf
        if verdict.outcome in (Outcome.HOLDS, Outcome.UNDECIDED):
            self._worst = sorted([*self._worst, (ratio, drawn)], key=lambda pair: -pair[0])[:8]

    def _judge(self, instance: Any) -> Verdict:
        spent = self.examples is not None and self.instances >= self.examples
        if spent or (self.seconds is not None and self.elapsed >= self.seconds and self.instances):
            raise _Over
        verdict = self.claim(instance)
        self.evidence.add(verdict)
        self.searched[self.phase] += 1
        if self.on_instance is not None:
            self.on_instance(self)
        return verdict

    def _shrunk_from(self, drawn: Drawn, found: Verdict) -> Verdict:
        """Hypothesis' own shrinker, begun at a refutation that only changed choices reach."""

        @shrinking_from(drawn.choices, searching(_LARGEST, SHRINKING))
        @given(self.claim.instances())
        def again(instance: Any) -> None:
            verdict = self.claim(instance)
            if verdict.outcome is Outcome.REFUTED:
                raise _RefutedError(verdict)

        try:
            with drawing_alike():
                again()
        except _RefutedError as refuted:
            return refuted.verdict
        return found


def falsify(
    claim: Claim,
    *,
    examples: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    on_instance: Callable[[Search], None] | None = None,
    database: Path | None = None,
) -> Search:
    """Search hard for a refutation of ``claim``; the result holds the evidence and how many
    instances each phase judged.

    Five phases take turns, in rounds that double: random instances, instances aimed at the bound
    (`hypothesis.target`), instances above the usual sizes (fewer, and only where the strategy knows
    them), structured corners of what the strategy can draw (ends of every range, zeros, ones, equal
    and repeated stretches), and the neighbourhood of the instances nearest to their bound.

    Args:
        claim: what to refute.
        examples: instances at most.
        seconds: time at most.
        seed: equal seeds search in the same order.
        on_instance: called after each instance.
        database: folder in which what refuted a claim is kept, to be tried first.

    Raises:
        InputError: without a budget, or for one that is not positive.
    """
    search = Search(claim, seed, examples, seconds, on_instance, database)
    search.run()
    return search
