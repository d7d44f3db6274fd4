"""What a check can answer, how strongly it was established, and the answer itself."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


class Outcome(enum.Enum):
    """The four answers; the value is the explanation."""

    HOLDS = "the prediction agrees with the observation within its bound"
    REFUTED = "the prediction differs from the observation by more than its bound"
    INAPPLICABLE = "a hypothesis of the claim is not met, so the claim says nothing here"
    UNDECIDED = "the bound is too loose to tell"


class Grade(enum.IntEnum):
    """How an outcome was established, the stronger the larger; earned by the run, never declared.

    PROVED is a grade of claims, never of a verdict on one instance: `theorems.proving` earns it.
    """

    STATISTICAL = 1
    NUMERICAL = 2
    CERTIFIED = 3
    EXACT = 4
    PROVED = 5

    @property
    def meaning(self) -> str:
        """One line for a reader."""
        return _MEANING[self]


_MEANING = {
    Grade.PROVED: "both sides have one normal form: true at every size that the verdict names",
    Grade.EXACT: "no operation rounded: compared with ==",
    Grade.CERTIFIED: "enclosed by ball arithmetic",
    Grade.NUMERICAL: "within a rounding bound derived from shapes and magnitudes",
    Grade.STATISTICAL: "a test with a stated false-alarm probability, or a fit under a stated "
    "class of corrections",
}


@dataclass(frozen=True, eq=False)
class Verdict:
    """The answer of one claim on one instance. Truthy only if the claim HOLDS; ``repr`` is the
    failure message.

    Args:
        claim: name of the claim (a mutant's name follows a colon).
        outcome: one of the four answers.
        grade: how it was established; None where there is no comparison (INAPPLICABLE).
        measured: residual of the worst entry.
        bound: what the residual of that entry may be at most.
        instance: what was checked.
        context: anything a reader needs: the worst part and entry, both sides there, the reason of
            INAPPLICABLE.
    """

    claim: str
    outcome: Outcome
    grade: Grade | None = None
    measured: float = 0.0
    bound: float = 0.0
    instance: Any = None
    context: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether the claim HOLDS."""
        return self.outcome is Outcome.HOLDS

    @property
    def ratio(self) -> float:
        """Residual over bound at the worst entry; 0 for an exact zero."""
        if self.measured == 0:
            return 0.0
        return self.measured / self.bound if self.bound > 0 else float("inf")

    def __repr__(self) -> str:
        """Claim, outcome, both numbers and the context, on a few lines."""
        grade = f" ({self.grade.name})" if self.grade is not None else ""
        lines = [f"{self.claim}: {self.outcome.name}{grade}, {self.outcome.value}"]
        if self.grade is not None:
            lines.append(f"  residual {self.measured:.6g}, bound {self.bound:.6g}")
        lines += [f"  {name}: {value}" for name, value in self.context.items()]
        return "\n".join(lines)


_SEVERITY = (Outcome.INAPPLICABLE, Outcome.HOLDS, Outcome.UNDECIDED, Outcome.REFUTED)


def worst_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Of the verdicts on the members of a stack the worst, which says whose it is and how all came
    out.

    A stack HOLDS if no member does worse, with the weakest grade among those that hold.
    """
    order = sorted(
        range(len(verdicts)),
        key=lambda at: (_SEVERITY.index(verdicts[at].outcome), verdicts[at].ratio),
    )
    worst = verdicts[order[-1]]
    alike = [
        verdict.grade
        for verdict in verdicts
        if verdict.outcome is worst.outcome and verdict.grade is not None
    ]
    grade = min(alike) if alike and worst.outcome is Outcome.HOLDS else worst.grade
    counted = Counter(verdict.outcome.name for verdict in verdicts)
    members = ", ".join(f"{count} {name}" for name, count in counted.items())
    # it is of many at once
    whose = {} if sum(verdict is worst for verdict in verdicts) > 1 else {"member": order[-1]}
    return replace(worst, grade=grade, context={**whose, "members": members, **worst.context})
