"""Ball arithmetic at rising precision: what a verdict of the grade CERTIFIED is made with.

A judgement runs at `PRECISION` bits; while it is open, the bits are doubled, up to `LIMIT`; what is
still open there is UNDECIDED. The bits that decided are in the verdict's context.

What CERTIFIED says. Refuted: the enclosures of both sides are apart, beyond doubt. Holds: an
inequality is proved; an equation cannot be proved by numbers, but its two sides are proved to
differ by at most `RESOLUTION` of their scale (the context says by how much), so that every constant
that is wrong by more would have been refuted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flint import ctx

from theorems.impl.instances.instance import Instance
from theorems.impl.numbers.arb_arrays import UndecidableError
from theorems.relations import Finding, Relation, Side
from theorems.verdict import Grade, Outcome

PRECISION = 128
"""Bits at which a judgement in ball arithmetic starts."""

LIMIT = 2048
"""Bits at which it gives up: UNDECIDED."""

RESOLUTION = 2.0**-32
"""How far apart two sides that are called equal may be at most, relative to their scale, for all
that was proved.
"""

NOTHING = Finding(
    Outcome.UNDECIDED,
    Grade.CERTIFIED,
    float("nan"),
    float("inf"),
    {"reason": "no exact meaning, or too large"},
)
"""Where an instance has no exact meaning."""


def rising(
    judge: Callable[[], Finding | None], *, start: int = PRECISION, limit: int = LIMIT
) -> Finding:
    """What ``judge`` finds at the first precision at which it is not UNDECIDED: ``start`` bits,
    doubled up to ``limit``.

    None says that there is nothing to judge, at whatever precision: an instance without an exact
    meaning, or too large.
    """
    bits = start
    while True:
        with ctx.workprec(bits):
            try:
                found = judge()
            except UndecidableError as error:
                found = Finding(
                    Outcome.UNDECIDED, Grade.CERTIFIED, 0.0, float("inf"), {"reason": str(error)}
                )
        if found is None:
            return NOTHING
        if found.outcome is not Outcome.UNDECIDED or 2 * bits > limit:
            return replace(found, context={**found.context, "bits": bits})
        bits *= 2


def precisely(instance: Instance) -> Any:
    """The instance in ball arithmetic at the precision that is set, or None if it has no exact
    meaning: `Instance.precise`.
    """
    return instance.precise()


def strengthened(
    found: Finding, relation: Relation, observe: Side, predict: Side, instance: Instance
) -> Finding:
    """A finding on floats, certified in ball arithmetic where the instance has an exact meaning and
    is small enough.

    The claim's own formulas run on balls, so nothing is stated twice. What ball arithmetic decides
    counts, whatever floats say: only data have an exact meaning. Where it decides nothing, or a
    formula uses what it does not have, the numerical finding counts.

    Args:
        found: what floats and their rounding bound say.
        relation: that judges balls.
        observe: measures.
        predict: predicts.
        instance: of floats.
    """
    if type(instance).precise is Instance.precise:
        return found
    try:
        certified = relation.judge(observe, predict, instance)
    except (
        TypeError,
        AttributeError,
        ValueError,
        RuntimeError,
    ) as error:  # a formula in torch's own functions
        return replace(
            found, context={**found.context, "not certified": f"{type(error).__name__}: {error}"}
        )
    return found if certified.outcome is Outcome.UNDECIDED else certified
