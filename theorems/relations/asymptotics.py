r"""Asymptotic statements: a distance between observation and prediction is of a claimed order along
growing sizes.

The path of an instance is a sequence of sizes, with independent replicates at each if anything is
random. The logarithm of distance / claimed order is regressed on the logarithm of the size over the
largest sizes; for Θ the exponent must be 0, for O at most 0, for o below 0.

What keeps a slope at finite sizes from the exponent has two sources, and they are kept apart:

* *Drift*, which is no matter of chance. Nothing bounds it but a hypothesis, so it is one, and is
  said: the `Corrections` of the relation. For every law of that class the interval is proved to
  hold the exponent; see `theorems.relations.corrections`. A regression is an average, with positive
  weights, of the local exponents between neighbouring sizes, and so is what drift can do to it.
* *Chance*, of random paths alone: the standard errors of the mean logarithms, carried through the
  regression, times Student's quantile (Welch's degrees of freedom) at the stated false-alarm
  probability, which regressions, sides and parts share; the mean logarithm of replicates is taken
  to be Gaussian. A path on which nothing is random (``random=False``) has no false-alarm
  probability at all.

Every regression over the last 2, 3, … ``window`` sizes gives an interval, and the exponent lies in
all of them. REFUTED if the claimed one does not and besides (each only ever turns REFUTED into
UNDECIDED): the intervals meet (otherwise the data are of no law of the class); the local exponents
do not still move towards the claimed one so fast that twice the geometric series of their last
change would reach it, and have not lately moved by half their distance from it; and, for O, the
ratio to the claimed order is largest at the largest size. HOLDS if the interval holds the claimed
exponent and none of its rivals, ``resolution`` away. *Detectable effect*: the width of the
interval. An exponent that is further from the claimed one lies outside an interval which holds the
truth. Beside it stands how large a part of the distance that does not fall with the size (a
coefficient that is wrong) would have been refuted on these data.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance
from theorems.relations import Finding, Side
from theorems.relations.corrections import Corrections
from theorems.relations.slopes import Array, Slope, fitted, local_exponents
from theorems.verdict import Grade, Outcome

ALARM = 1e-9
"""Probability with which chance alone makes a true statement REFUTED, per verdict."""


@dataclass(frozen=True)
class Measured:
    """A distance and a bound on its numerical (not random) error: quadrature, truncation,
    rounding.
    """

    value: float
    error: float = 0.0


class Path(Protocol):
    """What an instance of an asymptotic claim offers."""

    @property
    def path(self) -> Mapping[float, Sequence[Any]]:
        """The points at each size, sizes increasing; several points at one size are independent
        replicates.
        """


Order: TypeAlias = Literal["=", "<=", "<"]
Distance: TypeAlias = Callable[[Any, Any], "Mapping[str, Measured]"]


def gap(observed: Mapping[str, float], predicted: Mapping[str, float]) -> dict[str, Measured]:
    """|observed − predicted| of named numbers; a `Measured` observation hands its error on."""
    out = {}
    for part, value in observed.items():
        seen = value if isinstance(value, Measured) else Measured(float(value))
        out[part] = Measured(abs(seen.value - float(predicted[part])), seen.error)
    return out


@dataclass(frozen=True, kw_only=True)
class TendsTo:
    """The distance between observation and prediction is Θ (=), O (<=) or o (<) of ``rate`` as the
    size grows.

    Args:
        rate: the claimed order at a point, a positive number; by part, if it differs.
        distance: of an observed from a predicted thing, by named parts; each part must have the
            claimed order.
        sign: Θ, O or o.
        signs: for the parts that have another one.
        window: over how many of the largest sizes the slope is fitted at most.
        random: whether replicates scatter. False says that nothing but the size moves the distance,
            and leaves nothing to chance.
        alarm: false-alarm probability of a verdict, split over parts; None where nothing is random.
        resolution: distance from the claimed exponent to the nearest rival, ½ where exponents are
            half-integers; or a function of the instance.
        corrections: the class of laws that the verdict is about; or a function of the instance.

    Raises:
        InputError: when judging: fewer than 2·window − 1 sizes, sizes that are not positive or out
            of order, or a random path with a size of the window that has fewer than two replicates.
    """

    rate: Callable[[Any], float | Mapping[str, float]]
    distance: Distance = gap
    sign: Order = "="
    signs: Mapping[str, Order] = field(default_factory=dict)
    window: int = 3
    random: bool = True
    alarm: float | None = ALARM
    resolution: float | Callable[[Any], float] = 0.5
    corrections: Corrections | Callable[[Any], Corrections] = field(default_factory=Corrections)

    def __post_init__(self) -> None:
        """Leave no false-alarm probability where nothing is random; refuse what is no
        probability.
        """
        if not self.random:
            object.__setattr__(self, "alarm", None)
        else:
            alarm = self.alarm
            require(
                alarm is not None and 0 < alarm < 1,
                f"expected a false-alarm probability in (0, 1), got alarm={alarm}",
            )
        require(
            self.window >= 2, f"expected a window of at least 2 sizes, got window={self.window}"
        )

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Measure every point of the path, fit every part, and answer with the worst one."""
        path: Mapping[float, Sequence[Any]] = instance.path  # type: ignore[attr-defined]
        self._usable(path)
        table = {
            size: [
                (self.distance(observe(point), predict(point)), self.rate(point))
                for point in points
            ]
            for size, points in path.items()
        }
        parts = list(next(iter(table.values()))[0][0])
        alarm = None if self.alarm is None else self.alarm / len(parts)
        corrections = self.corrections(instance) if callable(self.corrections) else self.corrections
        resolution = self.resolution(instance) if callable(self.resolution) else self.resolution
        findings = [self._part(part, table, alarm, corrections, resolution) for part in parts]
        # a part that is zero everywhere has no slope to tell of: any other one says more
        return max(
            findings,
            key=lambda f: (
                _ORDER.index(f.outcome),
                f.measured != 0 or f.bound != 0,
                f.measured - f.bound,
            ),
        )

    def _usable(self, path: Mapping[float, Sequence[Any]]) -> None:
        """Refuse paths on which no drift, or no chance, could be seen."""
        sizes, fewest = list(path), 2 * self.window - 1
        require(
            len(sizes) >= fewest, f"expected at least {fewest} sizes to see a drift, got {sizes}"
        )
        require(
            sizes[0] > 0 and sizes == sorted(set(sizes)),
            f"expected increasing sizes above 0, got {sizes}",
        )
        counts = [len(path[size]) for size in sizes[-self.window :]]
        require(
            not self.random or min(counts) >= 2,
            f"expected at least 2 replicates at each of the sizes {sizes[-self.window :]}, got "
            f"{counts}: one alone does not tell chance from drift. Add replicates, or say "
            "random=False in the relation if nothing in the distance is random",
        )

    def _part(
        self,
        part: str,
        table: Mapping[float, Any],
        alarm: float | None,
        corrections: Corrections,
        resolution: float,
    ) -> Finding:
        sizes = np.array(list(table), dtype=float)
        rows = [
            [
                (cell[part], rate[part] if isinstance(rate, Mapping) else rate)
                for cell, rate in cells
            ]
            for cells in table.values()
        ]
        sign = self.signs.get(part, self.sign)
        label: dict[str, Any] = {"part": part} if part else {}
        distances = [float(np.mean([m.value for m, _ in row])) for row in rows]
        label |= {
            "distances": {
                float(s): float(f"{v:.4g}") for s, v in zip(sizes, distances, strict=True)
            }
        }
        # an error estimate as large as the claimed order itself would make anything zero
        if all(
            m.value <= m.error < rate or m.value == m.error == 0 for row in rows for m, rate in row
        ):
            return Finding(
                Outcome.HOLDS,
                Grade.STATISTICAL,
                0.0,
                0.0,
                label | {"slope": "none: zero at every size"},
            )
        if any(m.value <= 2 * m.error or math.isnan(m.value) for row in rows for m, _ in row):
            return _open(
                label,
                "some distances are no larger than their numerical error: take smaller "
                "sizes or a finer observation",
            )
        if any(not math.isfinite(m.value) for row in rows for m, _ in row):
            reason = {"reason": "the prediction is infinitely far from some observation"}
            return Finding(Outcome.REFUTED, Grade.STATISTICAL, math.inf, 0.0, label | reason)
        logs = [np.array([math.log(m.value / rate) for m, rate in row]) for row in rows]
        blur = np.array([max(-math.log1p(-m.error / m.value) for m, _ in row) for row in rows])
        drifts = [
            corrections.between(a, b) for a, b in itertools.pairwise(sizes[-self.window :].tolist())
        ]
        fit = fitted(sizes, logs, blur, drifts, alarm)
        claimed = float(fit.weights @ np.log([np.mean([rate for _, rate in row]) for row in rows]))
        width = fit.high - fit.low
        label |= {
            "exponent fitted": f"{claimed + fit.slope:.3f} in [{claimed + fit.low:.3f}, "
            f"{claimed + fit.high:.3f}]",
            "exponent claimed": f"{claimed:.3f}",
            "of the interval": f"drift {fit.drift:.2g} (not random), chance {fit.chance:.2g}, "
            f"numerical error {fit.blur:.2g}",
            "for corrections in": str(corrections),
            "detectable effect": float(f"{max(width, 0.0):.3g}"),
            "largest sizes used": [float(s) for s in sizes[-fit.used :]],
            "drift of the local exponent": local_exponents(sizes, rows),
            "replicates": [len(row) for row in rows],
        }
        if self.alarm is not None:
            label["false-alarm probability"] = self.alarm
        centre, half = (fit.low + fit.high) / 2, width / 2
        measured = abs(centre) if sign == "=" else max(centre, 0.0) if sign == "<=" else centre
        outcome, why = self._outcome(fit, sizes, logs, sign, corrections, resolution)
        if why is not None:
            label = {"reason": why, **label}
        elif outcome is Outcome.HOLDS:
            values = [np.array([m.value for m, _ in row]) for row in rows]

            def seen(constant: float) -> bool:
                moved = [
                    np.log1p((constant / row) ** 2) / 2 + log
                    for row, log in zip(values, logs, strict=True)
                ]
                found = self._outcome(
                    fitted(sizes, moved, blur, drifts, alarm),
                    sizes,
                    moved,
                    sign,
                    corrections,
                    resolution,
                )
                return found[0] is Outcome.REFUTED

            constant = _smallest_seen(seen, min(distances), max(distances))
            label["a part of the distance that does not fall is seen from"] = constant
        return Finding(outcome, Grade.STATISTICAL, measured, max(half, 0.0), label)

    def _outcome(
        self,
        fit: Slope,
        sizes: Array,
        logs: Sequence[Array],
        sign: Order,
        corrections: Corrections,
        resolution: float,
    ) -> tuple[Outcome, str | None]:
        """The answer, and why it is none."""
        meet = fit.low <= fit.high
        outcome = (
            self._decide(sign, fit.low, fit.high, resolution)
            if meet
            else self._apart(sign, fit.highest, resolution)
        )
        doubt = _doubt(fit, sizes, logs, sign, corrections)
        if doubt is not None and (
            outcome is Outcome.REFUTED or (not meet and outcome is not Outcome.HOLDS)
        ):
            return Outcome.UNDECIDED, doubt
        return outcome, _loose(fit, resolution) if outcome is Outcome.UNDECIDED else None

    def _decide(self, sign: Order, low: float, high: float, resolution: float) -> Outcome:
        if low > 0 or (sign == "=" and high < 0):
            return Outcome.REFUTED
        if sign != "=" and high < 0:
            return Outcome.HOLDS
        # the exponent is the claimed one itself if no other that is possible lies in the interval
        if sign == "<":
            return Outcome.REFUTED if max(-low, high) < resolution else Outcome.UNDECIDED
        clear = high < resolution and (sign == "<=" or low > -resolution)
        return Outcome.HOLDS if clear else Outcome.UNDECIDED

    def _apart(self, sign: Order, highest: float, resolution: float) -> Outcome:
        """Of a law outside the class, such as a sum of two orders that change places: no more than
        an upper bound on every slope.
        """
        below = {"=": -math.inf, "<=": resolution, "<": 0.0}[sign]
        return Outcome.HOLDS if highest < below else Outcome.UNDECIDED


