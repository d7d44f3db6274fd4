"""What an evidence file says of one claim and of one verdict, whatever a run has seen; reading it
imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from theorems.papers import paper_title
from theorems.related import related_to

if TYPE_CHECKING:
    from theorems.claim import Claim
    from theorems.verdict import Verdict

Record: TypeAlias = dict[str, Any]
"""One claim's entry."""


def finite(value: float | None) -> float | None:
    """The number, or None where JSON has none."""
    number = float("nan") if value is None else float(value)
    return number if abs(number) < float("inf") else None


def place(where: str, verdict: Verdict) -> Record:
    """One verdict at one place: a layer, a stack, a test."""
    compared = verdict.grade is not None
    return {
        "where": where,
        "outcome": verdict.outcome.name,
        "grade": verdict.grade.name if verdict.grade is not None else None,
        "measured": finite(verdict.measured) if compared else None,
        "bound": finite(verdict.bound) if compared else None,
        "reason": str(verdict.context["reason"]) if "reason" in verdict.context else None,
    }


def described(claim: Claim) -> Record:
    """What a claim's entry in the file says whatever a run has seen."""
    return {
        "name": claim.name,
        "arxiv": claim.source.arxiv,
        "paper": paper_title(claim.source.arxiv, claim.tag),
        "where": claim.source.where,
        "tag": claim.tag,
        "expected": claim.expected.name,
        "statement": claim.statement,
        "summary": claim.summary,
        "related": related_to(claim.name),
    }
