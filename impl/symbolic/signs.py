"""When a monomial cannot be negative: it is a sum of squares, a factor times its mirror image.

If some indices S are kept apart and the factors fall into pieces that come in equal pairs, the monomial is
Σ_S (Σ piece)² ⋯, and this holds for every size and all entries. Pieces of gates alone need no
partner: they are sums of products of zeros and ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from itertools import combinations

from theorems.impl.symbolic.labelling import _Component, _components
from theorems.impl.symbolic.monomials import Index, Monomial

_MOST = 14


def is_square(term: Monomial) -> bool:
    """Whether a monomial with coefficient one is at least zero for all sizes and entries (sufficient, not necessary)."""
    outer = {i for i in term.out if i is not None}
    outer |= {i for _, indices in term.factors for i in indices if i[1] < 0}
    bound = sorted({i for _, indices in term.factors for i in indices if i not in outer})
    if any(node.algebra is not None for node, _ in term.factors) or len(bound) > _MOST:
        return False
    # identities between two outputs are 0 or 1, which is no worry
    for count in range(len(bound) + 1):
        for apart in combinations(bound, count):
            if _paired(term, {*outer, *apart}):
                return True
    return False


def _paired(term: Monomial, apart: set[Index]) -> bool:
    fixed = {index: place for place, index in enumerate(sorted(apart))}
    pieces: Counter[object] = Counter()
    for factors in _components(term.factors, fixed):
        if all(node.gate for node, _ in factors):
            continue  # a sum of products of zeros and ones
        pieces[_Component(factors, fixed).least()[0]] += 1
    return all(count % 2 == 0 for count in pieces.values())


def sign_of(terms: Mapping[Monomial, Fraction]) -> int | None:
    """1 if a sum is at least zero for all sizes and entries, −1 if at most zero, 0 if zero; None if unseen."""
    if not terms:
        return 0
    signs = {c > 0 for c in terms.values()}
    if len(signs) > 1 or not all(is_square(term) for term in terms):
        return None
    return 1 if signs.pop() else -1


def is_positive(terms: Mapping[Monomial, Fraction]) -> bool:
    """Whether a sum is above zero: squares, and a number above zero among them."""
    plain = any(not t.factors and t.out == (None,) * len(t.out) for t in terms)
    return plain and sign_of(terms) == 1