def _doubt(
    fit: Slope, sizes: Array, logs: Sequence[Array], sign: Order, corrections: Corrections
) -> str | None:
    """Why an interval without the claimed exponent is no refutation, or None."""
    if fit.low > fit.high:
        return (
            "the slopes contradict each other: no law with corrections of the stated class "
            "moves like this. Take larger sizes"
        )
    if fit.low <= 0 <= fit.high:
        # o is refuted by an exponent that is the claimed one: nothing is left to move towards
        return None
    means = np.array([float(np.mean(row)) for row in logs])
    local = np.diff(means) / np.diff(np.log(sizes))
    ratio = corrections.ratio(float(sizes[-2]), float(sizes[-1]))
    moved = local[-1] - local[-2]
    left = 2 * ratio / (1 - ratio) * max(abs(moved) - fit.wobble, 0.0) if ratio < 1 else math.inf
    if local[-1] * moved < 0 and abs(local[-1]) <= left:
        return (
            "the local exponents still move towards the claimed one, by more than their "
            "distance from it. Take larger sizes"
        )
    if abs(local[-1]) <= 2 * (float(np.ptp(local[-_RECENT:])) - fit.wobble):
        return (
            "the local exponents have moved by half their distance from the claimed one, or "
            "more. Take larger sizes"
        )
    if sign != "=" and fit.low > 0 and means[-1] < means.max():
        return (
            "the ratio to the claimed order was larger at a smaller size: nothing shows that "
            "it grows. Take larger sizes"
        )
    return None


