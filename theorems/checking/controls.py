"""How a mutant fared, and what dropping a hypothesis does."""

from __future__ import annotations

from dataclasses import dataclass

from theorems.verdict import Outcome


@dataclass
class Control:
    """A mutant and how it fared.

    Args:
        name: of the mutant.
        refuted: whether an instance refuted it.
        instances: how many instances it had seen by then, or in all.
        tried: on how many of these it applied.
        power: fraction of them that refuted it, where chance decides (a claim in law).
    """

    name: str
    refuted: bool = False
    instances: int = 0
    tried: int = 0
    power: float | None = None

    def take(self, outcome: Outcome, *, statistical: bool) -> None:
        """Count one instance."""
        self.instances += not self.refuted
        if outcome is Outcome.INAPPLICABLE:
            return
        hits = (self.power or 0.0) * self.tried + (outcome is Outcome.REFUTED)
        self.tried += 1
        self.power = hits / self.tried if statistical else None
        self.refuted = self.refuted or outcome is Outcome.REFUTED


@dataclass
class Condition:
    """A hypothesis and what dropping it does.

    Args:
        name: of the hypothesis.
        checked: whether the claim looks for a violation; if not, a violation must show as REFUTED.
        noticed: whether every violating instance drawn came out INAPPLICABLE (or, unchecked, some
            were refuted); None: not tried.
        bites: whether without the check some violating instance is refuted or cannot be evaluated;
            None: not tried.
        without: the worst that then happens: "refuted", "raises", "undecided", or "holds" where the
            claim survives its loss.
        meaning: why it need not bite: it gives the statement its meaning; None where it must.
    """

    name: str
    checked: bool
    noticed: bool | None = None
    bites: bool | None = None
    without: str | None = None
    meaning: str | None = None

    @property
    def idle(self) -> bool:
        """Whether it gives meaning only: nothing is refuted without it, and the claim says why."""
        return self.meaning is not None and self.bites is not True
