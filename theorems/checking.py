"""Run one claim over drawn instances and collect the evidence."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import NoSuchExample

from impl.errors import require
from theorems.claim import Claim
from theorems.generic import Generic, examine, readable
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
        generic: what generic points say, and with which error probability.
    """

    claim: Claim
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    grades: Counter[Grade] = field(default_factory=Counter)
    worst: Verdict | None = None
    ratios: list[float] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)
    mutants: int = 0
    seconds: float = 0.0
    generic: Generic | None = None

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

    def add_generic(self, generic: Generic) -> None:
        """Take in what generic points say: a refutation counts as one instance, passes count among the grades only."""
        self.generic = generic
        if generic.refutation is not None and self.outcome is not Outcome.REFUTED:
            self.add(generic.refutation)
        elif self.outcome is Outcome.HOLDS:
            self.grades.update(verdict.grade for verdict in generic.verdicts if verdict.grade is not None)

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
            "earned": self.generic.earned if self.generic is not None else None,
            "error_probability": self.generic.error_probability if self.generic is not None else None,
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


def _smallest(evidence: Evidence, examples: int, seed: int) -> Verdict | None:
    """The refutation that reads best: a few integers, found by the search or made of a generic one; else what was found."""
    found, generic = evidence.worst, evidence.generic
    drawn = found is not None and "generic point" not in found.context
    if generic is None or (drawn and found is not None and found.grade is not Grade.NUMERICAL):
        return found
    smaller = _exact_counterexample(evidence.claim, examples, seed)
    smaller = readable(generic) if smaller is None else smaller
    return found if smaller is None else smaller  # a refutation is falsy


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )


def check(
    claim: Claim, *, examples: int = 100, seed: int = 0, on_example: Callable[[], None] | None = None
) -> Evidence:
    """Draw ``examples`` instances of ``claim``, judge each and a few generic points, and try every mutant until it is refuted.

    A refutation is shrunk by Hypothesis; the smallest counterexample is ``evidence.worst``.

    Args:
        claim: what to check.
        examples: how many instances to draw at most (a strategy may have fewer).
        seed: of the search; equal seeds draw equal instances.
        on_example: called after each instance.

    Raises:
        InputError: if ``examples`` is below one.
    """
    require(examples >= 1, f"expected at least one example, got examples={examples}")
    evidence = Evidence(claim)
    alive = dict(claim.mutants)
    evidence.mutants = len(alive)
    started = time.perf_counter()

    @seeded(seed)
    @_settings(examples)
    @given(claim.instances())
    def run(instance: Any) -> None:
        verdict = claim(instance)
        shrinking = evidence.outcomes[Outcome.REFUTED] > 0
        if not shrinking:
            evidence.add(verdict)
            for name in [n for n, mutant in alive.items() if mutant(instance).outcome is Outcome.REFUTED]:
                del alive[name]
            if on_example is not None:
                on_example()
        if verdict.outcome is Outcome.REFUTED:
            raise _RefutedError(verdict)

    try:
        run()
    except _RefutedError as found:
        evidence.worst = found.verdict
    evidence.add_generic(examine(claim, seed=seed))
    if evidence.outcome is Outcome.REFUTED:
        evidence.worst = _smallest(evidence, examples, seed)
        if evidence.worst is not None and evidence.worst.grade is not None:
            evidence.grades = Counter({evidence.worst.grade: 1})
    evidence.survivors = list(alive)
    evidence.seconds = time.perf_counter() - started
    return evidence
