"""`Proof`: what was decided about a claim by normal forms, and for what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_DRAWN = re.compile(r"v\d+")
"""Names of variables that a source has handed out."""

How = Literal["equal", "sign", "rank", "differs", "open"]


@dataclass(frozen=True)
class Part:
    """One part of a claim in one case.

    Args:
        name: of the part; empty for a side without parts.
        sign: the relation: =, <=, >=, > or "rank".
        how: decided by equal forms, by a sum of squares, by an axis that all monomials pass
            through; "differs" where two forms are to be equal and are not; "open" where no rule
            decides.
        observed: the normal form of the observation, a `Symbolic`.
        predicted: of the prediction.
    """

    name: str
    sign: str
    how: How
    observed: Any = None
    predicted: Any = None

    @property
    def proved(self) -> bool:
        """Whether the part holds."""
        return self.how in ("equal", "sign", "rank")

    @property
    def related(self) -> bool:
        """Whether some variable is more than free: an inverse, values of a function."""
        return any(
            not _DRAWN.fullmatch(node.name) or node.algebra is not None
            for side in (self.observed, self.predicted)
            for term in side.terms
            for node, _ in term.factors
        )


@dataclass(frozen=True)
class CaseProof:
    """All parts in one case.

    Args:
        words: which case.
        parts: of the claim.
        relations: of variables, as far as they were used.
        shown: names of variables for a reader.
        rule: by which the case serves the others; empty for one that stands for itself.
        wider: whether there are more instances than the claim speaks of.
        narrowed: a condition of the claim of which symbols cannot tell who meets it.
    """

    words: str
    parts: tuple[Part, ...]
    relations: tuple[str, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""
    wider: bool = False
    narrowed: str = ""

    @property
    def decided(self) -> bool:
        """Whether all of it is proved, or some forms differ."""
        return all(part.proved for part in self.parts) or any(
            part.how == "differs" for part in self.parts
        )


_RULES = {
    "equal": "equal normal forms",
    "sign": "sums of a factor times its mirror image",
    "rank": "all monomials pass through few axes",
}


@dataclass(frozen=True)
class Proof:
    """What was decided.

    Args:
        claim: name of the claim.
        words: for what: sizes, masks, depth, any loss.
        cases: every alternative that was looked at.
        reason: why the claim is not of this form, or was not looked at; empty otherwise.
        seconds: how long it took.
        beyond: what is drawn besides and was not looked at.
    """

    claim: str
    words: str = ""
    cases: tuple[CaseProof, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    beyond: str = ""

    @property
    def parts(self) -> list[Part]:
        """Of all cases."""
        return [part for case in self.cases for part in case.parts]

    @property
    def proved(self) -> bool:
        """Whether every part of every case is."""
        return not self.reason and bool(self.parts) and all(part.proved for part in self.parts)

    @property
    def differing(self) -> list[tuple[CaseProof, Part]]:
        """Parts whose two sides are to be equal and have different forms, those of free variables
        alone first.
        """
        found = [(c, part) for c in self.cases for part in c.parts if part.how == "differs"]
        return sorted(found, key=lambda pair: pair[0].wider or pair[1].related)

    @property
    def refutable(self) -> list[tuple[CaseProof, Part]]:
        """Where an instance may refute: forms of free variables that differ, ranks in the claim's
        own domain that no rule bounds.
        """
        if self.differing:
            return [] if self.related else self.differing
        return [
            (c, p)
            for c in self.cases
            for p in c.parts
            if p.sign == "rank" and p.how == "open" and not c.wider
        ]

    @property
    def related(self) -> bool:
        """Whether nothing that differs is of free variables in the claim's own domain: then
        different forms do not refute.
        """
        return all(case.wider or part.related for case, part in self.differing)

    @property
    def rules(self) -> list[str]:
        """What was used, in words."""
        found = [_RULES[how] for how in _RULES if any(part.how == how for part in self.parts)]
        found += [case.rule for case in self.cases if case.rule]
        return found + list(dict.fromkeys(name for case in self.cases for name in case.relations))

    @property
    def status(self) -> str:
        """One word or a few: proved, differs, no normal form found, proved in parts, not of this
        form.
        """
        if self.reason:
            return "not of this form"
        if self.proved:
            return "proved"
        if self.differing:
            return "no normal form found" if self.related else "differs"
        return "proved in parts" if any(part.proved for part in self.parts) else "not decided"

    @property
    def told(self) -> bool:
        """Whether there is more to say than that the claim is of another kind."""
        return self.status != "not of this form"

    @property
    def sentence(self) -> str:
        """What a verdict says of it."""
        if self.reason:
            return f"not proved, not of this form: {self.reason}"
        if self.proved:
            more = f"; {self.beyond} are drawn, not proved" if self.beyond else ""
            return f"proved for {self.words}, by {', '.join(self.rules)}{more}"
        left = list(
            dict.fromkeys(part.name or "the claim" for part in self.parts if not part.proved)
        )
        names = ", ".join(left[:4]) + (", …" if len(left) > 4 else "")
        if self.status == "differs":
            return f"both sides have different normal forms ({names}): false at some size"
        less = next((case.narrowed for case, _ in self.differing if case.narrowed), "")
        if self.status == "no normal form found" and less:
            return (
                f"not proved: the sides have different normal forms ({names}), and on symbols it "
                f"cannot be seen which instances meet {less!r}"
            )
        if self.status == "no normal form found":
            found = f"not proved: no normal form found in which both sides agree ({names})"
            return f"{found}: {self._why_not}, so that nothing is refuted"
        ranks = all(part.sign == "rank" for part in self.parts if not part.proved)
        what = "axes so few through which all passes" if ranks else "sum of squares"
        return f"not proved: no rule decides {names}: no {what} was found, which refutes nothing"

    @property
    def _why_not(self) -> str:
        """Why different forms may be equal."""
        if any(case.wider for case, _ in self.differing):
            return "symbols stand for more than what is drawn"
        return "some variables are related, or values of functions"

    def record(self) -> dict[str, Any]:
        """For the evidence file."""
        return {
            "status": self.status,
            "words": self.words if self.proved else "",
            "rules": self.rules if self.proved else [],
            "sentence": self.sentence,
        }
