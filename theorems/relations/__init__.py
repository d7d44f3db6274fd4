"""How prediction and observation must relate, and what that makes of two computed sides."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import InputError
from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.exact_arrays import NotExactError, in_floats
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.rounded import Ball, zero_divisors
from theorems.impl.numbers.truth import OpenQuestionError
from theorems.relations.doubt import advice, as_ball, movements, proved, rounding, term_sizes
from theorems.relations.earned import RESOLVED, in_double, not_told, would_hold
from theorems.relations.enclosures import enclose
from theorems.relations.entries import decide, number, rational, worst_entry
from theorems.relations.observing import kept
from theorems.verdict import Grade, Outcome

Side: TypeAlias = Callable[[Any], Operand | Mapping[str, Operand]]
Sign: TypeAlias = Literal["=", "<=", ">=", ">"]


_TOLD = 0.5
"""The share of the smaller side that the bound of an equation may be: a side that is twice the
other, or of the other sign, never holds.
"""
_VANISHED = 2.0**-100
"""Bounds below this are those of results too small for float32 or float64: zeros may be all that is
left of the terms.
"""


@dataclass(frozen=True)
class Finding:
    """What a relation makes of one instance: the numeric part of a `Verdict`."""

    outcome: Outcome
    grade: Grade
    measured: float
    bound: float
    context: Mapping[str, Any] = field(default_factory=dict)


class Relation(Protocol):
    """How prediction and observation must relate: anything that can judge one instance."""

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Evaluate both sides and decide."""
        ...


