r"""Asymptotic statements: a distance between observation and prediction is of a claimed order along growing sizes.

The path of an instance is a sequence of sizes with independent replicates at each. The logarithm of distance / claimed order is
regressed on the logarithm of the size over the largest sizes; for Θ its slope must be 0, for O at most 0, for o below 0.

The interval of the slope has two sources, both derived. *Chance*: the standard errors of the mean logarithms, carried through
the regression, times Student's quantile (Welch's degrees of freedom) at the stated false-alarm probability; the mean logarithm of
replicates is taken to be Gaussian. *Drift*: at finite sizes the slope is not yet the exponent. Corrections in powers of
size^{-1/2}, the slowest that these theories have, make successive slopes approach the exponent geometrically, with ratio ρ = (size at
the end / size at the beginning of the window)^{-1/2} from one window to the next (they share one size), so what is left is at most
ρ/(1−ρ) times the last change of slope. The interval is the hull of the last slope and of that extrapolation, each with its own chance error, and of as much drift once more,
for the corrections of next order. It must hold the claimed exponent and none of its rivals,
``resolution`` away; where it holds both the answer is UNDECIDED.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from impl.errors import require
from impl.operands import Instance
from theorems.claim import Claim, equals
from theorems.relations import Finding, Side
from theorems.verdict import Grade, Outcome

ALARM = 1e-9
"""Probability with which chance alone makes a true statement REFUTED, per verdict."""

Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """A distance and a bound on its numerical (not random) error: quadrature, truncation, rounding."""

    value: float
    error: float = 0.0


class Path(Protocol):
    """What an instance of an asymptotic claim offers."""

    @property
    def path(self) -> Mapping[float, Sequence[Any]]:
        """The points at each size, sizes increasing; several points at one size are independent replicates."""


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
    """The distance between observation and prediction is Θ (=), O (<=) or o (<) of ``rate`` as the size grows.

    Args:
        rate: the claimed order at a point, a positive number; by part, if it differs.
        distance: of an observed from a predicted thing, by named parts; each part must have the claimed order.
        sign: Θ, O or o.
        signs: for the parts that have another one.
        window: over how many of the largest sizes the slope is fitted.
        alarm: false-alarm probability of a verdict, split over parts.
        resolution: distance from the claimed exponent to the nearest rival; ½ where exponents are half-integers.
    """

    rate: Callable[[Any], float | Mapping[str, float]]
    distance: Distance = gap
    sign: Order = "="
    signs: Mapping[str, Order] = field(default_factory=dict)
    window: int = 3
    alarm: float = ALARM
    resolution: float = 0.5

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Measure every point of the path, fit every part, and answer with the worst one."""
        path: Mapping[float, Sequence[Any]] = instance.path  # type: ignore[attr-defined]
        fewest = 2 * self.window - 1
        require(len(path) >= fewest, f"expected at least {fewest} sizes to see a drift, got {list(path)}")
        table = {
            size: [(self.distance(observe(point), predict(point)), self.rate(point)) for point in points]
            for size, points in path.items()
        }
        parts = list(next(iter(table.values()))[0][0])
        findings = [self._part(part, table, self.alarm / len(parts)) for part in parts]
        # a part that is zero everywhere has no slope to tell of: any other one says more
        return max(
            findings, key=lambda f: (_ORDER.index(f.outcome), f.measured != 0 or f.bound != 0, f.measured - f.bound)
        )

    def _part(self, part: str, table: Mapping[float, Any], alarm: float) -> Finding:
        sizes = np.array(list(table), dtype=float)
        rows = [
            [(cell[part], rate[part] if isinstance(rate, Mapping) else rate) for cell, rate in cells]
            for cells in table.values()
        ]
        sign = self.signs.get(part, self.sign)
        label: dict[str, Any] = {"part": part} if part else {}
        distances = [float(np.mean([m.value for m, _ in row])) for row in rows]
        label |= {"distances": {float(s): float(f"{v:.4g}") for s, v in zip(sizes, distances, strict=True)}}
        # an error estimate as large as the claimed order itself would make anything zero
        if all(m.value <= m.error < rate or m.value == m.error == 0 for row in rows for m, rate in row):
            return Finding(Outcome.HOLDS, Grade.STATISTICAL, 0.0, 0.0, label | {"slope": "none: zero at every size"})
        if any(m.value <= 2 * m.error or math.isnan(m.value) for row in rows for m, _ in row):
            return Finding(
                Outcome.UNDECIDED,
                Grade.STATISTICAL,
                math.nan,
                math.nan,
                label | {"reason": "some distances are no larger than their numerical error"},
            )
        if any(not math.isfinite(m.value) for row in rows for m, _ in row):
            reason = {"reason": "the prediction is infinitely far from some observation"}
            return Finding(Outcome.REFUTED, Grade.STATISTICAL, math.inf, 0.0, label | reason)
        logs = [np.array([math.log(m.value / rate) for m, rate in row]) for row in rows]
        blur = np.array([max(-math.log1p(-m.error / m.value) for m, _ in row) for row in rows])
        fit = _fit(np.log(sizes), logs, blur, self.window, alarm)
        claimed = float(fit.weights @ np.log([np.mean([rate for _, rate in row]) for row in rows]))
        label |= {
            "exponent fitted": f"{claimed + fit.slope:.3f} in [{claimed + fit.low:.3f}, {claimed + fit.high:.3f}]",
            "exponent claimed": f"{claimed:.3f}",
            "largest sizes used": [float(s) for s in sizes[-self.window :]],
            "drift of the local exponent": _local(sizes, rows),
            "replicates": [len(row) for row in rows],
            "false-alarm probability": self.alarm,
        }
        centre, half = (fit.low + fit.high) / 2, (fit.high - fit.low) / 2
        measured = abs(centre) if sign == "=" else max(centre, 0.0) if sign == "<=" else centre
        return Finding(self._decide(sign, fit.low, fit.high), Grade.STATISTICAL, measured, half, label)

    def _decide(self, sign: Order, low: float, high: float) -> Outcome:
        if not (math.isfinite(low) and math.isfinite(high)):
            return Outcome.UNDECIDED
        if low > 0 or (sign == "=" and high < 0):
            return Outcome.REFUTED
        if sign != "=" and high < 0:
            return Outcome.HOLDS
        if sign == "<":  # the exponent is the claimed one itself if nothing else lies in the interval
            return Outcome.REFUTED if max(-low, high) < self.resolution else Outcome.UNDECIDED
        clear = high < self.resolution and (sign == "<=" or low > -self.resolution)
        return Outcome.HOLDS if clear else Outcome.UNDECIDED


