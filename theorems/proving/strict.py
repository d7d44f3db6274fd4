"""Strict inequalities that hold by a hypothesis: a sum of squares one of which is of an array that
is said not to vanish.

Σ_l ‖g_l‖² > 0 where some g_l is, up to its sign, an array w of which a hypothesis of the claim says
that it is not zero. Both are looked at as normal forms: that the observed number is the sum of
these squares, and that g_l = ±w.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from theorems.claim import Claim
from theorems.gram_hierarchy import weight_gram_operators
from theorems.gram_hierarchy.common import activation_velocities, conjugate_velocities
from theorems.gram_hierarchy.operators import STATED
from theorems.gram_hierarchy.weight_gram_operators import closed_fields, without_gram
from theorems.impl.gram_hierarchy.gated import GatedNetwork, fields
from theorems.impl.numbers.linalg import squared_norm
from theorems.impl.numbers.operands import Operand
from theorems.impl.symbolic.relations import note_used
from theorems.proving.proof import Part

Squares: TypeAlias = tuple[list[Operand], Operand] | None


def _missed_conjugates(net: GatedNetwork) -> Squares:
    """ṗ^l less its closed form; from depth three on the Gram terms at p¹ do not vanish."""
    if net.depth < 3:
        return None
    seen = fields(net)
    whole, local = (
        recursion.pullback(net, seen, 1, seen.z[1]) for recursion in (STATED, without_gram())
    )
    return _gaps(conjugate_velocities(net), closed_fields(net), "p"), whole - local


def _missed_activations(net: GatedNetwork) -> Squares:
    """ż^l less its closed form; from depth two on the Gram terms at z^L do not vanish."""
    if net.depth < 2:
        return None
    seen, top = fields(net), net.depth
    whole, local = (
        recursion.pushforward(net, seen, top, seen.p[top]) for recursion in (STATED, without_gram())
    )
    return _gaps(activation_velocities(net), closed_fields(net), "z"), whole - local


def _gaps(moving: Any, closed: Any, letter: str) -> list[Operand]:
    return [moving[name] - closed[name] for name in closed if name.startswith(letter)]


_STRICT: tuple[tuple[Claim, dict[str, Callable[[Any], Squares]]], ...] = (
    (
        weight_gram_operators.closure_needs_gram_from_depth_three,
        {
            "closed conjugate dynamics miss by": _missed_conjugates,
            "closed forward dynamics miss by": _missed_activations,
        },
    ),
)


def by_hypothesis(claim: Claim, instance: Any, parts: Sequence[Part]) -> list[Part]:
    """The parts, those proved that say > 0 of squares one of which a hypothesis of the claim keeps
    from zero.
    """
    known = next((found for stated, found in _STRICT if stated is claim), {})
    return [
        _strict(part, known[part.name](instance)) if _open(part, known) else part for part in parts
    ]


def _open(part: Part, known: Any) -> bool:
    return (
        part.name in known and part.sign == ">" and part.how == "open" and not part.predicted.terms
    )


def _strict(part: Part, found: Squares) -> Part:
    if found is None:
        return part
    gaps, kept = found
    total = sum((squared_norm(gap) for gap in gaps), start=part.predicted)
    if (part.observed - total).terms or not any(_same(gap, kept) for gap in gaps):
        return part
    note_used("squares of what a hypothesis keeps from zero")
    return replace(part, how="sign")


def _same(one: Any, other: Any) -> bool:
    if [str(size) for size in one.shape] != [str(size) for size in other.shape]:
        return False
    return not (one - other).terms or not (one + other).terms
