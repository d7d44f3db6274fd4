"""What a run has seen of one claim, and its entry in the evidence file."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from theorems.checking.alarms import spent
from theorems.checking.controls import Condition, Control
from theorems.checking.measures import fingerprint, sizes_of, spread
from theorems.checking.points import Generic
from theorems.checking.records import described, finite, place
from theorems.claim import Claim
from theorems.identities import NO_IDENTITY
from theorems.proving.proof import Proof
from theorems.verdict import Grade, Outcome, Verdict

TRIED = 20
"""Where a claim speaks of fewer than one in so many of the instances drawn, nobody has tried it."""


@dataclass
class Evidence:
    """What a run has seen of one claim.

    Args:
        claim: the claim.
        outcomes: how many instances came out how.
        grades: how many verdicts that count had which grade.
        worst: the verdict that counts: the refutation (shrunk) if there is one, else the one
            nearest to its bound.
        ratios: residual/bound of every instance on which something could round.
        controls: the mutants.
        conditions: the hypotheses.
        distinct: how many different instances there were among those drawn.
        sizes: of the instances drawn, by name: the smallest and the largest.
        places: on a user's model, the verdict at each place of the network.
        watched: what an open-ended test has done: the claim with the test that reproduces it, its
            verdict, its level; None if there was none.
        generic: what generic points say.
        proof: whether the claim was decided for all sizes; None if nobody asked.
        script: a standalone script of the counterexample, and the file it was written to.
        seconds: wall-clock time.
        unmet: on how many instances which hypothesis was not met.
        drawn: whether the instances were drawn from the claim's strategy, and are not somebody's
            own.
    """

    claim: Claim
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    grades: Counter[Grade] = field(default_factory=Counter)
    worst: Verdict | None = None
    ratios: list[float] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    distinct: int = 0
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    places: list[tuple[str, Verdict]] = field(default_factory=list)
    watched: tuple[Claim, Verdict, float] | None = None
    generic: Generic | None = None
    proof: Proof | None = None
    script: tuple[str | None, str | None] = (None, None)
    seconds: float = 0.0
    unmet: Counter[str] = field(default_factory=Counter)
    drawn: bool = True
    _seen: set[Any] = field(default_factory=set, repr=False)

    @property
    def instances(self) -> int:
        """How many instances were drawn."""
        return self.outcomes.total()

    @property
    def mutants(self) -> int:
        """How many mutants there are."""
        return len(self.controls)

    @property
    def survivors(self) -> list[str]:
        """Mutants that no instance refuted."""
        return [control.name for control in self.controls if not control.refuted]

    @property
    def outcome(self) -> Outcome:
        """REFUTED if any instance was, else UNDECIDED if any was, or next to none was spoken of,
        else HOLDS if any did.

        INAPPLICABLE never counts.
        """
        found = self._met
        return Outcome.UNDECIDED if found is Outcome.HOLDS and self.untried is not None else found

    @property
    def _met(self) -> Outcome:
        """The most severe outcome of an instance."""
        for outcome in (Outcome.REFUTED, Outcome.UNDECIDED, Outcome.HOLDS):
            if self.outcomes[outcome]:
                return outcome
        return Outcome.INAPPLICABLE

    @property
    def judged(self) -> int:
        """Of how many of the instances the claim spoke."""
        return self.instances - self.outcomes[Outcome.INAPPLICABLE]

    @property
    def spoken_of(self) -> str | None:
        """Of how many instances the claim spoke and what the others lacked, in words; None if it
        spoke of at least half.
        """
        if not self.drawn or 2 * self.judged >= self.instances:
            return None
        lacking = ", ".join(f"{name!r} on {count}" for name, count in self.unmet.most_common(2))
        return f"spoke of {self.judged} of {self.instances} instances; not met: {lacking}"

    @property
    def untried(self) -> str | None:
        """Why a claim that was refuted nowhere has not been tried, and what to do; None if it has
        been.
        """
        spoken = self.spoken_of
        if (
            spoken is None
            or self.judged * TRIED >= self.instances
            or self._met is not Outcome.HOLDS
        ):
            return None
        if self.generic is not None and self.generic.error_probability is not None:
            return None  # its generic points were not drawn, and meet the hypotheses
        if self.proof is not None and self.proof.proved:
            return None  # nor were the symbols of its proof
        return (
            f"{spoken}. Draw what it is about: on= a strategy of such instances, or where= in "
            "place of a hypothesis"
        )

    @property
    def grade(self) -> Grade | None:
        """The strongest grade that was earned: by verdicts of this outcome, generic points
        included, or by a proof of what HOLDS on them all.
        """
        if self.proved:
            return Grade.PROVED
        return max((*self.grades, *self.generic_grades), default=None)

    @property
    def proved(self) -> bool:
        """Whether the claim is proved for all sizes and everything that was drawn agrees."""
        agrees = self.outcome is Outcome.HOLDS and (
            self.generic is None or self.generic.refutation is None
        )
        return agrees and self.proof is not None and self.proof.proved

    @property
    def generic_grades(self) -> Counter[Grade]:
        """What passes at generic points earned: nobody drew them, so they are counted apart."""
        if (
            self.generic is None
            or self.outcome is not Outcome.HOLDS
            or self.generic.refutation is not None
        ):
            return Counter()
        return Counter(
            verdict.grade for verdict in self.generic.verdicts if verdict.grade is not None
        )

    @property
    def as_expected(self) -> bool:
        """Whether the claim came out as the catalogue says."""
        return self.outcome is self.claim.expected

    @property
    def median_instances(self) -> float | None:
        """Median over the refuted mutants of the instances drawn until then; None if none was
        refuted.
        """
        needed = [control.instances for control in self.controls if control.refuted]
        return statistics.median(needed) if needed else None

    @property
    def error_probability(self) -> float | None:
        """With which probability an identity passes the generic points if it is false
        (Schwartz-Zippel); None unless it HOLDS.
        """
        if self.generic is None or self.outcome is not Outcome.HOLDS:
            return None
        return self.generic.error_probability

    @property
    def family(self) -> str | None:
        """What `error_probability` is about, in words; None where there is none."""
        family = self.generic.family if self.generic is not None else None
        return family.name if family is not None and self.error_probability is not None else None

    @property
    def no_error_probability(self) -> str | None:
        """Why there is none, in one line; None if there is one, or if nobody has looked."""
        if self.generic is None or self.error_probability is not None:
            return None
        if self.outcome is not Outcome.HOLDS:
            return f"{self.outcome.name}: only what HOLDS has one"
        known = (
            ""
            if self.claim.tag == "conjecture" or self.generic.family
            else NO_IDENTITY.get(self.claim.name)
        )
        return known or self.generic.missing

    @property
    def earned(self) -> str:
        """One sentence: how many instances came out so, and how each grade among them was
        earned.
        """
        if not self.grades:
            return f"{self.outcome.value} ({self.instances} instances)."
        parts = [
            f"{count} {grade.name} ({grade.meaning})"
            for grade, count in sorted(self.grades.items(), reverse=True)
        ]
        generic, sentence = self.generic, None
        if generic is not None and (
            self.error_probability is not None or generic.refutation is not None
        ):
            sentence = generic.earned
        elif generic is not None and self.outcome is Outcome.HOLDS:
            sentence = f"no error probability: {self.no_error_probability}"
        chance = f"; {sentence}" if sentence else ""
        if self.untried is not None:
            return f"{self.outcome.name}: {self.untried}."
        if self.proof is not None and self.outcome is Outcome.HOLDS and self.proof.told:
            chance += f"; {self.proof.sentence}"
        return (
            f"{self.outcome.name} on {self.outcomes[self.outcome]} of {self.instances} "
            f"instances: {', '.join(parts)}{chance}."
        )

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        before = self._met
        self.outcomes[verdict.outcome] += 1
        key = hash(fingerprint(verdict.instance))
        self.distinct += key not in self._seen
        self._seen.add(key)
        for name, size in sizes_of(verdict.instance).items():
            low, high = self.sizes.get(name, (size, size))
            self.sizes[name] = min(low, size), max(high, size)
        if verdict.outcome is Outcome.INAPPLICABLE:
            self.unmet[str(verdict.context.get("hypothesis", ""))] += 1
            return
        met = self._met
        if met is not before and verdict.outcome is met:
            self.grades.clear()
            self.worst = None
        if verdict.outcome is met and verdict.grade is not None:
            self.grades[verdict.grade] += 1
        if verdict.grade is Grade.NUMERICAL and math.isfinite(verdict.ratio):
            self.ratios.append(verdict.ratio)
        if verdict.outcome is met and (self.worst is None or verdict.ratio > self.worst.ratio):
            self.worst = verdict

    @property
    def detectable(self) -> str | None:
        """How large an effect a pass in law would have seen, of the verdict nearest to its bound;
        None where nothing is random.
        """
        if self.worst is None or self.outcome is not Outcome.HOLDS:
            return None
        found = self.worst.context.get("detectable effect")
        if found is None:
            return None
        what = (
            "an exponent"
            if "drift of the local exponent" in self.worst.context
            else "a distance of the laws"
        )
        return found if isinstance(found, str) else f"{what} that is off by {float(found):.3g}"

    def add_generic(self, generic: Generic) -> None:
        """Take in what generic points say: a refutation counts as one instance, passes are counted
        apart.
        """
        self.generic = generic
        if generic.refutation is not None and self.outcome is not Outcome.REFUTED:
            self.add(generic.refutation)

    def _points(self) -> dict[str, Any] | None:
        """Points that nobody drew: of which family they are, what they earned, why they say nothing
        if so.
        """
        if self.generic is None:
            return None
        earned = {
            grade.name: count for grade, count in sorted(self.generic_grades.items(), reverse=True)
        }
        return self.generic.record(self.no_error_probability) | {"grades": earned}

    def record(self) -> dict[str, Any]:
        """The claim's entry in the JSON file (schema 1)."""
        worst, claim = self.worst, self.claim
        return {
            **described(claim),
            "outcome": self.outcome.name,
            "grade": self.grade.name if self.grade is not None else None,
            "grades": {
                grade.name: count for grade, count in sorted(self.grades.items(), reverse=True)
            },
            "measured": finite(worst.measured) if worst is not None else None,
            "bound": finite(worst.bound) if worst is not None else None,
            "instances": self.instances,
            "distinct": self.distinct,
            "sizes": {name: list(ends) for name, ends in self.sizes.items()},
            "refuted": self.outcomes[Outcome.REFUTED],
            "inapplicable": self.outcomes[Outcome.INAPPLICABLE],
            "undecided": self.outcomes[Outcome.UNDECIDED],
            "judged": self.judged,
            "untried": self.untried,
            "mutants": {
                "refuted": self.mutants - len(self.survivors),
                "total": self.mutants,
                "median_instances": self.median_instances,
                "each": [
                    {
                        "name": c.name,
                        "refuted": c.refuted,
                        "instances": c.instances,
                        "power": c.power,
                    }
                    for c in self.controls
                ],
            },
            "hypotheses": {
                "bite": sum(condition.bites is True for condition in self.conditions),
                "total": len(self.conditions),
                "meaning": sum(condition.idle for condition in self.conditions),
                "each": [vars(condition) for condition in self.conditions],
            },
            "ratios": spread(self.ratios),
            "earned": self.earned,
            "error_probability": self.error_probability,
            "generic": self._points(),
            "proof": None if self.proof is None else self.proof.record(),
            "detectable": self.detectable,
            "false_alarm": None if (chance := spent([self])) is None else chance[0],
            "counterexample": self._counterexample(),
            "places": [place(where, verdict) for where, verdict in self.places],
            "seconds": round(self.seconds, 3),
        }

    def _counterexample(self) -> dict[str, Any] | None:
        if self.worst is None or self.outcome is not Outcome.REFUTED:
            return None
        text, file = self.script
        return {
            "text": repr(self.worst),
            "instance": repr(self.worst.instance),
            "script": text,
            "file": file,
        }
