r"""Relations between numbers that ball arithmetic encloses: the grade is CERTIFIED, since every rounding is accounted for.

Both sides are computed in python-flint's ``arb`` (or hold integers and fractions, which are exact). Rigorous quadrature is
``acb.integral``. Two enclosures that do not meet refute an equation beyond doubt; two that meet confirm it to their radii.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, cast

import numpy as np
from flint import arb, ctx, fmpq

from impl.operands import Instance
from theorems.claim import Claim, equals
from theorems.relations import Finding, Side, Sign
from theorems.verdict import Grade, Outcome

PRECISION = 128
"""Bits in which a certified claim is evaluated unless it asks for more."""


def ball(value: Any) -> arb:
    """An enclosure of a number; integers and fractions convert without loss beyond one rounding."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return value if isinstance(value, arb) else arb(value)


@dataclass(frozen=True)
class Enclosure:
    """Entry by entry: observed = (<=, >=) predicted, as balls.

    Args:
        sign: how the sides relate; an inequality HOLDS unless the balls disprove it, as for `theorems.relations.Comparison`.
        precision: bits of the ball arithmetic.
    """

    sign: Sign = "="
    precision: int = PRECISION

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Evaluate both sides in ball arithmetic; the entry nearest to refutation answers."""
        with ctx.workprec(self.precision):
            observed, predicted = _parts(observe(instance)), _parts(predict(instance))
            if set(observed) != set(predicted):
                raise TypeError(
                    f"expected the parts {sorted(observed)} on both sides, got {sorted(predicted)} predicted"
                )
            findings = []
            for part, left in observed.items():
                right = predicted[part]
                if left.shape != right.shape:
                    shapes = f"predicted {right.shape}, observed {left.shape}"
                    return Finding(Outcome.REFUTED, Grade.EXACT, math.inf, 0.0, {"part": part, "shapes": shapes})
                sizes = [abs(float(value.mid())) for side in (left, right) for value in side.flat]
                scale = max([2.0 ** (-self.precision // 2), *sizes])
                findings += [self._entry(part, i, left[i], right[i], scale) for i in np.ndindex(left.shape)]
        return max(findings, key=_severity)

    def _entry(self, part: str, index: tuple[int, ...], observed: arb, predicted: arb, scale: float) -> Finding:
        gap = observed - predicted
        signed = {"=": abs(gap), "<=": gap, ">=": -gap, ">": -gap}[self.sign]
        residual, radius = float(gap.mid()), float(gap.rad())
        measured = {"=": abs(residual), "<=": max(residual, 0.0), ">=": max(-residual, 0.0), ">": -residual}[self.sign]
        context: dict[str, Any] = {"part": part} if part else {}
        context |= {"entry": index, "observed": str(observed), "predicted": str(predicted)}
        outcome = self._decide(signed)
        if outcome is Outcome.HOLDS and self.sign == "=" and radius > scale:
            outcome = Outcome.UNDECIDED  # the balls are wider than anything they hold: nothing was tested
        return Finding(outcome, Grade.CERTIFIED, measured, radius, context)

    def _decide(self, signed: arb) -> Outcome:
        if not signed.is_finite():
            return Outcome.UNDECIDED
        if self.sign == ">":
            if signed < 0:
                return Outcome.HOLDS
            return Outcome.REFUTED if signed >= 0 else Outcome.UNDECIDED
        return Outcome.REFUTED if signed > 0 else Outcome.HOLDS


@dataclass(frozen=True)
class PartialSums:
    """What a series predicts: its partial sums, and a proved bound on what is left after the last one.

    Args:
        sums: S_j by the order j up to which terms are summed, in increasing order.
        tail: bound on |value − last sum|, or None for a statement that promises convergence but no rate.
    """

    sums: Mapping[int, arb]
    tail: arb | None


@dataclass(frozen=True)
class Converges:
    """The partial sums of a predicted series come to the observed value.

    With a tail bound: |S_J − value| ≤ tail. Without one: the errors must fall from order to order; where they grow at
    every order, by more than any rounding, the series does not converge to the value and the statement is REFUTED.
    """

    precision: int = 4 * PRECISION

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Compare the observed value with the partial sums at each order."""
        with ctx.workprec(self.precision):
            value, series = ball(observe(instance)), cast("PartialSums", predict(instance))
            errors = {order: abs(total - value) for order, total in series.sums.items()}
            last = list(errors.values())[-1]
            context = {
                "value": value.str(12),
                "partial sums": {order: total.str(6, radius=False) for order, total in series.sums.items()},
                "errors": {order: error.str(6, radius=False) for order, error in errors.items()},
            }
            bound = float((last.rad() + (series.tail.upper() if series.tail is not None else 0)).upper())
            measured = float(last.mid())
            if not all(error.is_finite() for error in errors.values()):
                return Finding(Outcome.UNDECIDED, Grade.CERTIFIED, measured, bound, context)
            outcome = _within(last, series.tail) if series.tail is not None else _falling(list(errors.values()))
        return Finding(outcome, Grade.CERTIFIED, measured, bound, context)


def _within(error: arb, tail: arb) -> Outcome:
    return Outcome.REFUTED if error > tail else Outcome.HOLDS


def _falling(errors: Sequence[arb]) -> Outcome:
    steps = list(itertools.pairwise(errors))
    if all(after > before for before, after in steps):
        return Outcome.REFUTED
    if all(after < before / 2 or after.contains(0) for before, after in steps):
        return Outcome.HOLDS
    return Outcome.UNDECIDED


def _parts(side: Any) -> dict[str, Any]:
    mapping = side if isinstance(side, Mapping) else {"": side}
    out = {}
    for part, value in mapping.items():
        array = np.asarray(value, dtype=object)
        out[part] = np.vectorize(ball, otypes=[object])(array) if array.size else array
    return out


_ORDER = (Outcome.HOLDS, Outcome.UNDECIDED, Outcome.REFUTED)


def _severity(finding: Finding) -> tuple[int, float]:
    ratio = finding.measured / finding.bound if finding.bound > 0 else (math.inf if finding.measured > 0 else 0.0)
    return _ORDER.index(finding.outcome), ratio


def certifies(sign: Sign = "=", *, precision: int = PRECISION, **options: Any) -> Callable[[Side], Claim]:
    """Make a claim whose two sides are compared as balls; options of `theorems.claim.compares`."""

    def make(predict: Side) -> Claim:
        return replace(equals(**options)(predict), relation=Enclosure(sign, precision))

    return make


def converges(**options: Any) -> Callable[[Side], Claim]:
    """Make a claim that a predicted series sums to the observed value; options of `theorems.claim.compares`."""

    def make(predict: Side) -> Claim:
        return replace(equals(**options)(predict), relation=Converges())

    return make
