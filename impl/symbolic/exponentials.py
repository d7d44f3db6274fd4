"""Powers of two by symbolic exponents, entry by entry: 2^x 2^y = 2^(x + y), 2^0 = 1, 1/2^x =
2^(−x), for any real exponents.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from theorems.impl.symbolic.arrays import Symbolic, variable
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.monomials import Index, Monomial, powers
from theorems.impl.symbolic.relations import Algebra, Terms, note_used
from theorems.impl.symbolic.sums import collected, spread


class Exponentials(Algebra):
    """The one algebra of all powers of two, with the exponent of each by the name of its
    variable.
    """

    def __init__(self) -> None:
        """Empty."""
        super().__init__("2^x · 2^y = 2^(x + y)")
        self.exponents: dict[str, Symbolic] = {}

    def rewritten(self, term: Monomial) -> Terms | None:
        """Two powers over the same indices as one."""
        seen: dict[tuple[Index, ...], int] = {}
        for place, (node, indices) in enumerate(term.factors):
            if node.algebra is not self:
                continue
            first = seen.setdefault(indices, place)
            if first == place:
                continue
            note_used(self.name)
            one, two = (self.exponents[term.factors[at][0].name] for at in (first, place))
            rest = tuple(
                factor for at, factor in enumerate(term.factors) if at not in (first, place)
            )
            exponent = one + two
            if exponent.terms:
                return [(term._replace(factors=(*rest, (_node(exponent), indices))), Fraction(1))]
            left = {i for _, idx in rest for i in idx} | set(term.out)
            lost = [
                (kind, 1)
                for kind, number in dict.fromkeys(indices)
                if number >= 0 and (kind, number) not in left
            ]
            return [(Monomial(powers(term.scalars, lost), rest, term.out), Fraction(1))]
        return None


POWERS = Exponentials()


def _node(exponent: Symbolic) -> Any:
    ((term, _),) = _variable(exponent).terms.items()
    return term.factors[0][0]


def _variable(exponent: Symbolic) -> Symbolic:
    related = {
        node.algebra.serial
        for term in exponent.terms
        for node, _ in term.factors
        if node.algebra is not None
    }
    name = f"2^({exponent.label()})" + "".join(f"~{serial}" for serial in sorted(related))
    POWERS.exponents.setdefault(name, exponent)
    return variable(name, exponent.shape, algebra=POWERS)


def power_of_two(exponent: Symbolic) -> Symbolic:
    """2^x entry by entry.

    Raises:
        NotOfThisFormError: for the entries of an identity matrix as exponents.
    """
    for term in exponent.terms:
        named = [index for index in term.out if index is not None]
        if len(set(named)) < len(named):
            raise NotOfThisFormError("a power of two by the entries of a diagonal matrix")
    axes = [
        a
        for a in range(exponent.ndim)
        if any(t.out[a] in idx for t in exponent.terms for _, idx in t.factors)
    ]
    if not exponent.terms:
        return exponent + 1
    bare = [(t._replace(out=tuple(t.out[a] for a in axes)), c) for t, c in exponent.terms.items()]
    found = _variable(Symbolic([exponent.shape[a] for a in axes], collected(bare)))
    places = [axes.index(a) if a in axes else None for a in range(exponent.ndim)]
    whole = found._relabelled([1 if p is None else found.shape[p] for p in places], places)
    return Symbolic(exponent.shape, collected(spread(whole.terms, exponent.shape)))


def reciprocal_power(name: str) -> Any:
    """The variable 2^(−x) by the name of 2^x."""
    return _node(-POWERS.exponents[name])
