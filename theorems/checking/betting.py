"""The open-ended part of a search: bet against a claim in law for as long as there is time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from theorems.checking.collected import Evidence
from theorems.checking.drawing import draws
from theorems.claim import Claim
from theorems.impl.errors import require
from theorems.relations.laws import ALARM, MeanLaw
from theorems.relations.sequential import Sequential, finding, started, step
from theorems.verdict import Outcome, Verdict

INSTANCES = 8
"""Drawn instances that are watched in turn."""


def watchable(claim: Claim) -> bool:
    """Whether an open-ended run can watch the claim: its relation is a law of the mean, fixed-size
    or sequential.
    """
    return isinstance(claim.relation, MeanLaw | Sequential)


def open_ended(
    claim: Claim,
    instances: Sequence[Any],
    *,
    seconds: float,
    alarm: float = ALARM,
    on_batch: Callable[[], None] | None = None,
) -> tuple[Claim, Verdict]:
    """Bet against a claim in law on every instance in turn until one refutes it or the time is
    over.

    Whoever stops the run early, or prolongs it because it looked promising, changes nothing about
    its level. With K instances each has the level alarm/K.

    Args:
        claim: one that is `watchable`.
        instances: to be watched, one batch each in turn.
        seconds: after which no new batch is begun.
        alarm: probability that a true claim is ever REFUTED in this run.
        on_batch: called after each batch.

    Returns:
        The claim with the `Sequential` relation that reproduces the verdict on its instance, and
            the verdict: the refutation, or the nearest to one.

    Raises:
        InputError: if the claim is not `watchable`, or no instance meets its hypotheses.
    """
    require(
        watchable(claim),
        "expected a claim whose relation is a law of the mean, got "
        f"{type(claim.relation).__name__}",
    )
    relation: Any = claim.relation
    law = relation.law if isinstance(relation, Sequential) else relation
    usable = [instance for instance in instances if claim.inapplicable(instance) is None]
    require(
        len(usable) > 0,
        f"expected an instance that meets the hypotheses of {claim.name}, got none of "
        f"{len(instances)}",
    )
    share = alarm / len(usable)
    capitals = [started(law, claim.predict, instance) for instance in usable]
    end, batch, running = time.monotonic() + seconds, 0, True
    while running:
        for capital, instance in zip(capitals, usable, strict=True):
            step(capital, claim.observe, instance, batch)
            if on_batch is not None:
                on_batch()
            running = capital.log < math.log(1 / share) and time.monotonic() < end
            if not running:
                break
        batch += 1
    logs = [capital.log for capital in capitals]
    best = int(np.argmax([math.inf if math.isnan(log) else log for log in logs]))
    watched = replace(claim, relation=Sequential(law=law, alarm=share, batches=batch))
    found = finding(capitals[best], share)
    return watched, Verdict(
        claim.name,
        found.outcome,
        found.grade,
        found.measured,
        found.bound,
        usable[best],
        found.context,
    )


def watch(evidence: Evidence, *, seconds: float, seed: int, alarm: float) -> None:
    """Watch a few drawn instances of the claim and add the verdict to what is known of it.

    Args:
        evidence: of a claim that is `theorems.checking.betting.watchable`; a refutation becomes its
            worst verdict.
        seconds: of betting.
        seed: of the drawing.
        alarm: probability that a true claim is ever refuted here.
    """
    claim = evidence.claim
    drawn = draws(claim.instances(), examples=4 * INSTANCES, seed=seed)
    usable = [instance for instance in drawn if claim.inapplicable(instance) is None][:INSTANCES]
    if not usable:
        return
    watched, verdict = open_ended(claim, usable, seconds=seconds, alarm=alarm)
    evidence.watched = watched, verdict, alarm
    if verdict.outcome is not Outcome.HOLDS:
        evidence.add(verdict)
