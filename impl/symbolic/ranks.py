"""When a sum of monomials is a matrix of low rank: every monomial passes from the rows to the columns through one axis.

If cutting a bound index c of size C parts a monomial in a left half L[row, c] and a right half
R[c, column], it is a product of rank at most C. Σ L R over several monomials is a product of that
rank as soon as they share their left half, or their right one; so the rank is at most C times the
least number of halves that touch every monomial (a vertex cover of a bipartite graph, which is as
large as a largest matching). A monomial that falls apart without a cut has rank one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from theorems.impl.symbolic.arrays import Symbolic
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.labelling import _Component, _components
from theorems.impl.symbolic.monomials import Index, Monomial

Half: TypeAlias = tuple[object, ...]
Edges: TypeAlias = list[tuple[Half, Half]]


class Least:
    """The least of several bounds: whatever is below it is below each of them."""

    __array_ufunc__ = None

    def __init__(self, options: tuple[Symbolic, ...]) -> None:
        """Keep them."""
        self.options = options

    def __mul__(self, factor: int) -> Least:
        """A positive multiple.

        Raises:
            NotOfThisFormError: for another factor.
        """
        if type(factor) is not int or factor < 1:
            raise NotOfThisFormError("a multiple of the least of several sizes")
        return Least(tuple(option * factor for option in self.options))

    __rmul__ = __mul__


def rank_within(matrix: Symbolic, bound: Symbolic) -> bool:
    """Whether the rank of a matrix (of each, along leading axes) is at most ``bound`` for all sizes and entries.

    Args:
        matrix: (…, n, m).
        bound: a sum of whole multiples of sizes, and a whole number.
    """
    allowed = _allowed(bound)
    if allowed is None or matrix.ndim < 2:
        return False
    edges: dict[str, Edges] = {}
    for term in matrix.terms:
        cuts = [cut for cut in _cuts(term) if allowed.get(cut[0], 0)]
        if not cuts:
            return False
        kind, left, right = cuts[0]
        edges.setdefault(kind, []).append((left, right))
    return all(_cover(found) <= allowed[kind] for kind, found in edges.items())


def _allowed(bound: Symbolic) -> dict[str, int] | None:
    """How many times each size is allowed, the number one under the name ""; None for what is no such sum."""
    found: dict[str, int] = {}
    for term, c in bound.terms.items():
        plain = not term.factors and len(term.scalars) <= 1 and c > 0 and c.denominator == 1
        if bound.ndim or not plain or (term.scalars and term.scalars[0][1] != 1):
            return None
        found[term.scalars[0][0] if term.scalars else ""] = int(c)
    return found


def _cuts(term: Monomial) -> Iterator[tuple[str, Half, Half]]:
    """The size through which a monomial passes, and its halves; without any cut first."""
    row, column = term.out[-2:]
    if row is not None and row == column:
        return
    fixed: dict[Index, int] = {}
    for index in term.out:
        if index is not None:
            fixed.setdefault(index, len(fixed))
    inside = {i for _, indices in term.factors for i in indices}
    count = len(fixed)
    fixed |= {i: i[1] for i in inside if i[1] < 0}
    for cut in (None, *sorted(inside - fixed.keys())):
        apart = fixed if cut is None else fixed | {cut: count}
        halves = _halves(term, apart, row, column)
        if halves is not None:
            yield ("" if cut is None else cut[0]), *halves


def _halves(
    term: Monomial, fixed: dict[Index, int], row: Index | None, column: Index | None
) -> tuple[Half, Half] | None:
    left: list[object] = []
    right: list[object] = []
    for factors in _components(term.factors, fixed):
        touched = {i for _, indices in factors for i in indices}
        if column in touched and row in touched:
            return None
        name = _Component(factors, fixed).least()[0]
        (right if column in touched else left).append(name)
    pattern = term.out
    return (pattern, *sorted(left, key=repr)), (pattern, *sorted(right, key=repr))


def _cover(edges: Edges) -> int:
    """The least number of halves that touch every pair: by a largest matching."""
    neighbours: dict[Half, list[Half]] = {}
    for left, right in edges:
        neighbours.setdefault(left, []).append(right)
    matched: dict[Half, Half] = {}

    def augment(left: Half, seen: set[Half]) -> bool:
        for right in neighbours[left]:
            if right not in seen:
                seen.add(right)
                if right not in matched or augment(matched[right], seen):
                    matched[right] = left
                    return True
        return False

    return sum(augment(left, set()) for left in neighbours)
