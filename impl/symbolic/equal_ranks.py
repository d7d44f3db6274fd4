"""When two matrices have one rank: M = A Y B, or M = A Y Yᵀ B, with A and B invertible and a factor
that is not zero.

A product with an invertible matrix keeps the rank, and rank Y Yᵀ = rank Y over the reals.
Invertible is what was introduced as the inverse of something, or with an inverse.
"""

from __future__ import annotations

from typing import Any

from theorems.impl.symbolic.arrays import Symbolic
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.monomials import Factor, Index, Monomial
from theorems.impl.symbolic.ranks import Least, Stacked, rank_within
from theorems.impl.symbolic.relations import note_used


class RankOf:
    """The rank of a matrix, whatever it is: it may be compared with other ranks."""

    __array_ufunc__ = None

    def __init__(self, matrix: Symbolic) -> None:
        """Keep the matrix."""
        self.matrix = matrix

    def smaller(self, other: Any) -> Least:
        """The smaller of it and of a size."""
        return Least((self, self.matrix.lifted(other)))

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NotOfThisFormError("arithmetic with the rank of a matrix")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __index__ = _refuse
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _refuse
    __hash__ = object.__hash__


def rank_is_least(matrix: Symbolic | Stacked, options: tuple[Any, ...], *, equal: bool) -> bool:
    """Whether the rank of a matrix is at most (if ``equal``: is) the least of several bounds, for
    all sizes and entries.
    """
    met = False
    for option in options:
        if isinstance(option, RankOf):
            if isinstance(matrix, Stacked) or not same_rank(matrix, option.matrix):
                return False
            if matrix.terms != option.matrix.terms:
                note_used("rank A Y Yᵀ B = rank Y for invertible A and B")
            met = True
        elif not rank_within(matrix, option):
            return False
    return met or not equal


def same_rank(matrix: Symbolic, other: Symbolic) -> bool:
    """Whether two matrices are seen to have one rank for all sizes and entries."""
    if matrix.ndim != 2 or other.ndim != 2 or len(matrix.terms) != 1 or len(other.terms) != 1:
        return False
    (term,), (bare,) = matrix.terms, other.terms
    if len(bare.factors) != 1 or None in bare.out or None in term.out or term.out[0] == term.out[1]:
        return False
    (node, own), left = bare.factors[0], list(term.factors)
    if len(own) != 2 or set(own) != set(bare.out) or own[0] == own[1]:
        return False
    row, column = (_stripped(left, term, index) for index in term.out)
    if len(left) == 1:
        return left[0][0] == node and len({row, column}) == 2 and {row, column} == set(left[0][1])
    if len(left) != 2 or any(other_node != node for other_node, _ in left) or row == column:
        return False
    (_, one), (_, two) = left
    if one[0] == two[0]:
        one, two = one[::-1], two[::-1]
    return (
        one[1] == two[1]
        and one[1][1] >= 0
        and one[1] not in (row, column)
        and {one[0], two[0]} == {row, column}
    )


def _stripped(left: list[Factor], term: Monomial, index: Index | None) -> Index | None:
    """What an outer index becomes when all invertible matrices that stand before it are taken off,
    in place.
    """
    while True:
        for place, (node, indices) in enumerate(left):
            square = len(indices) == 2 and index in indices and indices[0] != indices[1]
            if not (square and getattr(node.algebra, "invertible", False)):
                continue
            following = indices[1] if indices[0] == index else indices[0]
            if (
                following in term.out
                or following[1] < 0
                or sum(idx.count(following) for _, idx in left) != 2
                or _elsewhere(left, place, index)
            ):
                continue
            del left[place]
            index = following
            break
        else:
            return index


def _elsewhere(left: list[Factor], place: int, index: Index | None) -> bool:
    return any(index in indices for at, (_, indices) in enumerate(left) if at != place)
