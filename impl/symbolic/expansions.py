"""Longer monomials that equal a given one by a relation, for sums of squares: rules shorten, and
squares are hidden by that.

* A projector is its own square, P = P P, and P = Q P = P Q for a projector Q on a space that holds
  that of P.
* A piece H of a product A · H of two different pieces may have the square of something else: H H =
  B B by a relation.

Each is an equality between numbers for all sizes and entries, found by rewriting the longer
monomial into the given one.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from theorems.impl.symbolic.labelling import _components, canonical
from theorems.impl.symbolic.monomials import Factor, Index, Monomial, largest
from theorems.impl.symbolic.sums import collected

Terms = Mapping[Monomial, Fraction]
Equals = dict[Monomial, list[Monomial]]


def equals_of(terms: Terms, cuts: Any) -> Equals:
    """By each monomial others of the same value.

    Args:
        terms: of the sum.
        cuts: gives the sets of indices that are kept apart, of a monomial.
    """
    found: Equals = {}
    for term in terms:
        for other in _with_projectors(term, terms):
            found.setdefault(term, []).append(other)
        for square in _squares(term, cuts):
            value = collected([(square, Fraction(1))])
            for same, c in value.items():
                if len(value) == 1 and c == 1 and same in terms and square != same:
                    found.setdefault(same, []).append(square)
    return {term: list(dict.fromkeys(others)) for term, others in found.items()}


def _with_projectors(term: Monomial, terms: Terms) -> list[Monomial]:
    """A projector P of the monomial as P P, and as P Q and Q P with the others of the sum."""
    known: dict[str, Any] = {}
    for other in terms:
        known |= {
            node.name: node
            for node, _ in other.factors
            if getattr(node.algebra, "projector", None) is not None
        }
    found = []
    fresh = largest(term) + 1
    for place, (node, indices) in enumerate(term.factors):
        if node.name not in known:
            continue
        rest = term.factors[:place] + term.factors[place + 1 :]
        between = (indices[0][0], fresh)
        for outer in known.values():
            pairs = (
                [(node, node)]
                if outer == node
                else [(outer, node), (node, outer)]
                if _holds(outer, node)
                else []
            )
            for left, right in pairs:
                both = ((left, (indices[0], between)), (right, (between, indices[1])))
                found.append(canonical(term._replace(factors=(*rest, *both))))
    return found


def _holds(outer: Any, inner: Any) -> bool:
    """Whether one projector's space holds that of another: Q F = F for the columns F of the
    other.
    """
    columns = inner.algebra.columns
    if outer.algebra.columns.shape[0].name != columns.shape[0].name:
        return False
    return not (outer.algebra.projector @ columns - columns).terms


def _squares(term: Monomial, cuts: Any) -> list[Monomial]:
    """The squares of the two pieces of a monomial, summed over what is kept apart."""
    found = []
    for fixed, order in cuts(term):
        pieces = _components(term.factors, fixed)
        if len(pieces) == 2 and order:
            found += [_square(term, piece, fixed) for piece in pieces]
    return found


def _square(term: Monomial, piece: tuple[Factor, ...], fixed: dict[Index, int]) -> Monomial:
    shift = largest(term) + 1
    again = tuple(
        (node, tuple(i if i in fixed else (i[0], i[1] + shift) for i in idx)) for node, idx in piece
    )
    return canonical(Monomial(term.scalars, (*piece, *again), term.out))
