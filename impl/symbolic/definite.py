"""Signs of sums with inverses of positive matrices: R = M⁻¹ ⪰ 0 for M ⪰ 0, and the inverse is
convex.

For positive definite M_k and weights w_k > 0 with Σ w_k = 1, Σ w_k M_k⁻¹ ⪰ (Σ w_k M_k)⁻¹ (the
inverse is operator convex). So Σ_ij H_i (Σ_k p_k R_k − c R)_ij H_j ≥ 0 for any H, if M = Σ p_k M_k
/ Σ p_k and c ≤ Σ p_k. A matrix M is seen to be positive semidefinite where vᵀM v is a sum of
squares for a free v; where it has an inverse, it is definite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations
from typing import Any

from theorems.impl.symbolic.arrays import Symbolic, variable
from theorems.impl.symbolic.labelling import _Component, _components, canonical
from theorems.impl.symbolic.monomials import Factor, Index, Monomial
from theorems.impl.symbolic.relations import note_used

Terms = Mapping[Monomial, Fraction]
_KEPT = 2
"""Indices kept apart besides those of an inverse, at most."""


def inverses_are_positive(terms: Terms) -> bool:
    """Whether a sum is a sum over such forms in inverses of positive matrices."""
    groups: dict[Monomial, list[tuple[Any, Fraction]]] = {}
    for term, c in terms.items():
        places = [
            p
            for p, (node, _) in enumerate(term.factors)
            if getattr(node.algebra, "inverse_of", None) is not None
        ]
        if len(places) != 1 or not _mirrored(term, places[0]):
            return False
        node, indices = term.factors[places[0]]
        blank = node._replace(name="", algebra=None)
        factors = (*term.factors[: places[0]], (blank, indices), *term.factors[places[0] + 1 :])
        groups.setdefault(canonical(term._replace(factors=factors)), []).append(
            (node.algebra.inverse_of, c)
        )
    found = bool(groups) and all(_convex(members) for members in groups.values())
    if found:
        note_used("M⁻¹ ⪰ 0 and convex for M ≻ 0")
    return found


def _convex(members: list[tuple[Symbolic, Fraction]]) -> bool:
    """Whether Σ c M⁻¹ is positive semidefinite: no negative coefficient, or one, that of the mean
    of the others.
    """
    above = [(matrix, c) for matrix, c in members if c > 0]
    below = [(matrix, c) for matrix, c in members if c < 0]
    if len(below) > 1 or not above or not all(_semidefinite(matrix) for matrix, _ in above):
        return False
    if not below:
        return True
    total = sum((c for _, c in above), Fraction(0))
    (matrix, c) = below[0]
    mean = above[0][0] * 0
    for other, weight in above:
        if [s.name for s in other.shape] != [s.name for s in matrix.shape]:
            return False
        mean = mean + other * (weight / total)
    return -c <= total and not (mean - matrix).terms


def _semidefinite(matrix: Symbolic) -> bool:
    from theorems.impl.symbolic.signs import sign_of

    if (matrix - matrix.mT).terms:
        return False
    along = variable("any direction", matrix.shape[:1])
    return sign_of((along @ matrix @ along).terms, denominators=0) == 1


def _mirrored(term: Monomial, place: int) -> bool:
    """Whether what hangs on the one index of an inverse is what hangs on the other, and the rest is
    a square.
    """
    one, two = term.factors[place][1]
    rest = term.factors[:place] + term.factors[place + 1 :]
    outer = {index for index in term.out if index is not None}
    if one == two or {one, two} & outer or one[1] < 0 or two[1] < 0:
        return False
    fixed: dict[Index, int] = {}
    for index in term.out:
        if index is not None:
            fixed.setdefault(index, len(fixed))
    inside = {i for _, indices in rest for i in indices}
    fixed |= {i: i[1] for i in inside if i[1] < 0}
    count = len(fixed) + 1
    bound = sorted(i for i in inside - fixed.keys() if i not in (one, two))
    for size in range(min(len(bound), _KEPT) + 1):
        for apart in combinations(bound, size):
            names = fixed | {index: 100 + count + at for at, index in enumerate(apart)}
            if _same_sides(rest, names, one, two, count):
                return True
    return False


def _same_sides(
    rest: tuple[Factor, ...], fixed: dict[Index, int], one: Index, two: Index, place: int
) -> bool:
    sides: tuple[Counter[object], Counter[object], Counter[object]] = (
        Counter(),
        Counter(),
        Counter(),
    )
    both = fixed | {one: place, two: place}
    for part in _components(rest, both):
        touched = {i for _, indices in part for i in indices}
        if one in touched and two in touched:
            return False
        name = _Component(part, both).least()[0]
        sides[0 if one in touched else 1 if two in touched else 2][name] += 1
    return sides[0] == sides[1] and all(count % 2 == 0 for count in sides[2].values())
