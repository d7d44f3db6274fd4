"""When a sum of monomials cannot be negative: it is a sum of squares, of factors times their mirror images.

Some bound indices S are kept apart. If the factors of every monomial then fall into two halves,
functions H_a and H_b of S, the sum is Σ_S Σ_ab Q_ab H_a(S) H_b(S) with a matrix Q of numbers, and
it is at least zero for every size and all entries if Q is positive semidefinite, which is decided
exactly. A monomial alone may fall into any number of pieces that come in equal pairs; pieces of
gates alone need no partner, being sums of products of zeros and ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import combinations

from theorems.impl.symbolic.labelling import _Component, _components
from theorems.impl.symbolic.monomials import Index, Monomial

_APART = 3
"""Indices kept apart at most."""

Terms = Mapping[Monomial, Fraction]


def sign_of(terms: Terms) -> int | None:
    """Whether a sum is at least zero (1) or at most zero (−1) for all sizes and entries; None if that is not seen."""
    if not terms:
        return 0
    if any(node.algebra is not None for term in terms for node, _ in term.factors):
        return None
    for sign in (1, -1):
        signed = {term: c * sign for term, c in terms.items()}
        alone = all(c > 0 for c in signed.values()) and all(map(_is_square, signed))
        if alone or _is_gram(signed):
            return sign
    return None


def is_positive(terms: Terms) -> bool:
    """Whether a sum is above zero: squares, and a number above zero among them."""
    plain = any(not t.factors and set(t.out) <= {None} for t in terms)
    return plain and all(c > 0 and _is_square(term) for term, c in terms.items())


def _cuts(term: Monomial) -> Iterator[tuple[dict[Index, int], list[Index]]]:
    """Sets of indices to be kept apart, each in a fixed order behind those of the output."""
    outer: dict[Index, int] = {}
    for index in term.out:
        if index is not None:
            outer.setdefault(index, len(outer))
    count = len(outer)
    inside = {i for _, indices in term.factors for i in indices}
    outer |= {i: i[1] for i in inside if i[1] < 0}
    bound = sorted(inside - outer.keys())
    for size in range(min(len(bound), _APART) + 1):
        for apart in combinations(bound, size):
            order = sorted(apart)
            yield outer | {i: count + place for place, i in enumerate(order)}, order


def _is_square(term: Monomial) -> bool:
    """Whether a monomial alone is at least zero."""
    for fixed, _ in _cuts(term):
        pieces: Counter[object] = Counter()
        for factors in _components(term.factors, fixed):
            if not all(node.gate for node, _ in factors):
                pieces[_Component(factors, fixed).least()[0]] += 1
        if all(count % 2 == 0 for count in pieces.values()):
            return True
    return False


def _is_gram(terms: Terms) -> bool:
    """Whether all monomials fall into halves over one kind of S, with a positive semidefinite matrix of numbers."""
    scalars = {term.scalars for term in terms}
    outs = {term.out for term in terms}
    if len(scalars) != 1 or len(outs) != 1:
        return False
    common: dict[tuple[str, ...], list[tuple[object, object]]] | None = None
    for done, term in enumerate(terms):
        found = _halves(term, None if common is None else set(common))
        common = {
            kinds: [*([] if common is None else common[kinds]), pair]
            for kinds, pair in found.items()
            if common is None or len(common[kinds]) == done
        }
        if not common:
            return False
    assert common is not None
    return any(_semidefinite(pairs, list(terms.values())) for pairs in common.values())


def _halves(term: Monomial, wanted: set[tuple[str, ...]] | None) -> dict[tuple[str, ...], tuple[object, object]]:
    """By the kinds of the indices that are kept apart, two halves; only for wanted kinds, if any are named."""
    found: dict[tuple[str, ...], tuple[object, object]] = {}
    for fixed, order in _cuts(term):
        kinds = tuple(kind for kind, _ in order)
        if kinds in found or (wanted is not None and kinds not in wanted):
            continue
        parts = _components(term.factors, fixed)
        if len(parts) == 2:
            one, two = (_Component(part, fixed).least()[0] for part in parts)
            found[kinds] = (one, two)
    return found


def _semidefinite(pairs: list[tuple[object, object]], weights: list[Fraction]) -> bool:
    """Whether Σ c · a · b over pairs of names is a positive semidefinite form in them: by exact elimination."""
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    at = {name: place for place, name in enumerate(names)}
    matrix = [[Fraction(0)] * len(names) for _ in names]
    for (one, two), c in zip(pairs, weights, strict=True):
        matrix[at[one]][at[two]] += c / 2
        matrix[at[two]][at[one]] += c / 2
    left = set(range(len(names)))
    while left:
        pivot = max(left, key=lambda i: matrix[i][i])
        if matrix[pivot][pivot] <= 0:
            return all(matrix[i][j] == 0 for i in left for j in left)
        left.remove(pivot)
        for i in left:
            factor = matrix[i][pivot] / matrix[pivot][pivot]
            for j in left:
                matrix[i][j] -= factor * matrix[pivot][j]
    return True
