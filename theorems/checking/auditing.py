"""Are the rounding bounds right, and are they sharp? Residual/bound over many instances, tame and
wild, and the smallest error that is caught.

An audit looks at verdicts of the grade NUMERICAL alone: ball arithmetic and exact numbers are
switched off where a bound is at hand.
"""

from __future__ import annotations

import math
import statistics
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import torch

from theorems.claim import Claim
from theorems.domains import law, same_law
from theorems.impl.errors import InputError
from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.rounded import Ball
from theorems.impl.strategies.sampling import visit
from theorems.impl.strategies.wild import FORMATS, KINDS, Refusal
from theorems.impl.strategies.wild_tables import WHOLE, WILD, WILD_FOR
from theorems.relations.minimum import Spectrum
from theorems.relations.ranks import Within
from theorems.statements import EvaluationError
from theorems.verdict import Grade, Outcome, Verdict

DRAWN = "drawn"
"""The regime of a claim's own instances."""

REGIMES = (DRAWN, *(f"{name} {kind}" for name in FORMATS for kind in KINDS))

_CHUNK = 50
"""Instances per call of Hypothesis: between chunks the clock is read."""


@dataclass
class Tally:
    """What one claim did in one regime.

    Args:
        counts: outcomes by name, besides "refused" (no instance could be built) and "crashed".
        ratios: residual/bound of every numerical verdict that HOLDS or is REFUTED.
        flaws: repr of every refutation, and every traceback; the first few.
    """

    counts: Counter[str] = field(default_factory=Counter)
    ratios: list[float] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add up."""
        self.counts += other.counts
        self.ratios += other.ratios
        self.flaws += other.flaws


@dataclass
class Audit:
    """Everything about one claim: a tally per regime, and the smallest relative error in the
    observation that tame instances refute.
    """

    claim: Claim
    regimes: dict[str, Tally] = field(default_factory=dict)
    powers: list[float] = field(default_factory=list)

    @property
    def total(self) -> Tally:
        """All regimes together."""
        out = Tally()
        for tally in self.regimes.values():
            out.add(tally)
        return out

    @property
    def false(self) -> int:
        """Refutations (of a claim that holds) and crashes."""
        return self.total.counts["REFUTED"] + self.total.counts["crashed"]

    @property
    def power(self) -> float | None:
        """Median over tame instances of the smallest power of ten that, as a relative error, is
        refuted; None if none is.
        """
        return statistics.median(self.powers) if self.powers else None

    def record(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            "name": self.claim.name,
            "power": self.power,
            "regimes": {
                name: {"counts": dict(t.counts), **(quantiles(t.ratios) or {}), "flaws": t.flaws}
                for name, t in self.regimes.items()
            },
        }


def quantiles(ratios: list[float]) -> dict[str, float] | None:
    """Median, 99 % and largest of residual/bound."""
    if not ratios:
        return None
    middle, high = np.quantile(ratios, [0.5, 0.99]).tolist()
    return {"median": middle, "99%": high, "largest": max(ratios)}


def audited(claims: Iterable[Claim]) -> list[Claim]:
    """The claims that are expected to hold and have numerical bounds, those certified or
    statistical by nature left out.
    """
    return [
        c
        for c in claims
        if c.expected is Outcome.HOLDS
        and hasattr(c.relation, "certify")
        and getattr(c.relation, "rounded", True)
    ]


def numerically(claim: Claim) -> Claim:
    """The claim judged by rounding bounds alone."""
    relation: Any = claim.relation
    return replace(claim, relation=replace(relation, certify=False))


def strategies(claim: Claim) -> Iterator[tuple[str, Any]]:
    """The regimes of a claim, each with a strategy: its own instances, and wild ones in every
    format of which the claim speaks.

    Wild instances are of the whole type, so they are for claims of the catalogue, whose hypotheses
    were chosen with them in view, and for claims on a strategy that draws the whole type as well.
    """
    yield DRAWN, claim.instances()
    make = _wild(claim)
    if make is not None:
        for name, dtype in FORMATS.items():
            for kind in KINDS:
                yield f"{name} {kind}", make(kind, dtype)


def _wild(claim: Claim) -> Callable[[str, torch.dtype], Any] | None:
    """How wild instances of which a claim speaks are drawn; None if nothing says that it speaks of
    any.
    """
    from theorems.catalogue import CLAIMS

    original = next((c for c in CLAIMS if c.name == claim.name), None)
    if original is not None and same_law(claim, law(original)):
        return WILD_FOR.get(claim.name) or WILD.get(claim.subject)
    whole = any(same_law(claim, strategy) for strategy in WHOLE.get(claim.subject, ()))
    return WILD.get(claim.subject) if whole else None


def audit(
    claim: Claim,
    *,
    examples: int,
    seed: int = 0,
    seconds: float = math.inf,
    on_example: Callable[[], object] = lambda: None,
) -> Audit:
    """Judge ``examples`` instances, two fifths of them the claim's own, the others wild; and
    measure the power on tame ones.

    Args:
        claim: what to audit; see `audited`.
        examples: how many instances.
        seed: of the search.
        seconds: after which no further chunk of instances is drawn.
        on_example: called after each instance.
    """
    numerical, result, regimes = numerically(claim), Audit(claim), list(strategies(claim))
    until = time.monotonic() + seconds
    tame: list[Instance] = []
    shares = _shares(examples, len(regimes))
    for (name, strategy), share in zip(regimes, shares, strict=True):
        tally = result.regimes[name] = Tally()

        def see(instance: Any, *, tally: Tally = tally, name: str = name) -> None:
            verdict = _judge(numerical, instance, tally)
            if (
                verdict is not None
                and name == DRAWN
                and len(tame) < 40
                and verdict.grade is Grade.NUMERICAL
                and verdict
            ):
                tame.append(instance)
            on_example()

        for chunk in range(math.ceil(share / _CHUNK)):
            if time.monotonic() > until and chunk:
                break
            visit(strategy, min(_CHUNK, share - chunk * _CHUNK), seed=seed + chunk, see=see)
    result.powers = [p for p in (smallest_refuted(numerical, i) for i in tame) if p is not None]
    return result


def _shares(examples: int, regimes: int) -> list[int]:
    own = examples if regimes == 1 else 2 * examples // 5
    return (
        [own] + [max(1, (examples - own) // (regimes - 1))] * (regimes - 1)
        if regimes > 1
        else [own]
    )


def _judge(claim: Claim, instance: Any, tally: Tally) -> Verdict | None:
    if isinstance(instance, Refusal):
        tally.counts["refused"] += 1
        return None
    try:
        verdict = claim(instance)
    except EvaluationError:  # every crash is a finding
        tally.counts["crashed"] += 1
        tally.flaws += [traceback.format_exc()][: 3 - len(tally.flaws)]
        return None
    except InputError:
        tally.counts["refused"] += 1  # one clear line, as for any input that cannot be judged
        return None
    tally.counts[verdict.outcome.name] += 1
    if verdict.outcome is Outcome.REFUTED:
        tally.flaws += [repr(verdict)][: 3 - len(tally.flaws)]
    if (
        verdict.grade is Grade.NUMERICAL
        and verdict.outcome in (Outcome.HOLDS, Outcome.REFUTED)
        and math.isfinite(verdict.ratio)
    ):
        tally.ratios.append(verdict.ratio)
    return verdict


# -- power -----------------------------------------------------------------------------------------


def smallest_refuted(claim: Claim, instance: Instance) -> float | None:
    """The smallest power of ten that, as a relative error of every observed entry with signs of its
    own, is refuted; None up to 0.1.
    """
    found = None
    for exponent in range(1, 17):
        try:
            if planted(claim, 10.0**-exponent)(instance).outcome is not Outcome.REFUTED:
                break
        except (InputError, ArithmeticError):
            break
        found = 10.0**-exponent
    return found


def planted(claim: Claim, size: float) -> Claim:
    """The claim with a relative error in what it observes (in the predicted kernel, where the
    observation is a function).
    """

    def observe(instance: Any) -> Any:
        seen: Any = claim.observe(instance)
        if callable(seen):
            return seen
        return (
            {name: _disturbed(v, size) for name, v in seen.items()}
            if isinstance(seen, dict)
            else _disturbed(seen, size)
        )

    def predict(instance: Any) -> Any:
        value: Any = claim.predict(instance)
        if isinstance(value, Spectrum):
            return value._replace(kernel=value.kernel * (1 + size))
        return value * (1 + size) if _predicts_kernel(claim) else value

    return replace(claim, observe=observe, predict=predict)


def _predicts_kernel(claim: Claim) -> bool:
    return type(claim.relation).__name__ == "Minimises"


def _disturbed(value: Any, size: float) -> Any:
    if isinstance(value, Within):
        return Within(_disturbed(value.matrix, size), value.slack)
    if isinstance(value, torch.Tensor | Ball):
        return value * (1 + size * _signs(tuple(value.shape)))
    return value


@cache
def _signs(shape: tuple[int, ...]) -> torch.Tensor:
    source = torch.Generator().manual_seed(0)
    return torch.randint(0, 2, shape, generator=source).double() * 2 - 1
