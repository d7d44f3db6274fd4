"""The false-alarm probability of a whole run: how it is shared out, and how much of it was spent.

A verdict of grade STATISTICAL calls a true claim REFUTED with probability at most the ``alarm`` of
its relation; verdicts of the other grades never do by chance. By the union bound, which asks for no
independence, a run has at most the sum over its statistical verdicts. Verdicts on mutants do not
count: to refute a wrong variant by chance is no false alarm about a claim.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Protocol

from theorems.claim import Claim
from theorems.verdict import Outcome

FAMILY = 1e-6
"""What a whole run may spend."""


class Counted(Protocol):
    """What is read off the evidence of a run."""

    claim: Claim
    outcomes: Any
    watched: Any


def alarm_of(claim: Claim) -> float | None:
    """False-alarm probability of one verdict; None for a claim whose relation leaves nothing to
    chance.
    """
    return getattr(claim.relation, "alarm", None)


def shared_out(claims: Iterable[Claim], verdicts: int, *, family: float = FAMILY) -> list[Claim]:
    """The same claims, their alarms made so small that ``verdicts`` of each stay within ``family``
    together.

    Alarms that are small enough already stay as they are; otherwise all shrink by one factor.
    """
    claims = list(claims)
    planned = sum((alarm_of(claim) or 0.0) * verdicts for claim in claims)
    if planned <= family:
        return claims
    return [alarm_shared(claim, planned / family) for claim in claims]


def alarm_shared(claim: Claim, parts: float) -> Claim:
    """The same claim with its alarm divided, for verdicts that count as one together; one that
    leaves nothing to chance as it is.
    """
    alarm, relation = alarm_of(claim), claim.relation
    if alarm is None or parts == 1:
        return claim
    smaller: Any = replace(relation, alarm=alarm / parts)  # type: ignore[type-var]
    return replace(claim, relation=smaller)


def spent(evidence: Iterable[Counted]) -> tuple[float, int] | None:
    """What the statistical verdicts of a run add up to, and how many they were; None if there were
    none.
    """
    total, count = 0.0, 0
    for seen in evidence:
        alarm = alarm_of(seen.claim)
        verdicts = seen.outcomes.total() - seen.outcomes[Outcome.INAPPLICABLE]
        if alarm is not None:
            total, count = total + alarm * verdicts, count + verdicts
        if seen.watched is not None:
            total, count = total + seen.watched[2], count + 1
    return (min(total, 1.0), count) if count else None


def together(parts: Iterable[tuple[float, int] | None]) -> tuple[float, int] | None:
    """What several parts of a run spent, in whatever order they come; None if none of them left
    anything to chance.
    """
    found = [part for part in parts if part is not None]
    return (
        (min(math.fsum(alarm for alarm, _ in found), 1.0), sum(count for _, count in found))
        if found
        else None
    )


def said(alarm: float, verdicts: int) -> str:
    """What `spent` found, for a terminal."""
    return (
        f"chance alone refutes a true claim in this run with probability at most {alarm:.2g} "
        f"({verdicts} statistical verdicts)"
    )
