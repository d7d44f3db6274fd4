"""Entrywise quotients: 1/x as a variable of its own, with the rule x · x⁻¹ = 1.

Like an inverse it is said wherever there is one: where an entry of x is zero the formula is not
defined, and an instance says nothing. The rule takes the leading monomial of x away beside 1/x: 1/x
· lead = (1 − 1/x · tail)/c for x = c · lead + tail. Monomials are ordered by their length, then by
the names of their variables, then by their indices, so that the rule comes to an end (after
`sums.STEPS` steps a sum is given up); of two monomials that differ in their scalars alone none
leads, and then there is no rule.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from theorems.impl.symbolic.arrays import Symbolic, identity, number, variable
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.exponentials import Exponentials, reciprocal_power
from theorems.impl.symbolic.labelling import _components, canonical
from theorems.impl.symbolic.monomials import Monomial
from theorems.impl.symbolic.relations import Algebra, Rule
from theorems.impl.symbolic.sizes import Size
from theorems.impl.symbolic.sums import collected, spread


def reciprocal(value: Symbolic) -> Symbolic:
    """1/x entry by entry, wherever there is one.

    Raises:
        NotOfThisFormError: for a division by zero, or by the entries of an identity matrix.
    """
    if not value.terms:
        raise NotOfThisFormError("a division by zero")
    for term in value.terms:
        named = [index for index in term.out if index is not None]
        if len(set(named)) < len(named):
            raise NotOfThisFormError("a division by the entries of a diagonal matrix")
    needed = [
        axis for axis in range(value.ndim) if any(_touches(term, axis) for term in value.terms)
    ]
    bare = {
        term._replace(out=tuple(term.out[axis] for axis in needed)): c
        for term, c in value.terms.items()
    }
    shape = [value.shape[axis] for axis in needed]
    found = _reciprocal(
        tuple(size.name for size in shape), frozenset(collected(list(bare.items())).items())
    )
    places = [needed.index(axis) if axis in needed else None for axis in range(value.ndim)]
    whole = found._relabelled([1 if p is None else found.shape[p] for p in places], places)
    return Symbolic(value.shape, collected(spread(whole.terms, value.shape)))


def _touches(term: Monomial, axis: int) -> bool:
    return any(term.out[axis] in indices for _, indices in term.factors)


def _order(term: Monomial) -> tuple[int, list[str], str]:
    """An order that products keep: the number of variables, then their names, then how they hang
    together.
    """
    indices = [idx for _, idx in term.factors]
    return (
        len(term.factors),
        sorted(node.name for node, _ in term.factors),
        repr((indices, term.out)),
    )


@lru_cache(maxsize=1000)
def _reciprocal(sizes: tuple[str, ...], terms: frozenset[tuple[Monomial, Fraction]]) -> Symbolic:
    value = Symbolic([Size(name) for name in sizes], dict(terms))
    ordered = sorted(value.terms, key=lambda term: (_order(term), repr(term)))
    lead = ordered[-1]
    scale = _scalar(lead.scalars, value.terms[lead])
    if len(ordered) == 1 and all(set(indices) <= set(lead.out) for _, indices in lead.factors):
        return _of_product(value, lead) / scale
    chosen = _chosen(value)
    if chosen is not None:
        return (chosen[0] * reciprocal(chosen[1])).sum(-1)
    parts = _parted(value, lead)
    if parts is not None:
        return reciprocal(parts[0]) * reciprocal(parts[1])
    monic = value / scale
    algebra = Algebra("x · x⁻¹ = 1, entry by entry", denominator=monic)
    found = variable(f"rec({monic.label()})", value.shape, algebra=algebra)
    if len(ordered) == 1 or _order(ordered[-2]) < _order(lead):
        head = Symbolic(value.shape, {lead._replace(scalars=()): Fraction(1)})
        product = found * head
        ((pattern, _),) = product.terms.items()
        value_of_it = number(1) - found * (monic - head)
        algebra.rules.append(Rule(pattern, _over(value_of_it, value.shape).terms))
    return found / scale


def _chosen(value: Symbolic) -> tuple[Symbolic, Symbolic] | None:
    """Of Σ_i s_i x_i with a selection s both s and x over the axis i more: its reciprocal is Σ_i
    s_i/x_i; None for another sum.
    """
    first = next(iter(value.terms))
    for node, indices in first.factors:
        axis = getattr(node.algebra, "chosen", None)
        if axis is None:
            continue
        found = []
        for term, c in value.terms.items():
            places = [p for p, (other, _) in enumerate(term.factors) if other == node]
            if len(places) != 1:
                break
            own = term.factors[places[0]][1]
            rest = term.factors[: places[0]] + term.factors[places[0] + 1 :]
            others = tuple(None if at == axis else i for at, i in enumerate(own))
            outer = tuple(None if at == axis else i for at, i in enumerate(indices))
            if (
                own[axis] in term.out
                or own[axis][1] < 0
                or others != outer
                or not {*others} <= {None, *term.out}
            ):
                break
            found.append((Monomial(term.scalars, rest, (*term.out, own[axis])), c))
        else:
            shape = (*value.shape, Size(indices[axis][0]))
            bare = Monomial((), ((node, indices),), (*first.out, indices[axis]))
            return Symbolic(shape, collected([(bare, Fraction(1))])), Symbolic(
                shape, collected(found)
            )
    return None


def _parted(value: Symbolic, lead: Monomial) -> tuple[Symbolic, Symbolic] | None:
    """A piece that stands in every monomial, and what it is multiplied with; None without one."""
    fixed = {index: place for place, index in enumerate(lead.out) if index is not None}
    for part in _components(lead.factors, fixed):
        piece = canonical(Monomial((), part, lead.out))
        found = {}
        for term, c in value.terms.items():
            pieces = _components(
                term.factors, {i: place for place, i in enumerate(term.out) if i is not None}
            )
            same = next((p for p in pieces if canonical(Monomial((), p, term.out)) == piece), None)
            if same is None:
                break
            left = tuple(factor for other in pieces if other is not same for factor in other)
            found[term._replace(factors=left)] = c
        else:
            one = Symbolic(value.shape, {piece: Fraction(1)})
            rest = Symbolic(value.shape, collected(list(found.items())))
            alone = len(value.terms) == 1 and not next(iter(rest.terms)).factors
            if not alone and (one * rest).terms == value.terms:
                return one, rest
    return None


def _of_product(value: Symbolic, lead: Monomial) -> Symbolic:
    """1/(a·b) = 1/a · 1/b, each of one variable."""
    out = _over(number(1), value.shape)
    for node, indices in lead.factors:
        if node.gate:
            raise NotOfThisFormError("a division by entries that are zero or one")
        alone = Symbolic(
            value.shape, collected([(Monomial((), ((node, indices),), lead.out), Fraction(1))])
        )
        out = out * _of_one(alone)
    return out


def _of_one(alone: Symbolic) -> Symbolic:
    ((term, _),) = alone.terms.items()
    node, indices = term.factors[0]
    if isinstance(node.algebra, Exponentials):
        return Symbolic(
            alone.shape,
            {term._replace(factors=((reciprocal_power(node.name), indices),)): Fraction(1)},
        )
    algebra = _ALGEBRAS.setdefault((node, len(indices)), Algebra("x · x⁻¹ = 1, entry by entry"))
    inverse = node._replace(name=f"1/{node.name}", algebra=algebra)
    found = Symbolic(alone.shape, {term._replace(factors=((inverse, indices),)): Fraction(1)})
    if not algebra.rules:
        own = tuple((kind, place) for place, (kind, _) in enumerate(indices))
        once = Monomial((), (), own)
        algebra.rules.append(
            Rule(once._replace(factors=((inverse, own), (node, own))), {once: Fraction(1)})
        )
    return found


_ALGEBRAS: dict[tuple[Any, int], Algebra] = {}
"""By a variable and the number of its indices: names alone come again in other proofs, for a matrix
that is not symmetric.
"""


def _scalar(scalars: tuple[tuple[str, int], ...], c: Fraction) -> Symbolic:
    return Symbolic((), {Monomial(scalars, (), ()): c})


def _over(value: Symbolic, shape: Any) -> Symbolic:
    return Symbolic(shape, collected(spread(value.terms, shape)))


def numerator(value: Symbolic) -> Symbolic:
    """A number times the denominators x of all its 1/x, which are not zero, without its
    coefficient: zero where the number is.
    """
    if value.ndim:
        return value
    for _ in range(_CLEARED):
        found = [
            n
            for t in value.terms
            for n, i in t.factors
            if not i and getattr(n.algebra, "denominator", None) is not None
        ]
        if not found:
            break
        value = value * found[0].algebra.denominator
    if not value.terms:
        return value
    first = max(value.terms, key=lambda term: (_order(term), term.scalars))
    return value / _scalar(first.scalars, value.terms[first])


_CLEARED = 4
"""Denominators that a number is multiplied with at most."""


def diagonal_inverse(matrix: Symbolic, multiple: Symbolic) -> Symbolic | None:
    """The inverse of Q diag(d) Qᵀ + b I, for a Q with QᵀQ = QQᵀ = I or none: Q diag(1/(d + b)) Qᵀ;
    None for another matrix.
    """
    found: list[tuple[Any, bool]] = []
    values: list[tuple[Monomial, Fraction]] = []
    for term, c in matrix.terms.items():
        row, column = term.out
        if row == column:
            found.append((None, False))
            values.append((term._replace(out=(row,)), c))
            continue
        turned = [(node, idx) for node, idx in term.factors if row in idx or column in idx]
        if len(turned) != 2 or turned[0][0] != turned[1][0] or not _square_frame(turned[0][0]):
            return None
        (node, one), (_, two) = turned
        first = one[0] in (row, column)
        own = one[1] if first else one[0]
        ends = {one[0], two[0]} if first else {one[1], two[1]}
        if (
            ends != {row, column}
            or own != (two[1] if first else two[0])
            or own in (row, column)
            or own[1] < 0
        ):
            return None
        rest = tuple(factor for factor in term.factors if factor not in turned)
        if any(row in idx or column in idx for _, idx in rest):
            return None
        found.append((node, first))
        values.append((Monomial(term.scalars, rest, (own,)), c))
    if len(set(found)) != 1:
        return None
    (node, first), size = found[0], matrix.shape[0]
    inverse = reciprocal(Symbolic((size,), collected(values)) + multiple)
    if node is None:
        return identity(size) * inverse
    bare = Monomial(
        (), ((node, ((size.name, 0), (size.name, 1))),), ((size.name, 0), (size.name, 1))
    )
    frame = Symbolic((size, size), {bare: Fraction(1)})
    frame = frame if first else frame.mT
    return (frame * inverse) @ frame.mT


def _square_frame(node: Any) -> bool:
    return bool(getattr(node.algebra, "frame", False))
