"""What a run has seen of one claim, and its entry in the evidence file."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theorems.claim import Claim
from theorems.evidence.controls import Condition, Control
from theorems.evidence.file import described, finite
from theorems.identities import NO_IDENTITY
from theorems.impl.operands import Instance
from theorems.points import Generic
from theorems.relations.alarms import spent
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
        controls: the mutants.
        conditions: the hypotheses.
        distinct: how many different instances there were among those drawn.
        sizes: of the instances drawn, by name: the smallest and the largest.
        places: on a user's model, the verdict at each place of the network.
        watched: what an open-ended test has done: the claim with the test that reproduces it, its verdict, its level; None if there was none.
        generic: what generic points say.
        script: a standalone script of the counterexample, and the file it was written to.
        seconds: wall-clock time.
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
    script: tuple[str | None, str | None] = (None, None)
    seconds: float = 0.0
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
        """REFUTED if any instance was, else UNDECIDED if any was, else HOLDS if any did: INAPPLICABLE never counts."""
        for outcome in (Outcome.REFUTED, Outcome.UNDECIDED, Outcome.HOLDS):
            if self.outcomes[outcome]:
                return outcome
        return Outcome.INAPPLICABLE

    @property
    def grade(self) -> Grade | None:
        """The strongest grade that verdicts of this outcome earned, generic points included; of drawn instances `grades` has the counts."""
        return max((*self.grades, *self.generic_grades), default=None)

    @property
    def generic_grades(self) -> Counter[Grade]:
        """What passes at generic points earned: nobody drew them, so they are counted apart."""
        if self.generic is None or self.outcome is not Outcome.HOLDS or self.generic.refutation is not None:
            return Counter()
        return Counter(verdict.grade for verdict in self.generic.verdicts if verdict.grade is not None)

    @property
    def as_expected(self) -> bool:
        """Whether the claim came out as the catalogue says."""
        return self.outcome is self.claim.expected

    @property
    def median_instances(self) -> float | None:
        """Median over the refuted mutants of the instances drawn until then; None if none was refuted."""
        needed = [control.instances for control in self.controls if control.refuted]
        return statistics.median(needed) if needed else None

    @property
    def error_probability(self) -> float | None:
        """With which probability an identity passes the generic points if it is false (Schwartz-Zippel); None unless it HOLDS."""
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
        known = "" if self.claim.tag == "conjecture" or self.generic.family else NO_IDENTITY.get(self.claim.name)
        return known or self.generic.missing

    @property
    def earned(self) -> str:
        """One sentence: how many instances came out so, and how each grade among them was earned."""
        if not self.grades:
            return f"{self.outcome.value} ({self.instances} instances)."
        parts = [
            f"{count} {grade.name} ({grade.meaning})" for grade, count in sorted(self.grades.items(), reverse=True)
        ]
        generic, sentence = self.generic, None
        if generic is not None and (self.error_probability is not None or generic.refutation is not None):
            sentence = generic.earned
        elif generic is not None and self.outcome is Outcome.HOLDS:
            sentence = f"no error probability: {self.no_error_probability}"
        chance = f"; {sentence}" if sentence else ""
        return f"{self.outcome.name} on {self.outcomes[self.outcome]} of {self.instances} instances: {', '.join(parts)}{chance}."

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        before = self.outcome
        self.outcomes[verdict.outcome] += 1
        key = hash(fingerprint(verdict.instance))
        self.distinct += key not in self._seen
        self._seen.add(key)
        for name, size in sizes_of(verdict.instance).items():
            low, high = self.sizes.get(name, (size, size))
            self.sizes[name] = min(low, size), max(high, size)
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

    @property
    def detectable(self) -> str | None:
        """How large an effect a pass in law would have seen, of the verdict nearest to its bound; None where nothing is random."""
        if self.worst is None or self.outcome is not Outcome.HOLDS:
            return None
        found = self.worst.context.get("detectable effect")
        if found is None:
            return None
        what = "an exponent" if "drift of the local exponent" in self.worst.context else "a distance of the laws"
        return found if isinstance(found, str) else f"{what} that is off by {float(found):.3g}"

    def add_generic(self, generic: Generic) -> None:
        """Take in what generic points say: a refutation counts as one instance, passes are counted apart."""
        self.generic = generic
        if generic.refutation is not None and self.outcome is not Outcome.REFUTED:
            self.add(generic.refutation)

    def _points(self) -> dict[str, Any] | None:
        """Points that nobody drew: of which family they are, what they earned, why they say nothing if so."""
        if self.generic is None:
            return None
        earned = {grade.name: count for grade, count in sorted(self.generic_grades.items(), reverse=True)}
        return self.generic.record(self.no_error_probability) | {"grades": earned}

    def record(self) -> dict[str, Any]:
        """The claim's entry in the JSON file (schema 1)."""
        worst, claim = self.worst, self.claim
        return {
            **described(claim),
            "outcome": self.outcome.name,
            "grade": self.grade.name if self.grade is not None else None,
            "grades": {grade.name: count for grade, count in sorted(self.grades.items(), reverse=True)},
            "measured": finite(worst.measured) if worst is not None else None,
            "bound": finite(worst.bound) if worst is not None else None,
            "instances": self.instances,
            "distinct": self.distinct,
            "sizes": {name: list(ends) for name, ends in self.sizes.items()},
            "refuted": self.outcomes[Outcome.REFUTED],
            "inapplicable": self.outcomes[Outcome.INAPPLICABLE],
            "undecided": self.outcomes[Outcome.UNDECIDED],
            "mutants": {
                "refuted": self.mutants - len(self.survivors),
                "total": self.mutants,
                "median_instances": self.median_instances,
                "each": [
                    {"name": c.name, "refuted": c.refuted, "instances": c.instances, "power": c.power}
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
            "detectable": self.detectable,
            "false_alarm": None if (chance := spent([self])) is None else chance[0],
            "counterexample": self._counterexample(),
            "places": [_place(where, verdict) for where, verdict in self.places],
            "seconds": round(self.seconds, 3),
        }

    def _counterexample(self) -> dict[str, Any] | None:
        if self.worst is None or self.outcome is not Outcome.REFUTED:
            return None
        text, file = self.script
        return {"text": repr(self.worst), "instance": repr(self.worst.instance), "script": text, "file": file}


def spread(ratios: list[float]) -> dict[str, Any] | None:
    """Median, largest and decades of residual/bound: [−3, 7] says that seven lie in [1e-3, 1e-2); exact zeros are counted apart."""
    if not ratios:
        return None
    decades = Counter(math.floor(math.log10(ratio)) for ratio in ratios if ratio > 0)
    return {
        "median": statistics.median(ratios),
        "largest": max(ratios),
        "histogram": [[decade, count] for decade, count in sorted(decades.items())],
        "zeros": sum(ratio == 0 for ratio in ratios),
    }


def sizes_of(instance: Any) -> dict[str, int]:
    """The sizes that an instance says it has; none for what is no instance."""
    return instance.extents() if isinstance(instance, Instance) else {}


def fingerprint(value: Any) -> Any:
    """Something hashable that is equal for equal instances: the numbers themselves, not their addresses."""
    if isinstance(value, Tensor):
        array = value.detach().cpu().resolve_conj().contiguous()
        numbers = array.reshape(-1).view(torch.uint8).numpy().tobytes()  # numpy has no bfloat16
        return str(array.dtype), tuple(array.shape), numbers
    if isinstance(value, np.ndarray):
        return value.shape, repr(value.tolist()) if value.dtype == object else value.tobytes()
    if isinstance(value, Mapping):
        return tuple((key, fingerprint(part)) for key, part in value.items())
    if isinstance(value, tuple | list):
        return tuple(fingerprint(part) for part in value)
    if hasattr(value, "__dataclass_fields__"):
        return type(value).__name__, tuple(fingerprint(getattr(value, name)) for name in value.__dataclass_fields__)
    return repr(value)


def _place(where: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "where": where,
        "outcome": verdict.outcome.name,
        "grade": verdict.grade.name if verdict.grade is not None else None,
        "measured": finite(verdict.measured),
        "bound": finite(verdict.bound),
        "reason": verdict.context.get("reason"),
    }
