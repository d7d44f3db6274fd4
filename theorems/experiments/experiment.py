r"""`Experiment`: a statement about trained networks, with the protocol that was fixed before
anything was trained.

What is measured is an *effect* per seed, in a stated direction: a difference of two arms that share
the seed's data and initial weights. The claim is that the effect exceeds its *margin*, the smallest
one worth speaking of, for more than half of all seeds,

.. math:: P(e > m) > \tfrac12,

in every part. The test is Clopper and Pearson's on the share of seeds
(`theorems.relations.laws.Proportion`): exact at every number of replicates and for every
distribution of the effect. HOLDS is called where the share is above ½, and REFUTED where it is
below, each wrongly with probability at most `ALARM`, split over the parts; between them it is
UNDECIDED, and says how many replicates would decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeAlias

import numpy as np
from scipy import stats

from theorems.claim import Claim, Source
from theorems.impl.errors import InputError, require
from theorems.impl.experiments.runs import Array, Measure, Runs
from theorems.relations.laws import Proportion
from theorems.statements import stated_in
from theorems.verdict import Outcome

Effects: TypeAlias = "Callable[[Runs], Mapping[str, Array]]"
"""The effect of every replicate, by part: (R,) each."""

ALARM = 1e-4
"""The probability with which chance alone decides an experiment wrongly."""

CONFIDENCE = 0.99
"""Of the interval of the median effect, which is shown and decides nothing."""

SCALES = ("smoke", "default", "paper")


@dataclass(frozen=True)
class Scale:
    """How large an experiment is run.

    Args:
        replicates: seeds.
        settings: sizes, rates and steps by name.
        time: how long it takes on one core, in words.
        block: seeds that are trained side by side, and kept together if a run is cut short.
        first: how many seeds at the beginning of a run are left out: those on which an earlier
            look has decided how many replicates there are, so that the test is on other ones.
    """

    replicates: int
    settings: Mapping[str, Any]
    time: str
    block: int = 8
    first: int = 0


@dataclass(frozen=True)
class Curves:
    """What the figure shows beside the effects: arms along a training, or over a size.

    Args:
        lines: label to the name of what was measured, (R, K) each.
        x: of the horizontal axis, with its unit.
        y: of the vertical axis, with its unit.
        at: the K places on the horizontal axis, given the scale's settings.
        log: the axes that are logarithmic: "", "x", "y" or "xy".
    """

    lines: Mapping[str, str]
    x: str
    y: str
    at: Callable[[Mapping[str, Any]], Sequence[float]]
    log: str = ""


@dataclass(frozen=True, eq=False)
class Experiment:
    """A claim about trained networks and how it is tried.

    Args:
        claim: P(effect > margin) > ½ in every part; its instances are `Runs`.
        measure: trains every arm on the given seeds.
        scales: "smoke", "default" and "paper".
        effects: the effect of every replicate, by part.
        margins: the smallest effect worth speaking of, by part.
        unit: of the effects.
        reported: what the paper says.
        differs: where the protocol is not the paper's, and why.
        curves: what the figure shows beside the effects.
        news: what came out otherwise than the paper says, or besides; empty where there is none.
    """

    claim: Claim
    measure: Measure
    scales: Mapping[str, Scale]
    effects: Effects
    margins: Mapping[str, float]
    unit: str
    reported: str
    differs: str
    curves: Curves | None = None
    news: str = ""

    @property
    def name(self) -> str:
        """That of the claim."""
        return self.claim.name

    def scale(self, name: str) -> Scale:
        """A scale by its name.

        Raises:
            InputError: if there is none of that name.
        """
        require(
            name in self.scales, f"expected a scale among {', '.join(self.scales)}, got {name!r}"
        )
        return self.scales[name]


def _above(effects: Effects, margins: Mapping[str, float], runs: Runs) -> dict[str, Array]:
    found = effects(runs)
    require(
        set(found) == set(margins),
        f"expected an effect for each of the parts {sorted(margins)}, got {sorted(found)}",
    )
    return {
        part: (np.asarray(effect) > margins[part]).astype(float) for part, effect in found.items()
    }


def _half(margins: Mapping[str, float], _: Runs) -> dict[str, float]:
    return dict.fromkeys(margins, 0.5)


def _not_drawn() -> Any:
    raise InputError(
        "expected an experiment to be run with `theorems experiment NAME`: its replicates "
        "are trained, not drawn"
    )


def _swapped(effects: Effects, runs: Runs) -> dict[str, Array]:
    return {part: -np.asarray(effect) for part, effect in effects(runs).items()}


def experiment(
    *,
    measure: Measure,
    scales: Mapping[str, Scale],
    margins: Mapping[str, float],
    unit: str,
    source: Source,
    reported: str,
    differs: str,
    mutants: Mapping[str, Effects],
    curves: Curves | None = None,
    expected: Outcome = Outcome.HOLDS,
    news: str = "",
) -> Callable[[Effects], Experiment]:
    """Make an experiment of the function that says what the effects are; its docstring is the
    statement.

    Args:
        measure: trains every arm on the given seeds.
        scales: "smoke", "default" and "paper".
        margins: the smallest effect worth speaking of, by part.
        unit: of the effects.
        source: where the statement comes from.
        reported: what the paper says.
        differs: where the protocol is not the paper's, and why.
        mutants: other effects by name, each of which must be refuted on the same replicates; "arms
            swapped" is added.
        curves: what the figure shows beside the effects.
        expected: REFUTED where the statement was tried and does not reproduce: then ``news`` says
            so.
        news: what came out otherwise than the paper says, or besides.

    Raises:
        InputError: without a scale of each name, or a margin that is no finite number of at least
            zero.
    """
    require(
        set(scales) == set(SCALES),
        f"expected the scales {', '.join(SCALES)}, got {', '.join(scales)}",
    )
    require(
        bool(margins) and all(math.isfinite(m) and m >= 0 for m in margins.values()),
        f"expected margins of at least zero, by part, got {dict(margins)}",
    )
    require(
        expected is Outcome.HOLDS or bool(news),
        "expected news of an experiment that is expected to be refuted, got none",
    )

    def make(effects: Effects) -> Experiment:
        stated = stated_in(effects)
        wrong: dict[str, Effects] = {"arms swapped": partial(_swapped, effects), **mutants}
        claim = Claim(
            name=stated.name,
            statement=stated.statement,
            source=source,
            relation=Proportion(sign=">", alarm=ALARM),
            observe=partial(_above, effects, margins),
            predict=partial(_half, margins),
            instances=_not_drawn,
            subject=Runs,
            changes={
                name: {"observe": partial(_above, other, margins)} for name, other in wrong.items()
            },
            expected=expected,
            file=stated.file,
        )
        return Experiment(
            claim, measure, scales, effects, margins, unit, reported, differs, curves, news
        )

    return make


@dataclass(frozen=True)
class Summary:
    """The effects of one part in a few numbers.

    Args:
        part: its name.
        median: of the effects.
        low: lower end of the median's interval, by order statistics: exact for every distribution.
        high: upper end.
        margin: what the effects are held against.
        above: replicates whose effect exceeds it.
        replicates: how many there are.
        needed: how many would decide, at the share that was seen; None where it is decided, or no
            number would.
        effects: of every replicate, in the order of the seeds.
    """

    part: str
    median: float
    low: float
    high: float
    margin: float
    above: int
    replicates: int
    needed: int | None
    effects: tuple[float, ...] = field(repr=False, default=())


def summaries(found: Experiment, runs: Runs) -> list[Summary]:
    """Every part of an experiment, summed up."""
    out = []
    for part, effect in found.effects(runs).items():
        values = np.asarray(effect, dtype=float)
        low, high = median_interval(values, CONFIDENCE)
        margin, above = found.margins[part], int((values > found.margins[part]).sum())
        needed = replicates_needed(above, len(values), ALARM / len(found.margins))
        median = float(np.median(values))
        out.append(
            Summary(
                part, median, low, high, margin, above, len(values), needed, tuple(values.tolist())
            )
        )
    return out


def median_interval(values: Array, confidence: float) -> tuple[float, float]:
    """Order statistics between which the median lies with at least this probability; infinite where
    there are too few values.
    """
    count, ordered = len(values), np.sort(values)
    k = _left_out(count, confidence)
    if k < 0:
        return -math.inf, math.inf
    return float(ordered[k]), float(ordered[count - 1 - k])


@cache
def _left_out(count: int, confidence: float) -> int:
    """How many values lie outside on each side; below zero where none may."""
    # P(fewer than k of n below the median) ≤ (1 − confidence)/2 for the largest such k
    k = int(stats.binom.ppf((1 - confidence) / 2, count, 0.5))
    return k - int(stats.binom.cdf(k, count, 0.5) > (1 - confidence) / 2)


def decided(above: int, count: int, level: float) -> bool:
    """Whether Clopper and Pearson's limits at this one-sided level leave ½ outside."""
    tail = max(above, count - above)
    return bool(stats.binom.sf(tail - 1, count, 0.5) <= level)


_MOST = 100_000


def replicates_needed(above: int, count: int, level: float) -> int | None:
    """The smallest number of replicates that would decide if the share stayed as it is; None if
    these decide, or none would.
    """
    if decided(above, count, level):
        return None
    share = above / count
    size = count
    while size <= _MOST:
        if decided(round(share * size), size, level):
            return size
        size = max(size + 1, size * 21 // 20)
    return None


def wanting(effect: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """What would decide a part that is open, in words that go on a line; empty where it is decided.

    Args:
        effect: of the part, in the entry of the evidence file.
        told: what that entry says of the experiment.
    """
    if decided(effect["above"], told["replicates"], ALARM / len(told["effects"])):
        return ""
    if effect["needed"] is None:
        return "; at this share no number of replicates would decide"
    return f"; about {effect['needed']} replicates would decide"
