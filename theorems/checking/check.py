"""Run one claim over drawn instances, try its mutants and its hypotheses, and collect the
evidence.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hypothesis import target

from theorems.checking.alarms import alarm_of
from theorems.checking.collected import Evidence
from theorems.checking.controls import Condition, Control
from theorems.checking.drawing import AIMED, SHRINKING, draws, for_each
from theorems.checking.generic import examine, readable
from theorems.checking.larger import Larger, larger, share, shrunk_larger
from theorems.claim import Claim
from theorems.impl.errors import require
from theorems.proving.deciding import decide
from theorems.relations import DEFINED
from theorems.relations.observing import observed_once
from theorems.statements import EvaluationError
from theorems.variants import Changed
from theorems.verdict import Grade, Outcome, Verdict

__all__ = ["Evidence", "check", "shrunk"]

_VIOLATIONS = 20
"""Violating instances drawn per hypothesis at most."""

_POWERED = 20
"""Instances on which the power of a statistical claim against a mutant is measured."""


class _RefutedError(AssertionError):
    """Tells Hypothesis to shrink; carries the verdict of the smallest instance at the end."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(repr(verdict))
        self.verdict = verdict


def aim(verdict: Verdict) -> None:
    """Push the search of Hypothesis towards instances that are nearer to their bound.

    By two digits of the ratio: last bits are a processor's, and would decide what is drawn next.
    """
    if verdict.grade is not None and 0 < verdict.ratio < math.inf:
        target(float(f"{verdict.ratio:.2g}"), label="residual/bound")


def shrunk(
    claim: Claim, found: Verdict, *, examples: int, seed: int, database: Path | None = None
) -> Verdict:
    """The smallest refutation that shrinking finds, one that needs no rounding if there is any: a
    few integers read best.

    Args:
        claim: what was refuted.
        found: the refutation so far; returned if no search meets another one.
        examples: how many instances each search may draw.
        seed: of the searches.
        database: folder in which what refuted a claim is kept.
    """

    def search(wanted: Callable[[Verdict], bool]) -> Verdict | None:
        def use(instance: Any) -> None:
            verdict = claim(instance)
            if verdict.outcome is Outcome.REFUTED and wanted(verdict):
                raise _RefutedError(verdict)

        try:
            for_each(
                claim.instances(),
                use,
                examples=examples,
                seed=seed,
                phases=SHRINKING,
                database=database,
                key=claim.name,
            )
        except _RefutedError as refuted:
            return refuted.verdict
        return None

    if found.grade in (Grade.NUMERICAL, Grade.EXACT):
        exact = search(lambda verdict: verdict.grade is Grade.EXACT)
        if exact is not None:
            return exact
    other = search(lambda _: True)
    return found if other is None else other


def _smallest(
    claim: Claim,
    found: Verdict,
    large: list[tuple[Larger, Verdict]],
    *,
    examples: int,
    seed: int,
    database: Path | None,
) -> Verdict:
    """A refutation shrunk among the usual sizes, or among the larger ones where no other
    refutes.
    """
    small = shrunk(claim, found, examples=examples, seed=seed, database=database)
    refuted = [(one, verdict) for one, verdict in large if verdict.outcome is Outcome.REFUTED]
    if small is not found or not any(verdict is found for _, verdict in refuted):
        return small
    one, verdict = max(refuted, key=lambda pair: pair[1].grade is Grade.EXACT)
    return shrunk_larger(claim, one, verdict, examples=examples)


def dropped(claim: Claim, name: str, *, examples: int, seed: int) -> Condition:
    """Whether anybody would notice if the hypothesis ``name`` were forgotten: draw instances that
    violate it.

    Args:
        claim: the claim.
        name: of the hypothesis.
        examples: how many violating instances to draw at most.
        seed: of the drawing.
    """
    hypothesis = claim.hypotheses[name]
    checked, forgetful = hypothesis.check is not None, claim.without(name)
    noticed, met = checked, {"inapplicable"}
    if hypothesis.dropped is None:
        return Condition(name, checked)
    for instance in draws(hypothesis.dropped(), examples=examples, seed=seed):
        outcome = claim(instance).outcome
        noticed = (
            noticed and outcome is Outcome.INAPPLICABLE
            if checked
            else noticed or outcome is Outcome.REFUTED
        )
        if "refuted" not in met:  # what a refutation shows needs no second one
            met.add(_judged(forgetful, instance))
        if "refuted" in met and not checked:
            break
    worst = next(word for word in _WORST_FIRST if word in met)
    return Condition(name, checked, noticed, worst in _WORST_FIRST[:3], worst, hypothesis.meaning)


