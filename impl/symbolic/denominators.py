"""Sums times a denominator that is a sum of squares: what has a sign times x, where 1/x is defined,
has it itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from theorems.impl.symbolic.arrays import Symbolic
from theorems.impl.symbolic.monomials import Index, Monomial, Node
from theorems.impl.symbolic.sizes import Size
from theorems.impl.symbolic.sums import collected

Terms = Mapping[Monomial, Fraction]


def cleared(terms: Terms) -> Iterator[dict[Monomial, Fraction]]:
    """For every 1/x with a positive x the summands of a sum over its indices, times x.

    Where x is positive, Σ_i g[i] has the sign that all g[i] x[i] have: every monomial must have the
    indices of 1/x among its own, each of them bound or of the output.
    """
    known: dict[str, tuple[Node, Symbolic]] = {}
    for term in terms:
        for node, _ in term.factors:
            denominator = getattr(node.algebra, "denominator", None)
            if denominator is not None:
                known.setdefault(node.name, (node, denominator))
    for name, (_, denominator) in known.items():
        if _positive(denominator):
            yield from _times(terms, name, denominator)


def _positive(denominator: Symbolic) -> bool:
    from theorems.impl.symbolic.signs import sign_of

    return sign_of(denominator.terms, denominators=0) == 1


def _times(terms: Terms, name: str, denominator: Symbolic) -> Iterator[dict[Monomial, Fraction]]:
    """One entry of the sum over the indices of 1/x, times x: nothing where a monomial does not run
    through them.
    """
    kinds = [size.name for size in denominator.shape]
    found: list[tuple[Monomial, Fraction]] = []
    fixed: tuple[int | None, ...] | None = None
    for term, c in terms.items():
        at = next(
            (indices for node, indices in term.factors if node.name == name), None if kinds else ()
        )
        if at is None:
            at = _other_indices(term, kinds) if kinds else None
        if at is None or any(number < 0 for _, number in at):
            return
        found.append((term._replace(out=(*term.out, *at)), c))
        outer = tuple(term.out.index(i) if i in term.out else None for i in at)
        if fixed is not None and outer != fixed:
            return
        fixed = outer
    shape = [Size(i[0]) if i is not None else 1 for i in found[0][0].out]
    summands = Symbolic(shape, collected(found))
    yield (summands * denominator).terms


def _other_indices(term: Monomial, kinds: list[str]) -> tuple[Index, ...] | None:
    """Where a monomial has no 1/x, for one of one dimension: the index of another quotient, or its
    only index of that kind; None if it has none.
    """
    quotients = [
        idx for node, idx in term.factors if getattr(node.algebra, "denominator", None) is not None
    ]
    inside = {i for _, indices in term.factors for i in indices if i not in term.out and i[1] >= 0}
    own = [
        idx[0] for idx in quotients if len(idx) == 1 and idx[0] in inside and idx[0][0] == kinds[0]
    ]
    own = own or [i for i in inside if i[0] == kinds[0]]
    return (own[0],) if len(kinds) == 1 and len(set(own)) == 1 else None
