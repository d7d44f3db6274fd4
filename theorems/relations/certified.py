r"""Relations between numbers that ball arithmetic encloses: the grade is CERTIFIED, since every
rounding is accounted for.

Both sides are computed in python-flint's ``arb`` (or hold integers and fractions, which are exact).
Rigorous quadrature is ``acb.integral``. Two enclosures that do not meet refute an equation beyond
doubt; two that meet confirm it to their radii.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, cast

import numpy as np
from flint import arb, ctx
from torch import Tensor

from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.arb_arrays import ball
from theorems.relations import Finding, Side, Sign
from theorems.relations.precision import LIMIT, PRECISION, RESOLUTION, precisely, rising
from theorems.verdict import Grade, Outcome


@dataclass(frozen=True)
class Enclosure:
    """Entry by entry: observed = (<=, >=, >) predicted, as balls, at rising precision; see
    `theorems.relations.precision` for what that proves.

    Args:
        sign: how the sides relate.
        precision: bits of the ball arithmetic to start with.
        signs: for named parts whose relation is another one.
        limit: bits at which an open question is UNDECIDED.
    """

    sign: Sign = "="
    precision: int = PRECISION
    signs: Mapping[str, Sign] = field(default_factory=dict)
    limit: int = LIMIT

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Evaluate both sides in ball arithmetic; the entry nearest to refutation answers."""
        return rising(
            lambda: self._at(observe, predict, in_balls(instance)),
            start=self.precision,
            limit=self.limit,
        )

    def _at(self, observe: Side, predict: Side, instance: Instance | None) -> Finding | None:
        if instance is None:
            return None
        observed, predicted = _parts(observe(instance)), _parts(predict(instance))
        if set(observed) != set(predicted):
            raise TypeError(
                f"expected the parts {sorted(observed)} on both sides, got "
                f"{sorted(predicted)} predicted"
            )
        findings = []
        for part, left in observed.items():
            right = predicted[part]
            if left.shape != right.shape:
                shapes = f"predicted {right.shape}, observed {left.shape}"
                return Finding(
                    Outcome.REFUTED, Grade.EXACT, math.inf, 0.0, {"part": part, "shapes": shapes}
                )
            scale = max(
                (abs(value.mid()) for side in (left, right) for value in side.flat), default=arb(0)
            )
            findings += [
                self._entry(part, i, left[i], right[i], scale) for i in np.ndindex(left.shape)
            ]
        return max(
            findings, key=_severity, default=Finding(Outcome.HOLDS, Grade.CERTIFIED, 0.0, 0.0)
        )

    def _entry(
        self, part: str, index: tuple[int, ...], observed: arb, predicted: arb, scale: arb
    ) -> Finding:
        gap, sign = observed - predicted, self.signs.get(part, self.sign)
        signed = {"=": abs(gap), "<=": gap, ">=": -gap, ">": -gap}[sign]
        residual, radius = float(gap.mid()), float(gap.rad())
        measured = {
            "=": abs(residual),
            "<=": max(residual, 0.0),
            ">=": max(-residual, 0.0),
            ">": -residual,
        }[sign]
        context: dict[str, Any] = {"part": part} if part else {}
        context |= {"entry": index, "observed": str(observed), "predicted": str(predicted)}
        zero = observed.contains(0) and predicted.contains(0)
        return Finding(
            decided(sign, signed, scale, zero=zero), Grade.CERTIFIED, measured, radius, context
        )


def in_balls(instance: Instance) -> Instance | None:
    """The instance that formulas run on at the precision that is set: a fresh copy, since instances
    remember what they computed.

    Instances of exact numbers and of integers (a `Harmonic`) stay what they are; floats become
    balls, where they have an exact meaning.
    """
    numbers = [value for value in vars(instance).values() if isinstance(value, Tensor)]
    return _kept(instance, ctx.prec) if numbers else _copied(instance, ctx.prec)


@lru_cache(maxsize=4)  # mutants judge the same instance again
def _kept(instance: Instance, bits: int) -> Any:  # noqa: ARG001
    return precisely(instance)


@lru_cache(maxsize=4)  # mutants judge the same instance again
def _copied(instance: Instance, bits: int) -> Instance:  # noqa: ARG001
    return replace(instance)