_WORST_FIRST = ("refuted", "raises", "undecided", "holds", "inapplicable")


def _judged(claim: Claim, instance: Any) -> str:
    """The outcome in lower case; "raises" where the formula cannot be evaluated: wrong shapes,
    division by zero.
    """
    try:
        verdict = claim(instance)
        undefined = verdict.context.get("hypothesis") == DEFINED  # it cannot be judged there
        return "undecided" if undefined else verdict.outcome.name.lower()
    except EvaluationError:  # whatever the formula raises outside its hypotheses
        return "raises"


def check(
    claim: Claim,
    *,
    examples: int = 100,
    seed: int = 0,
    on_example: Callable[[], None] | None = None,
    database: Path | None = None,
    evidence: Evidence | None = None,
) -> Evidence:
    """Draw ``examples`` instances of ``claim``, judge each and a few generic points, and try every
    mutant until it is refuted.

    One instance in ten is larger than the strategy usually draws (`impl.strategies.sizes`),
    whatever the seed. A refuted claim goes on being drawn, so that what is counted is a rate and
    the mutants have had their chance; then its counterexample is shrunk by Hypothesis to
    ``evidence.worst``. Violations of each hypothesis are drawn apart.

    Args:
        claim: what to check.
        examples: how many instances to draw at most (a strategy may have fewer).
        seed: of the search; equal seeds draw equal instances.
        on_example: called after each instance.
        database: folder in which what refuted a claim is kept, to be tried first the next time.
        evidence: filled as the run goes and returned, for whoever is interrupted: fresh evidence of
            the claim.

    Raises:
        InputError: if ``examples`` is below one.
    """
    require(examples >= 1, f"expected at least one example, got examples={examples}")
    evidence = Evidence(claim) if evidence is None else evidence
    evidence.controls = [Control(name) for name in claim.mutants]
    mutants, controls = claim.mutants, {control.name: control for control in evidence.controls}
    statistical = alarm_of(claim) is not None
    started = time.perf_counter()

    def judge(instance: Any) -> Verdict:
        with observed_once(instance) if claim.tag != "conjecture" else nullcontext():
            verdict = claim(instance)
            evidence.add(verdict)
            for name, control in controls.items():
                if not control.refuted or (statistical and control.tried < _POWERED):
                    control.take(mutants[name](instance).outcome, statistical=statistical)
        if on_example is not None:
            on_example()
        return verdict

    large = list(larger(claim.instances, share(examples), seed=seed))
    for_each(
        claim.instances(),
        lambda instance: aim(judge(instance)),
        examples=examples - len(large),
        seed=seed,
        phases=AIMED,
        database=database,
        key=claim.name,
    )
    verdicts = [(one, judge(one.drawn.instance)) for one in large]
    # an automatic variant that changed nothing on any instance (the transpose of a number) was
    # never wrong
    evidence.controls = [
        c for c in evidence.controls if c.tried or not isinstance(mutants[c.name].predict, Changed)
    ]
    generic = examine(claim, seed=seed)
    evidence.add_generic(generic)
    evidence.proof = decide(claim)
    if evidence.outcome is Outcome.REFUTED and evidence.worst is not None:
        evidence.worst = _smallest(
            claim, evidence.worst, verdicts, examples=examples, seed=seed, database=database
        )
        if evidence.worst is generic.refutation or evidence.worst.grade is Grade.NUMERICAL:
            small = readable(generic)
            evidence.worst = evidence.worst if small is None else small  # a refutation is falsy
        if evidence.worst.grade is Grade.EXACT:
            evidence.grades = Counter({Grade.EXACT: evidence.outcomes[Outcome.REFUTED]})
    violations = min(examples, _VIOLATIONS)
    evidence.conditions = [
        dropped(claim, name, examples=violations, seed=seed) for name in claim.hypotheses
    ]
    evidence.seconds = time.perf_counter() - started
    return evidence
