"""When a sum of monomials is a matrix of low rank: every monomial passes from the rows to the
columns through one axis.

If cutting a bound index c of size C parts a monomial in a left half L[row, c] and a right half
R[c, column], it is a product of rank at most C. Σ L R over several monomials is a product of that
rank as soon as they share their left half, or their right one; so the rank is at most C times the
least number of halves that touch every monomial (a vertex cover of a bipartite graph, which is as
large as a largest matching). A monomial that falls apart without a cut has rank one.

*One less.* If Σ_c L[row, c] = 0, the columns of L are dependent and rank L ≤ C − 1. If of every
monomial one half or the other vanishes so, then of L Σ R_t either L does, or all R_t do, and with
them their sum; so each half that is counted counts C − 1, and k' of them k'(C − 1) ≤ kC − m for k'
≤ k, m ≤ k and C ≥ 1.

*Selections.* A variable S whose entries are 0 or 1, exactly one 1 along the chosen axis i for each
of its other indices, reads x_i off at the chosen place: S[i, p] x_i = S[i, p] Σ_j S[j, p] x_j,
since S[i, p] S[j, p] is zero unless i = j. So what hangs on the row i beside S[i, p] may hang on a
copy j of it, behind p.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from theorems.impl.symbolic.arrays import Symbolic
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.labelling import _Component, _components
from theorems.impl.symbolic.monomials import Factor, Index, Monomial, largest
from theorems.impl.symbolic.relations import note_used
from theorems.impl.symbolic.sums import collected

Half: TypeAlias = tuple[object, ...]


Edge: TypeAlias = tuple[Half, Half]


class Least:
    """The least of several bounds: whatever is below it is below each of them."""

    __array_ufunc__ = None

    def __init__(self, options: tuple[Any, ...]) -> None:
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


class Stacked:
    """An array (…, n, m) whose axes before the last count as one, as ``reshape(-1, m)`` makes of
    it; only its rank is asked for.
    """

    __array_ufunc__ = None

    def __init__(self, array: Symbolic) -> None:
        """Keep it as it is."""
        self.array, self.shape = array, ("rows of all", array.shape[-1])


def rank_within(matrix: Symbolic | Stacked, bound: Symbolic) -> bool:
    """Whether the rank of a matrix (of each, along leading axes) is at most ``bound`` for all sizes
    and entries.

    Args:
        matrix: (…, n, m); stacked: all rows under one another.
        bound: a sum of whole multiples of sizes, and a whole number; or k·C − m with m ≤ k.
    """
    allowed = _allowed(bound)
    array, rows = (
        (matrix.array, slice(None, -1)) if isinstance(matrix, Stacked) else (matrix, slice(-2, -1))
    )
    if allowed is None or array.ndim < 2:
        return False
    less = -min(0, allowed.get("", 0))
    if any(
        _is_side(array, side, allowed, less)
        for side in ((-1,) if isinstance(matrix, Stacked) else (-1, -2))
    ):
        return True
    edges: dict[str, list[Edge]] = {}
    for term in array.terms:
        found = _edge(term, rows, allowed, less=less > 0)
        if found is None:
            return False
        edges.setdefault(found[0], []).append(found[1])
    return all(max(less, _cover(found)) <= allowed[kind] for kind, found in edges.items())


def _is_side(array: Symbolic, side: int, allowed: dict[str, int], less: int) -> bool:
    """Whether the bound is at least one side of the matrix; or one less than that, where the sum
    over it is zero.
    """
    name = getattr(array.shape[side], "name", "")
    return less <= allowed.get(name, 0) > 0 and (not less or not array.sum(side).terms)


def _edge(
    term: Monomial, rows: slice, allowed: dict[str, int], *, less: bool
) -> tuple[str, Edge] | None:
    """The first cut through an axis that is allowed; one of its halves vanishes, where one less is
    asked for.
    """
    for variant, selects in _variants(term, rows):
        for kind, edge in _cuts(variant, rows, less=less):
            if allowed.get(kind, 0) > 0:
                if selects:
                    note_used(selects)
                return kind, edge
    return None


def _allowed(bound: Symbolic) -> dict[str, int] | None:
    """How many times each size is allowed, the number one under the name ""; None for what is no
    such sum.
    """
    found: dict[str, int] = {}
    for term, c in bound.terms.items():
        plain = not term.factors and len(term.scalars) <= 1 and c.denominator == 1
        if bound.ndim or not plain or (term.scalars and (term.scalars[0][1] != 1 or c < 0)):
            return None
        found[term.scalars[0][0] if term.scalars else ""] = int(c)
    if found.get("", 0) < 0 and len(found) != 2:
        return None
    return found


def _variants(term: Monomial, rows: slice) -> Iterator[tuple[Monomial, str]]:
    """The monomial, and what selections make of it: a copy of a row's index (or a column's), behind
    a bound index of the selection.
    """
    yield term, ""
    for place, (node, indices) in enumerate(term.factors):
        chosen = getattr(node.algebra, "chosen", None)
        if chosen is None or indices[chosen] not in (*term.out[rows], term.out[-1]):
            continue
        row = indices[chosen]
        copy = (row[0], largest(term) + 1)
        beside = tuple(
            (other, tuple(copy if i == row else i for i in idx)) if at != place else (other, idx)
            for at, (other, idx) in enumerate(term.factors)
        )
        again = (node, tuple(copy if at == chosen else i for at, i in enumerate(indices)))
        yield term._replace(factors=(*beside, again)), node.algebra.name


def _cuts(term: Monomial, rows: slice, *, less: bool) -> Iterator[tuple[str, Edge]]:
    """The size through which a monomial passes, and its halves, one of which vanishes if ``less``;
    without any cut first.
    """
    above, column = set(term.out[rows]) - {None}, term.out[-1]
    if column is not None and column in above:
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
        parts = _parted(term, apart, above, column)
        if parts is None or (less and not any(_vanishes(part, apart, cut) for part in parts)):
            continue
        left, right = ((term.out, *_named(part, apart)) for part in parts)
        yield ("" if cut is None else cut[0]), (left, right)


def _parted(
    term: Monomial, fixed: dict[Index, int], rows: set[Index | None], column: Index | None
) -> tuple[list[Factor], list[Factor]] | None:
    """The factors of both halves, or None where a piece touches a row and the column."""
    halves: tuple[list[Factor], list[Factor]] = ([], [])
    for factors in _components(term.factors, fixed):
        touched = {i for _, indices in factors for i in indices}
        if column in touched and rows & touched:
            return None
        halves[column in touched].extend(factors)
    return halves


def _named(factors: list[Factor], fixed: dict[Index, int]) -> list[object]:
    """One name for all halves that differ in their bound indices only."""
    names = [_Component(part, fixed).least()[0] for part in _components(tuple(factors), fixed)]
    return sorted(names, key=repr)


def _vanishes(factors: Sequence[Factor], fixed: dict[Index, int], cut: Index | None) -> bool:
    """Whether Σ over the cut index of a half is zero, by the relations of its variables."""
    if cut is None or not any(node.algebra is not None for node, _ in factors):
        return False
    out = tuple(index for index in fixed if index != cut and index[1] >= 0)
    return not collected([(Monomial((), tuple(factors), out), Fraction(1))])


def _cover(edges: list[Edge]) -> int:
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