@dataclass(frozen=True)
class Comparison:
    """Entry by entry: observed = (<=, >=, >) predicted, up to the rounding error of both sides.

    A side is an operand, or a mapping of named parts; ``signs`` gives the parts whose relation is
    not ``sign``. Floats that have an exact meaning are judged in ball arithmetic too if
    ``certify``, see `theorems.relations.precision`; in nothing else unless ``rounded``.
    """

    sign: Sign = "="
    signs: Mapping[str, Sign] = field(default_factory=dict)
    certify: bool = True
    rounded: bool = True

    def judge(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Evaluate both sides, bound their rounding error by running them on balls, compare.

        An instance of exact numbers is compared with ``==`` in its own arithmetic.
        """
        first = next(
            (v for v in vars(instance).values() if isinstance(v, Tensor | np.ndarray)), None
        )
        if first is None:
            kind = type(instance).__name__
            raise InputError(
                f"expected a {kind} of tensors or of exact numbers, got one without either"
            )
        judge = self._exactly if is_exact(first) else self._roughly
        return judge(observe, predict, instance)

    def _exactly(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Both sides in exact arithmetic, compared with ``==``."""
        try:
            seen = kept(instance, (observe, "exact"), lambda: observe(instance))
            observed, predicted = _sides(seen, predict(instance))
        except ZeroDivisionError as error:  # floats would say NaN here
            return undefined(f"division by zero: {error}")
        except NotExactError as error:
            return self._inexact(str(error), observe, predict, instance)
        findings = [
            self._compare(
                part, rational(part, observed[part]), rational(part, predicted[part]), None
            )
            for part in _common(observed, predicted)
        ]
        return _worst(findings)

    def _roughly(self, observe: Side, predict: Side, instance: Instance) -> Finding:
        """Both sides on floats, and on balls for the bound."""
        from theorems.relations.certified import Enclosure
        from theorems.relations.precision import strengthened

        enclosure = Enclosure(self.sign, signs=self.signs)
        if not self.rounded:
            return enclosure.judge(observe, predict, instance)
        balls = kept(instance, "balls", lambda: enclose(instance))
        try:
            with zero_divisors() as zeros:
                seen = kept(instance, (observe, "floats"), lambda: observe(instance.double()))
                measured, predicted = _sides(seen, predict(balls))
            radii, divided = kept(instance, (observe, "balls"), lambda: _radii(observe, balls))
            zeros += divided
        except OpenQuestionError as error:
            return Finding(
                Outcome.UNDECIDED, Grade.NUMERICAL, math.nan, math.inf, {"reason": str(error)}
            )
        findings, compared = [], {}
        for part in _common(measured, predicted):
            p, r = as_ball(predicted[part]), rounding(measured[part], radii[part])
            bound = None if measured[part].shape != p.center.shape else r + p.error
            seen = measured[part].double() if isinstance(measured[part], Tensor) else measured[part]
            compared[part] = (seen, p.center, bound)
            findings.append(self._compare(part, *compared[part]))
        found = _worst(findings)
        if zeros and math.isnan(found.measured):
            return undefined(zeros[0])
        if found.outcome is Outcome.UNDECIDED:
            found = self._cancelled(found, compared, observe, predict, balls)
        if found.outcome is Outcome.HOLDS and instance.telling:
            found = self._earned(found, compared, observe, predict, instance)
        if self.certify and found.grade is not Grade.EXACT:
            found = strengthened(found, enclosure, observe, predict, instance)
        if found.outcome is not Outcome.REFUTED or "shapes" in found.context:
            return self._explained(found, instance)
        return self._doubted(found, compared, observe, predict, instance)

    def _earned(
        self,
        found: Finding,
        compared: Mapping[str, Any],
        observe: Side,
        predict: Side,
        instance: Instance,
    ) -> Finding:
        """UNDECIDED where half of a measured field would hold as well."""
        bounds = {
            k: b
            for k, (_, _, b) in compared.items()
            if b is not None and self.signs.get(k, self.sign) == "="
        }
        field = not_told(observe, predict, instance, bounds) if bounds else ""
        reason = {"reason": would_hold(instance, field)} if field else {}
        return (
            replace(found, outcome=Outcome.UNDECIDED, context={**found.context, **reason})
            if field
            else found
        )

    def _inexact(self, reason: str, observe: Side, predict: Side, instance: Instance) -> Finding:
        """The same numbers as floats, where a formula leaves the fractions; nothing where floats do
        not hold them.
        """
        floats = in_floats(instance)
        if floats is None:
            return Finding(
                Outcome.INAPPLICABLE,
                Grade.EXACT,
                0.0,
                0.0,
                {"hypothesis": RATIONAL, "reason": reason},
            )
        found = self.judge(observe, predict, floats)
        return replace(found, context={**found.context, "not exact": reason})

    def _cancelled(
        self,
        found: Finding,
        compared: Mapping[str, Any],
        observe: Side,
        predict: Side,
        balls: Instance,
    ) -> Finding:
        """Where two sides are zero up to rounding, the sizes of the terms that cancelled are the
        scale of the test.
        """
        sizes = term_sizes(
            lambda it: {
                f"{k} {n}": v
                for k, side in (("o", observe), ("p", predict))
                for n, v in _parts(side(it)).items()
            },
            balls,
        )
        if sizes is None:
            return found
        scales = {part: max(sizes[f"o {part}"], sizes[f"p {part}"]) for part in compared}
        return _worst(
            [self._compare(part, *sides, scale=scales[part]) for part, sides in compared.items()]
        )

    def _doubted(
        self,
        found: Finding,
        compared: Mapping[str, Any],
        observe: Side,
        predict: Side,
        instance: Instance,
    ) -> Finding:
        """A refutation that what was taken as given cannot explain; else UNDECIDED."""

        def gaps(other: Instance) -> dict[str, Tensor]:
            seen, told = _parts(observe(other)), _parts(predict(other))
            return {
                part: torch.as_tensor(seen[part]) - torch.as_tensor(told[part]) for part in seen
            }

        moved = movements(gaps, instance)
        if moved is None:
            return found
        wider = {part: (o, p, bound + moved[part]) for part, (o, p, bound) in compared.items()}
        again = _worst([self._compare(part, *sides) for part, sides in wider.items()])
        if again.outcome is Outcome.UNDECIDED and proved(instance):
            again = self._cancelled(again, wider, observe, predict, enclose(instance))
        if again.outcome is Outcome.REFUTED:
            return found
        if again.outcome is Outcome.HOLDS and proved(instance):
            return again
        entry = dict(again.context) | {"reason": advice(instance)}
        return Finding(Outcome.UNDECIDED, again.grade, again.measured, again.bound, entry)

    def _explained(self, found: Finding, instance: Instance) -> Finding:
        """An open question with what would close it; anything else as it is."""
        if found.outcome is not Outcome.UNDECIDED or "reason" in found.context:
            return found
        sign = self.signs.get(found.context.get("part", ""), self.sign)
        reason = _open(sign, found, "" if sign == ">" else in_double(instance))
        return replace(found, context={**found.context, "reason": reason})

    def _compare(
        self, part: str, observed: Operand, predicted: Operand, bound: Any, *, scale: float = 0.0
    ) -> Finding:
        if tuple(observed.shape) != tuple(predicted.shape):
            shapes = f"predicted {tuple(predicted.shape)}, observed {tuple(observed.shape)}"
            return Finding(
                Outcome.REFUTED, Grade.EXACT, math.inf, 0.0, {"part": part, "shapes": shapes}
            )
        if 0 in tuple(observed.shape):
            reason = f"both sides are empty, of shape {tuple(observed.shape)}: nothing is compared"
            return Finding(
                Outcome.INAPPLICABLE,
                Grade.EXACT,
                0.0,
                0.0,
                {"hypothesis": COMPARED, "reason": reason},
            )
        sign = self.signs.get(part, self.sign)
        gap = observed - predicted
        residual = {"=": abs(gap), "<=": gap, ">=": -gap, ">": -gap}[sign]
        if bound is None:
            # numpy turns a single exact number into a bare scalar
            residual = np.asarray(residual, dtype=object)
            bound = np.zeros(residual.shape, dtype=object)
        index = worst_entry(residual, bound, strict=sign == ">")
        worst, limit = residual[index], bound[index]
        grade = Grade.EXACT if not (bound != 0).any() else Grade.NUMERICAL
        outcome = decide(sign, worst, limit)
        # an inequality that is proved in spite of its bound needs no scale
        open_question = sign == "=" or (sign != ">" and worst != 0 and worst > -limit)
        if outcome is Outcome.HOLDS and open_question and grade is Grade.NUMERICAL:
            sizes = float(abs(observed).max()), float(abs(predicted).max())
            scale = max(scale * RESOLVED, _TOLD * min(sizes) if sign == "=" else max(sizes))
            # the bound exceeds what is compared: nothing was tested, unless terms of normal size
            # cancelled to exact zeros
            if float(bound.max()) > scale and (worst != 0 or float(bound.max()) < _VANISHED):
                outcome = Outcome.UNDECIDED
        context: dict[str, Any] = {"part": part} if part else {}
        context |= {
            "entry": index,
            "observed": number(observed[index]),
            "predicted": number(predicted[index]),
        }
        return Finding(
            outcome,
            grade,
            max(number(worst), 0.0) if sign != ">" else number(worst),
            number(limit),
            context,
        )


def _radii(observe: Side, balls: Any) -> tuple[Mapping[str, Operand], list[str]]:
    """What is observed of balls, and what was divided by zero there."""
    with zero_divisors() as zeros:
        return _parts(observe(balls)), zeros


def undefined(reason: str) -> Finding:
    """What a formula with a zero denominator says of an instance: nothing."""
    return Finding(
        Outcome.INAPPLICABLE, Grade.EXACT, 0.0, 0.0, {"hypothesis": DEFINED, "reason": reason}
    )


DEFINED = "no denominator is zero"
"""The hypothesis of every formula that divides."""


COMPARED = "there is something to compare"
"""The hypothesis of every comparison: an empty stretch of a run says nothing."""


RATIONAL = "the formula stays within the fractions"
"""The hypothesis of judging exact numbers that no float holds."""


def _open(sign: Sign, found: Finding, wider: str) -> str:
    """Why a comparison is open, and what to do about it."""
    if not (math.isfinite(found.measured) and math.isfinite(found.bound)):
        return f"a side or its bound is no finite number: {AUTHORS[0]}"
    if sign == ">":
        return (
            "both sides are equal up to their rounding, where a strict inequality cannot be told: "
            f"{AUTHORS[1]}"
        )
    return "rounding may be as large as what is compared, so that nothing would be tested: " + (
        wider or AUTHORS[2]
    )


AUTHORS = (
    "keep formulas within their domains, or such instances out by where=",
    "state it with >=, or keep ties out by where=",
    "compare larger numbers, leave such instances out by where=, or state it of data alone",
)
"""What the author of a claim can do about an open comparison."""


def _parts(side: Operand | Mapping[str, Operand]) -> Mapping[str, Operand]:
    return side if isinstance(side, Mapping) else {"": side}


def _sides(observed: Any, predicted: Any) -> tuple[Mapping[str, Operand], Mapping[str, Operand]]:
    """Both sides by their parts, all of which are operands."""
    for side, value in (("observed", observed), ("predicted", predicted)):
        for part, operand in _parts(value).items():
            where = f" in part {part!r}" if part else ""
            usable = isinstance(
                operand, Tensor | np.ndarray | Ball | np.generic | int | float | Fraction
            )
            if not usable or (side == "observed" and isinstance(operand, float)):
                raise InputError(
                    f"expected the {side} side{where} to be a tensor, got "
                    f"{type(operand).__name__}; leave out float() and .item(), and name parts in a "
                    "dict"
                )
    return _parts(observed), _parts(predicted)


def _common(observed: Mapping[str, Operand], predicted: Mapping[str, Operand]) -> list[str]:
    if set(observed) != set(predicted):
        raise TypeError(
            f"expected the parts {sorted(observed)} on both sides, got {sorted(predicted)} "
            "predicted"
        )
    return list(observed)


_SEVERITY = (Outcome.INAPPLICABLE, Outcome.HOLDS, Outcome.UNDECIDED, Outcome.REFUTED)


def _worst(findings: list[Finding]) -> Finding:
    """The most severe part; its grade is the weakest among the parts that agree with it."""
    ratio = [
        f.measured / f.bound if f.bound > 0 else (math.inf if f.measured > 0 else 0.0)
        for f in findings
    ]
    order = sorted(
        range(len(findings)), key=lambda i: (_SEVERITY.index(findings[i].outcome), ratio[i])
    )
    worst = findings[order[-1]]
    grade = min(f.grade for f in findings) if worst.outcome is Outcome.HOLDS else worst.grade
    return Finding(worst.outcome, grade, worst.measured, worst.bound, worst.context)