@dataclass(frozen=True)
class _Slope:
    slope: float
    low: float
    high: float
    weights: Array


def _fit(x: Array, logs: Sequence[Array], blur: Array, window: int, alarm: float) -> _Slope:
    """The slope over the last sizes and its interval; see the module's docstring."""
    means = np.array([float(np.mean(row)) for row in logs])
    counts = np.array([len(row) for row in logs])
    variances = np.array([float(np.var(row, ddof=1)) / len(row) if len(row) > 1 else 0.0 for row in logs])
    shift = window - 1
    last = _weights(x, slice(len(x) - window, len(x)))
    before = _weights(x, slice(len(x) - window - shift, len(x) - shift))
    rho = math.exp(-(x[-1] - x[-1 - shift]) / 2)
    ahead = last + (last - before) * rho / (1 - rho)
    ends = []
    for weights in (last, ahead):
        shares = weights**2 * variances
        total = float(shares.sum())
        spread = 0.0
        if total > 0:
            degrees = total**2 / float((shares[counts > 1] ** 2 / (counts[counts > 1] - 1)).sum())
            spread = float(stats.t.isf(alarm / 4, degrees)) * math.sqrt(total)
        spread += float(np.abs(weights) @ blur)
        ends += [float(weights @ means) - spread, float(weights @ means) + spread]
    # once more as much drift, for the corrections of next order
    ends.append(float((2 * ahead - last) @ means))
    return _Slope(float(last @ means), min(ends), max(ends), last)


def _weights(x: Array, where: slice) -> Array:
    """What an ordinary regression over ``where`` multiplies each mean with to get the slope."""
    out = np.zeros_like(x)
    centred = x[where] - x[where].mean()
    out[where] = centred / (centred @ centred)
    return out


def _local(sizes: Array, rows: Sequence[Any]) -> dict[str, float]:
    logs = [float(np.mean([math.log(m.value) for m, _ in row])) for row in rows]
    steps = np.diff(logs) / np.diff(np.log(sizes))
    return {f"{a:g}..{b:g}": round(float(s), 3) for a, b, s in zip(sizes[:-1], sizes[1:], steps, strict=True)}


_ORDER = (Outcome.HOLDS, Outcome.UNDECIDED, Outcome.REFUTED)


def tends_to(relation: TendsTo, *, subject: type[Instance], **options: Any) -> Callable[[Side], Claim]:
    """Make a claim of a prediction that observations approach at a rate.

    Args:
        relation: how the distance behaves.
        subject: type of the instances, which have a ``path``; observation and prediction see one point of it at a time.
        options: those of `theorems.claim.compares`, no sign.
    """

    def make(predict: Side) -> Claim:
        return replace(equals(**options)(predict), relation=relation, subject=subject)

    return make
