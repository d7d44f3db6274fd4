"""The open-ended part of a search: bet against a claim in law for as long as there is time."""

from __future__ import annotations

from theorems.evidence.collected import Evidence
from theorems.relations.sequential import open_ended
from theorems.searching.drawing import draws
from theorems.verdict import Outcome

INSTANCES = 8
"""Drawn instances that are watched in turn."""


def watch(evidence: Evidence, *, seconds: float, seed: int, alarm: float) -> None:
    """Watch a few drawn instances of the claim and add the verdict to what is known of it.

    Args:
        evidence: of a claim that is `theorems.relations.sequential.watchable`; a refutation becomes its worst verdict.
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
