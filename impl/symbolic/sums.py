"""Sums of monomials: collected in canonical form, spread over larger shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.labelling import canonical
from theorems.impl.symbolic.monomials import Monomial, largest
from theorems.impl.symbolic.sizes import Size

Sum: TypeAlias = dict[Monomial, Fraction]

STEPS = 20_000
"""Rewritings of one sum after which it counts as without an end."""


def collected(terms: Sequence[tuple[Monomial, Fraction]]) -> Sum:
    """Monomials in canonical form, equal ones added up, zeros left out; relations applied until
    none applies.
    """
    found: Sum = {}
    todo = list(terms)
    steps = 0
    while todo:
        term, c = todo.pop()
        related = {node.algebra: None for node, _ in term.factors if node.algebra is not None}
        other = next((o for a in related if (o := a.rewritten(term)) is not None), None)
        if other is not None:
            steps += 1
            if steps > STEPS:
                raise NotOfThisFormError(
                    "relations that rewrite one another without an end in sight"
                )
            todo += [(t, c * d) for t, d in other]
            continue
        key = canonical(term)
        total = found.get(key, Fraction(0)) + c
        if total:
            found[key] = total
        else:
            found.pop(key, None)
    return found


def broadcast(one: Sequence[Any], other: Sequence[Any], verb: str) -> tuple[Any, ...]:
    """The common shape: sizes must be the same symbol, or one of them the number 1.

    Raises:
        NotOfThisFormError: for shapes that do not go together at every size.
    """
    length = max(len(one), len(other))
    left = (*[1] * (length - len(one)), *one)
    right = (*[1] * (length - len(other)), *other)
    shape = []
    for a, b in zip(left, right, strict=True):
        if not isinstance(a, Size) or not isinstance(b, Size):
            shape.append(a if isinstance(a, Size) else b)
        elif a.name == b.name:
            shape.append(a)
        else:
            said = f"arrays of shapes {tuple(one)} and {tuple(other)} are {verb}"
            raise NotOfThisFormError(f"{said}, which do not go together at every size")
    return tuple(shape)


def padded(terms: Mapping[Monomial, Fraction], length: int) -> Sum:
    """Monomials with as many axes as asked for."""
    return {t._replace(out=(None,) * (length - len(t.out)) + t.out): c for t, c in terms.items()}


def spread(
    terms: Mapping[Monomial, Fraction], shape: Sequence[Any]
) -> list[tuple[Monomial, Fraction]]:
    """Monomials over a larger shape, constant along the axes that they lack."""
    found = []
    for term, c in padded(terms, len(shape)).items():
        start = largest(term) + 1
        out = [
            (size.name, start + at) if index is None and isinstance(size, Size) else index
            for at, (index, size) in enumerate(zip(term.out, shape, strict=True))
        ]
        found.append((term._replace(out=tuple(out)), c))
    return found


def unit_terms(size: Any) -> Sum:
    """The identity matrix of a size."""
    index = (size.name, 0) if isinstance(size, Size) else None
    return {Monomial((), (), (index, index)): Fraction(1)}