def _loose(fit: Slope, resolution: float) -> str:
    """Why the interval decides nothing, and what to do."""
    if not math.isfinite(fit.drift):
        return (
            "corrections of the stated class may be as large as the law itself at these sizes. "
            "Take larger sizes"
        )
    more = "larger sizes" if fit.drift > fit.chance else "more replicates"
    return (
        f"the interval holds the claimed exponent and others, down to {resolution:g} apart. "
        f"Take {more}"
    )


def _smallest_seen(seen: Callable[[float], bool], least: float, most: float) -> float | None:
    """The smallest constant that is refuted if it is added to the distance (in squares), to one
    part in ten; None if none is.
    """
    low, high = math.log(least / 1024), math.log(most * 1024)
    if not seen(math.exp(high)):
        return None
    while high - low > 0.1:
        middle = (low + high) / 2
        low, high = (low, middle) if seen(math.exp(middle)) else (middle, high)
    return float(f"{math.exp(high):.2g}")


def _open(label: Mapping[str, Any], reason: str) -> Finding:
    return Finding(
        Outcome.UNDECIDED, Grade.STATISTICAL, math.nan, math.nan, {**label, "reason": reason}
    )


_RECENT = 4
"""Over how many of the last local exponents their movement is looked at."""

_ORDER = (Outcome.HOLDS, Outcome.UNDECIDED, Outcome.REFUTED)
