"""Monomials: a product of nodes with indices, over which all is summed that the output does not
name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

Index: TypeAlias = tuple[str, int]
"""The name of its size, and a number: from zero on, or `FIRST` or `LAST`, a place of its own."""

FIRST, LAST = -1, -2
"""Places that an index may have for good: the first entry of an axis, and the last."""


class Node(NamedTuple):
    """A variable array by name.

    ``symmetric``: its two indices may be exchanged. ``gate``: its entries are 0 or 1, so that each
    is its own square. ``algebra``: the relations that it satisfies, if any.
    """

    name: str
    symmetric: bool = False
    gate: bool = False
    algebra: Any = None


Factor: TypeAlias = tuple[Node, tuple[Index, ...]]


class Monomial(NamedTuple):
    """Powers of sizes and scalars, a multiset of nodes with their indices, and the indices of the
    output.

    An axis of the output that has length one for certain has no index. An index that stands twice
    in the output is an identity matrix there.
    """

    scalars: tuple[tuple[str, int], ...]
    factors: tuple[Factor, ...]
    out: tuple[Index | None, ...]


def powers(*parts: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Powers multiplied: exponents added, zeros left out, in the order of names."""
    found: dict[str, int] = {}
    for part in parts:
        for name, power in part:
            found[name] = found.get(name, 0) + power
    return tuple(sorted((name, power) for name, power in found.items() if power))


def largest(term: Monomial) -> int:
    """The largest number among the indices, −1 without any."""
    numbers = [i[1] for _, indices in term.factors for i in indices]
    numbers += [i[1] for i in term.out if i is not None]
    return max(numbers, default=-1)


def renamed(term: Monomial, name: Callable[[Index], Index]) -> Monomial:
    """The monomial with other indices; a gate that meets itself is there once."""
    factors = []
    seen = set()
    for node, indices in term.factors:
        factor = (node, tuple(map(name, indices)))
        if node.symmetric:
            factor = (node, tuple(sorted(factor[1])))
        if node.gate:
            if factor in seen:
                continue
            seen.add(factor)
        factors.append(factor)
    return Monomial(
        term.scalars, tuple(factors), tuple(None if i is None else name(i) for i in term.out)
    )


def product(one: Monomial, other: Monomial, contracted: int = 0) -> Monomial:
    """Entrywise product over outputs of one length, whose indices are identified axis by axis.

    ``contracted`` is 0, or the number from behind of an axis that is summed at once, as in a
    matrix product.
    """
    shift = largest(one) + 1
    moved = Monomial(
        other.scalars,
        tuple(
            (node, tuple((k, n + shift if n >= 0 else n) for k, n in idx))
            for node, idx in other.factors
        ),
        tuple(None if i is None else (i[0], i[1] + shift) for i in other.out),
    )
    parent: dict[Index, Index] = {}

    def find(index: Index) -> Index:
        while index in parent:
            index = parent[index]
        return index

    out: list[Index | None] = []
    for a, b in zip(one.out, moved.out, strict=True):
        if a is not None and b is not None:
            first, second = find(a), find(b)
            if first != second:
                parent[second] = first
        out.append(b if a is None else a)
    whole = renamed(
        Monomial(powers(one.scalars, other.scalars), one.factors + moved.factors, tuple(out)), find
    )
    return whole if not contracted else summed(whole, len(out) - contracted)


def summed(term: Monomial, axis: int) -> Monomial:
    """The sum over one axis; an index that stands nowhere else is a factor of its size."""
    index = term.out[axis]
    rest = term.out[:axis] + term.out[axis + 1 :]
    if index is None or index in rest or any(index in idx for _, idx in term.factors):
        return term._replace(out=rest)
    return Monomial(powers(term.scalars, [(index[0], 1)]), term.factors, rest)


def taken(term: Monomial, axis: int, place: int) -> Monomial | None:
    """The entry of one axis at a place; None where the axis is one of an identity matrix."""
    index = term.out[axis]
    rest = term.out[:axis] + term.out[axis + 1 :]
    if index is None or index in rest:
        return None if index in rest and index is not None else term._replace(out=rest)
    fixed = (index[0], place)
    return renamed(term._replace(out=rest), lambda i: fixed if i == index else i)
