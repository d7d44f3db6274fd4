"""Run one claim over drawn instances and collect the evidence."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import seed as seeded
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import NoSuchExample

from impl.errors import require
from theorems.claim import Claim
from theorems.variants import Changed
from theorems.verdict import Grade, Outcome, Verdict


@dataclass
class Evidence:
    """What a run has seen of one claim.

    Args:
        claim: the claim.
        outcomes: how many instances came out how.
        grades: how many verdicts that count had which grade.
        worst: the verdict that counts: the refutation (shrunk) if there is one, else the one nearest to its bound.
        ratios: residual/bound of every instance on which something could round.
        survivors: mutants that no instance refuted.
        mutants: how many mutants there are.
        seconds: wall-clock time.
    """

    claim: Claim
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    grades: Counter[Grade] = field(default_factory=Counter)
    worst: Verdict | None = None
    ratios: list[float] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)
    mutants: int = 0
    seconds: float = 0.0

    @property
    def instances(self) -> int:
        """How many instances were drawn."""
        return self.outcomes.total()

    @property
    def outcome(self) -> Outcome:
        """REFUTED if any instance was, else UNDECIDED if any was, else HOLDS if any did: INAPPLICABLE never counts."""
        for outcome in (Outcome.REFUTED, Outcome.UNDECIDED, Outcome.HOLDS):
            if self.outcomes[outcome]:
                return outcome
        return Outcome.INAPPLICABLE

    @property
    def grade(self) -> Grade | None:
        """The strongest grade that verdicts of this outcome earned; how many earned which is in `grades`."""
        return max(self.grades, default=None)

    @property
    def as_expected(self) -> bool:
        """Whether the claim came out as the catalogue says."""
        return self.outcome is self.claim.expected

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        before = self.outcome
        self.outcomes[verdict.outcome] += 1
        if verdict.outcome is Outcome.INAPPLICABLE:
            return
        if self.outcome is not before and verdict.outcome is self.outcome:
            self.grades.clear()
            self.worst = None
        if verdict.outcome is self.outcome and verdict.grade is not None:
            self.grades[verdict.grade] += 1
        if verdict.grade is Grade.NUMERICAL and math.isfinite(verdict.ratio):
            self.ratios.append(verdict.ratio)
        if verdict.outcome is self.outcome and (self.worst is None or verdict.ratio > self.worst.ratio):
            self.worst = verdict

    def record(self) -> dict[str, Any]:
        """The claim's entry in the JSON file (schema 1)."""
        worst = self.worst
        return {
            "name": self.claim.name,
            "arxiv": self.claim.source.arxiv,
            "tag": self.claim.tag,
            "expected": self.claim.expected.name,
            "outcome": self.outcome.name,
            "grade": self.grade.name if self.grade is not None else None,
            "grades": {grade.name: count for grade, count in sorted(self.grades.items(), reverse=True)},
            "measured": _finite(worst.measured) if worst is not None else None,
            "bound": _finite(worst.bound) if worst is not None else None,
            "instances": self.instances,
            "inapplicable": self.outcomes[Outcome.INAPPLICABLE],
            "undecided": self.outcomes[Outcome.UNDECIDED],
            "mutants": {"refuted": self.mutants - len(self.survivors), "total": self.mutants},
            "seconds": round(self.seconds, 3),
        }


def _finite(value: float) -> float | None:
    """JSON has no infinity."""
    return value if math.isfinite(value) else None


class _RefutedError(AssertionError):
    """Tells Hypothesis to shrink; carries the verdict of the smallest instance at the end."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(repr(verdict))
        self.verdict = verdict


def _exact_counterexample(claim: Claim, examples: int, seed: int) -> Verdict | None:
    """The smallest instance that refutes the claim without rounding, if one turns up: a few integers read best."""

    def refutes(instance: Any) -> bool:
        verdict = claim(instance)
        return verdict.outcome is Outcome.REFUTED and verdict.grade is Grade.EXACT

    try:
        return claim(find(claim.instances(), refutes, settings=_settings(examples), random=Random(seed)))  # noqa: S311
    except NoSuchExample:
        return None


def _settings(examples: int, database: Path | None = None) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None if database is None else DirectoryBasedExampleDatabase(database),
        derandomize=False,
        phases=(Phase.reuse, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )


def check(
    claim: Claim,
    *,
    examples: int = 100,
    seed: int = 0,
    on_example: Callable[[], None] | None = None,
    database: Path | None = None,
) -> Evidence:
    """Draw ``examples`` instances of ``claim``, judge each, and try every mutant until it is refuted.

    A refutation is shrunk by Hypothesis; the smallest counterexample is ``evidence.worst``.

    Args:
        claim: what to check.
        examples: how many instances to draw at most (a strategy may have fewer).
        seed: of the search; equal seeds draw equal instances.
        on_example: called after each instance.
        database: folder in which Hypothesis keeps what refuted a claim, to be tried first the next time.

    Raises:
        InputError: if ``examples`` is below one.
    """
    require(examples >= 1, f"expected at least one example, got examples={examples}")
    evidence = Evidence(claim)
    alive = dict(claim.mutants)
    evidence.mutants = len(alive)
    wrong: set[str] = set()
    started = time.perf_counter()

    @_settings(examples, database)  # outside: `seed` would take the database away
    @seeded(seed)
    @given(claim.instances())
    def run(instance: Any) -> None:
        nonlocal wrong
        verdict = claim(instance)
        shrinking = evidence.outcomes[Outcome.REFUTED] > 0
        if not shrinking:
            evidence.add(verdict)
            for name, mutant in list(alive.items()):
                outcome = mutant(instance).outcome
                wrong |= {name} if outcome is not Outcome.INAPPLICABLE else set()
                if outcome is Outcome.REFUTED:
                    del alive[name]
            if on_example is not None:
                on_example()
        if verdict.outcome is Outcome.REFUTED:
            raise _RefutedError(verdict)

    # the claims share this function: without a key of its own each would find the examples of all
    run._hypothesis_internal_database_key = claim.name.encode()  # type: ignore[attr-defined]  # noqa: SLF001
    try:
        run()
    except _RefutedError as found:
        smaller = _exact_counterexample(claim, examples, seed) if found.verdict.grade is Grade.NUMERICAL else None
        evidence.worst = found.verdict if smaller is None else smaller  # a refutation is falsy
    # a variant that Claim.inapplicable calls no change on every instance (the transpose of a scalar) was never wrong
    idle = {n for n, mutant in alive.items() if n not in wrong and isinstance(mutant.predict, Changed)}
    evidence.mutants -= len(idle)
    evidence.survivors = [name for name in alive if name not in idle]
    evidence.seconds = time.perf_counter() - started
    return evidence
