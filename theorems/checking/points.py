"""What was tried at generic points and what follows from it: `Trial`, one point; `Generic`, all of
them, with the sentence that they earn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from theorems.claim import Claim
from theorems.impl.generic import SET_SIZE
from theorems.impl.generic.family import Family
from theorems.verdict import Outcome, Verdict


@dataclass(frozen=True)
class Trial:
    """One claim at one generic point.

    Args:
        shape: seed of the discrete choices.
        verdict: what the claim said there.
        degrees: bound on the degree of each part that is an identity; empty where none is, or none
            is known.
        branched: what a side compared drawn numbers by, "order" or "equality": then the identity is
            that of this case.
        reason: why no degree is known; empty if one is.
        beyond: the name of what lies outside the family, if the point does.
    """

    shape: int
    verdict: Verdict
    degrees: Mapping[str, int]
    branched: frozenset[str] = frozenset()
    reason: str = ""
    beyond: str = ""

    @property
    def error_probability(self) -> Fraction | None:
        """Bound on the probability that a false identity passes at such a point; None where nothing
        is known, or can be false.
        """
        degree = max(self.degrees.values(), default=0)
        return (
            Fraction(degree, SET_SIZE) if degree and self.verdict.outcome is Outcome.HOLDS else None
        )


@dataclass(frozen=True)
class Generic:
    """What generic points say about a claim.

    Args:
        claim: the claim.
        trials: every point of the family at which it could be judged.
        reason: why there is none, or why they say nothing; empty if they do.
        family: of which the points are; None if none is known.
        key: seed of the entries, of which `Source` makes them again.
        skipped: shapes at which the claim could not be judged, each with the reason.
        beyond: points outside of the family.
    """

    claim: Claim
    trials: tuple[Trial, ...] = ()
    reason: str = ""
    family: Family | None = None
    key: str = ""
    skipped: Mapping[int, str] = field(default_factory=dict)
    beyond: tuple[Trial, ...] = ()

    @property
    def verdicts(self) -> list[Verdict]:
        """One per point of the family."""
        return [trial.verdict for trial in self.trials]

    @property
    def also(self) -> list[str]:
        """What the identity holds for besides, by the same test: "every pattern of masks"."""
        return [
            name
            for name, trials in self._beyond().items()
            if all(t.error_probability is not None for t in trials)
        ]

    @property
    def not_for(self) -> list[str]:
        """What lies outside of the family, and where the claim fails."""
        return [
            n
            for n, ts in self._beyond().items()
            if any(t.verdict.outcome is Outcome.REFUTED for t in ts)
        ]

    def _beyond(self) -> dict[str, list[Trial]]:
        return {
            name: [t for t in self.beyond if t.beyond == name]
            for name in dict.fromkeys(t.beyond for t in self.beyond)
        }

    @property
    def counted(self) -> list[Trial]:
        """The trials that bear on the identity, those outside of the family included where it holds
        there too.
        """
        if self.reason:
            return []
        return [
            t
            for t in (*self.trials, *self.beyond)
            if t.error_probability is not None and (not t.beyond or t.beyond in self.also)
        ]

    @property
    def error_probability(self) -> float | None:
        """If the identity is false at one of the shapes, it passed at every point of that shape
        with at most this probability.
        """
        if self.refutation is not None or not self.counted:
            return None
        by_shape: dict[tuple[str, int], Fraction] = {}
        for trial in self.counted:
            assert trial.error_probability is not None
            at = trial.beyond, trial.shape
            by_shape[at] = by_shape.get(at, Fraction(1)) * trial.error_probability
        return float(max(by_shape.values()))

    @property
    def refutation(self) -> Verdict | None:
        """The first verdict that refutes the claim: beyond doubt, since nothing rounds and the
        point is in the claim's domain.
        """
        return next((t.verdict for t in self.trials if t.verdict.outcome is Outcome.REFUTED), None)

    @property
    def missing(self) -> str | None:
        """Why there is no error probability, in one line; None if there is one."""
        if self.refutation is not None:
            return "refuted: no probability is left"
        if self.error_probability is not None:
            return None
        if self.reason:
            return self.reason
        degrees = [trial.degrees for trial in self.trials]
        unknown = next((trial.reason for trial in self.trials if trial.reason), "")
        return unknown or (
            "nothing in it could be false at a generic point: both sides are constants there"
            if any(degrees)
            else "it is no identity: inequalities are judged exactly at generic points and earn "
            "no probability"
        )

    @property
    def earned(self) -> str | None:
        """How the grade was earned, in one sentence; None where generic points say nothing."""
        if self.refutation is not None:
            return "refuted in exact arithmetic at a generic point: no error probability is left"
        chance = self.error_probability
        if chance is None or self.family is None:
            return None
        counted = self.counted
        shapes, degree = (
            len({(t.beyond, t.shape) for t in counted}),
            max(max(t.degrees.values()) for t in counted),
        )
        names = sorted({name for t in counted for name in t.degrees} - {""})
        parts = (
            f" (parts that are identities: {', '.join(names)})" if names and len(names) <= 4 else ""
        )
        return (
            f"a polynomial identity of degree at most {degree} in entries drawn from 2^61 "
            f"values passed at {len(counted)} points of {shapes} "
            f"shapes{parts}: if it is false at one of these shapes of the family "
            f'"{self.family.name}"{self._case()}, this happens with '
            f"probability at most {power_of_two(chance)} (Schwartz-Zippel); of what lies "
            f"outside it says nothing{self._besides()}"
        )

    def record(self, reason: str | None) -> dict[str, Any]:
        """For the evidence file: of which family the points are, which they are, and why they say
        nothing if so.
        """
        return {
            "family": self.family.name if self.family is not None else None,
            "kinds": list(self.claim.where),
            "builds": list(self.family.builds) if self.family is not None else [],
            "also": self.also,
            "fails": self.not_for,
            "points": len(self.trials),
            "shapes": sorted({trial.shape for trial in self.trials}),
            "key": self.key,
            "skipped": [{"shape": shape, "reason": why} for shape, why in self.skipped.items()],
            "reason": reason,
        }

    def _case(self) -> str:
        cases = frozenset[str]().union(*(t.branched for t in self.counted))
        words = {
            "order": "with the numbers in the order of the points",
            "equality": "where no two numbers are equal by chance",
        }
        said = [text for case, text in words.items() if case in cases]
        kinds = [f"of the kind {kind!r}" for kind in self.claim.where]
        return "".join(
            f", {text}" for text in (*kinds, *said, *(f"for {name} too" for name in self.also))
        )

    def _besides(self) -> str:
        failing = [
            f"it fails for {name}, outside of the family"
            for name in self.not_for
            if "masks" not in name
        ]
        passed = (
            [f"{len(self.skipped)} shapes could not be tried ({next(iter(self.skipped.values()))})"]
            if self.skipped
            else []
        )
        return "".join(f"; {text}" for text in failing + passed)


def power_of_two(chance: float) -> str:
    """A bound on a probability as a power of two, rounded upwards."""
    return "0" if chance == 0 else f"2^{math.ceil(math.log2(chance) * 10) / 10:g}"