def decided(sign: Sign, signed: arb, scale: arb, *, zero: bool = True) -> Outcome:
    """What an enclosure of |gap| (or of the gap, positive where violated) decides at the precision
    that is set.

    Sides that agree count as equal only if they are known well enough: to `RESOLUTION` of their
    scale, or, where both are zero for all that is known (``zero``), to half the digits.
    """
    if not signed.is_finite():
        return Outcome.UNDECIDED
    if sign == ">":
        return (
            Outcome.HOLDS if signed < 0 else Outcome.REFUTED if signed >= 0 else Outcome.UNDECIDED
        )
    if signed > 0:
        return Outcome.REFUTED
    if signed <= 0:
        return Outcome.HOLDS
    close = signed.abs_upper() <= max(
        scale * RESOLUTION, arb(2) ** (-ctx.prec // 2) if zero else arb(0)
    )
    return Outcome.HOLDS if close else Outcome.UNDECIDED


@dataclass(frozen=True)
class PartialSums:
    """What a series predicts: its partial sums, and a proved bound on what is left after the last
    one.

    Args:
        sums: S_j by the order j up to which terms are summed, in increasing order.
        tail: bound on |value − last sum|, or None for a statement that promises convergence but no
            rate.
        scale: size of what is summed, of the largest term say: where the value itself may be zero,
            it is known well enough relative to this.
        diverges: whether it is proved that the terms do not tend to zero.
    """

    sums: Mapping[int, arb]
    tail: arb | None
    scale: arb = field(default_factory=lambda: arb(1))
    diverges: bool = False


@dataclass(frozen=True)
class Converges:
    """The partial sums of a predicted series come to the observed value.

    With a tail bound: |S_J − value| ≤ tail, and the tail and all radii together are at most
    `RESOLUTION` of the value (otherwise the answer is UNDECIDED: a wide enclosure holds anything).
    Without one: the errors must fall from order to order, to half at least. REFUTED where they grow
    at every order, by more than any rounding, and the series is proved to diverge: growth at a few
    orders alone is no proof.
    """

    precision: int = 4 * PRECISION

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Compare the observed value with the partial sums at each order."""
        return rising(lambda: self._at(observe, predict, replace(instance)), start=self.precision)

    def _at(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        value, series = ball(observe(instance)), cast("PartialSums", predict(instance))
        errors = {order: abs(total - value) for order, total in series.sums.items()}
        last = list(errors.values())[-1]
        context = {
            "value": value.str(12),
            "partial sums": {
                order: total.str(6, radius=False) for order, total in series.sums.items()
            },
            "errors": {order: error.str(6, radius=False) for order, error in errors.items()},
        }
        bound = float(
            (last.rad() + (series.tail.upper() if series.tail is not None else 0)).upper()
        )
        measured = float(last.mid())
        if not all(error.is_finite() for error in errors.values()):
            return Finding(Outcome.UNDECIDED, Grade.CERTIFIED, measured, bound, context)
        outcome = (
            _within(last, value, series)
            if series.tail is not None
            else _falling(list(errors.values()), value, series)
        )
        return Finding(outcome, Grade.CERTIFIED, measured, bound, context)


def _within(error: arb, value: arb, series: PartialSums) -> Outcome:
    """REFUTED beyond the tail; HOLDS only if tail and radius leave little room beside the value: a
    wide bound holds anything.
    """
    assert series.tail is not None
    if error > series.tail:
        return Outcome.REFUTED
    known = error.rad() + series.tail.upper() <= _close(value, series)
    return Outcome.HOLDS if known else Outcome.UNDECIDED


def _falling(errors: Sequence[arb], value: arb, series: PartialSums) -> Outcome:
    """HOLDS if each error is at most half of the one before, or zero for all that is known."""
    steps = list(itertools.pairwise(errors))
    if series.diverges and all(after > before for before, after in steps):
        return Outcome.REFUTED
    close = _close(value, series)
    if all(after < before / 2 or after.abs_upper() <= close for before, after in steps):
        return Outcome.HOLDS
    return Outcome.UNDECIDED


def _close(value: arb, series: PartialSums) -> arb:
    """How well the value is to be known: to `RESOLUTION`; where it may be zero, to half the digits
    of what was summed.
    """
    return (
        value.abs_lower() * RESOLUTION
        if not value.contains(0)
        else series.scale.abs_upper() * arb(2) ** (-ctx.prec // 2)
    )


def _parts(side: Any) -> dict[str, Any]:
    mapping = side if isinstance(side, Mapping) else {"": side}
    out = {}
    for part, value in mapping.items():
        array = np.asarray(value, dtype=object)
        out[part] = np.vectorize(ball, otypes=[object])(array) if array.size else array
    return out


_ORDER = (Outcome.HOLDS, Outcome.UNDECIDED, Outcome.REFUTED)


def _severity(finding: Finding) -> tuple[int, float]:
    ratio = (
        finding.measured / finding.bound
        if finding.bound > 0
        else (math.inf if finding.measured > 0 else 0.0)
    )
    return _ORDER.index(finding.outcome), ratio
