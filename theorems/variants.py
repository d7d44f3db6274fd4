"""Wrong variants that a claim gets if its author names none, so that its power is reported anyway.

Each changes the prediction alone. A variant that predicts the same as the claim itself on an
instance (the transpose of a symmetric matrix, twice zero) is INAPPLICABLE there: it was not wrong.
One that never was wrong says nothing about the claim and does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.operands import Operand
from theorems.impl.numbers.rounded import Ball
from theorems.relations import Side, Sign

Change: TypeAlias = Callable[[Any], Any]
Changes: TypeAlias = dict[str, Change]


def _negated(value: Any) -> Any:
    return _Reflected(value) if hasattr(value, "cdf") else -value


def _doubled(value: Any) -> Any:
    return _Stretched(value, 2.0) if hasattr(value, "cdf") else 2 * value


def _halved(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value * Fraction(1, 2)
    return value * Fraction(1, 2) if isinstance(value, int) else 0.5 * value


def _transposed(value: Any) -> Any:
    shape = tuple(getattr(value, "shape", ()))
    return value.mT if len(shape) >= 2 and shape[-1] == shape[-2] else value


def _overlap(one: Ball, other: Ball) -> bool:
    return one.shape == other.shape and bool(
        ((one.center - other.center).abs() <= one.error + other.error).all()
    )


@dataclass(frozen=True)
class _Stretched:
    """The law of ``factor`` times a variable."""

    law: Any
    factor: float

    def cdf(self, x: Any) -> Any:
        return self.law.cdf(np.asarray(x) / self.factor)


@dataclass(frozen=True)
class _Reflected:
    """The law of minus a continuous variable."""

    law: Any

    def cdf(self, x: Any) -> Any:
        return 1 - self.law.cdf(-np.asarray(x))


_SIGN: Changes = {"automatic: sign flipped": _negated}
_DOUBLE: Changes = {"automatic: twice as much": _doubled}
_HALF: Changes = {"automatic: half as much": _halved}
_CHANGES: dict[str, Changes] = {
    "=": _SIGN | _DOUBLE | {"automatic: transposed where square": _transposed},
    "<=": _SIGN | _HALF,  # twice a true upper bound is a true one
    ">=": _SIGN | _DOUBLE,
    ">": _SIGN | _DOUBLE,
}


@dataclass(frozen=True)
class Changed:
    """A prediction with every part changed in one way."""

    predict: Side
    change: Change

    def __call__(self, instance: Instance) -> Operand | Mapping[str, Operand]:
        """What the changed statement predicts."""
        value = self.predict(instance)
        if isinstance(value, Mapping):
            return {part: self.change(v) for part, v in value.items()}
        return self.change(value)

    def idle(self, instance: Instance) -> str | None:
        """Why the change changes nothing on this instance, or None if it does."""
        before: Any = self.predict(instance)
        after: Any = self(instance)
        if not isinstance(before, Mapping):
            before, after = {"": before}, {"": after}
        if any(
            hasattr(value, "cdf") or bool(np.any(np.asarray(value != after[part])))
            for part, value in before.items()
        ):
            return (
                None
                if not self._within_rounding(instance)
                else "this variant predicts the same here, up to rounding"
            )
        return "this variant predicts the same here"

    def _within_rounding(self, instance: Instance) -> bool:
        """Whether the change is no larger than the rounding of the prediction: the transpose of a
        product that is symmetric.
        """
        if not any(
            isinstance(value, Tensor) for value in getattr(instance, "__dict__", {}).values()
        ):
            return False
        try:
            before, after = self.predict(instance.enclosed()), self(instance.enclosed())
        except Exception:  # noqa: BLE001
            return False
        parts = (
            [(before[p], after[p]) for p in before]
            if isinstance(before, Mapping)
            else [(before, after)]
        )
        return all(isinstance(b, Ball) and isinstance(a, Ball) and _overlap(b, a) for b, a in parts)


def automatic(predict: Side, sign: Sign) -> dict[str, Changed]:
    """The variants of a prediction that observations equal, or are at most, at least or above."""
    return {name: Changed(predict, change) for name, change in _CHANGES[sign].items()}
