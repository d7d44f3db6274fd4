"""When a sum of monomials cannot be negative: it is a sum of squares, of factors times their mirror
images.

Some bound indices S are kept apart. The factors of every monomial then fall into pieces, functions
of S; a half is a product of pieces, and if every monomial is a product H_a(S) H_b(S) of two of the
halves, the sum is Σ_S Σ_ab Q_ab H_a(S) H_b(S) with a matrix Q of numbers, and it is at least zero
for every size and all entries if Q is positive semidefinite, which is decided exactly. Halves are
the roots of monomials whose pieces come in equal pairs; products of gates need no partner, being
zeros and ones and so their own squares, and scalars, which are positive, and sums of products of
gates, which are whole numbers, may have half exponents. Where a monomial is such a product in
several ways, some by a relation (`impl.symbolic.expansions`), each is tried, and some shares of it.

*Denominators.* If all monomials run through one index i of 1/x[i], and x is a sum of squares that
is not zero where 1/x is defined, then the sum over i is at least zero if all of its summands times
x are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from fractions import Fraction
from itertools import chain, combinations, islice, permutations, product
from typing import Any, NamedTuple, TypeAlias

from theorems.impl.symbolic.definite import inverses_are_positive
from theorems.impl.symbolic.expansions import Equals, equals_of
from theorems.impl.symbolic.labelling import _Component, _components
from theorems.impl.symbolic.monomials import Factor, Index, Monomial

_APART = 3
"""Indices kept apart at most."""
_WAYS = 4096
"""Choices of halves tried at most."""
_SETS = 24
"""Sets of indices of one kind, in every order, that are tried for a monomial."""
_WORK = 60_000
"""Factors that may be looked at for one sum, once for every set of indices kept apart, after which
nothing is seen: a number and no time, so that an answer depends on no machine.
"""
_LEFT: ContextVar[list[int]] = ContextVar("work left")


class _SpentError(Exception):
    """More work than one sum may cost."""


Terms = Mapping[Monomial, Fraction]


class Half(NamedTuple):
    """Pieces with their numbers, gates, and (halved) powers of scalars: one name for all equal
    functions.
    """

    pieces: frozenset[tuple[object, int]]
    gates: frozenset[object]
    scalars: frozenset[tuple[object, Fraction]]


def sign_of(terms: Terms, *, denominators: int = 3) -> int | None:
    """Whether a sum is at least zero (1) or at most zero (−1) for all sizes and entries; None if
    that is not seen.

    Args:
        terms: of the sum.
        denominators: how many are multiplied with at most.
    """
    if not terms:
        return 0
    token = _LEFT.set([_WORK])
    try:
        return _sign_of(terms, denominators)
    except _SpentError:
        return None
    finally:
        _LEFT.reset(token)


def _sign_of(terms: Terms, denominators: int) -> int | None:
    for sign in (1, -1):
        signed = {term: c * sign for term, c in terms.items()}
        alone = all(c > 0 for c in signed.values()) and all(map(_is_square, signed))
        if alone or _is_gram(signed, {}) or inverses_are_positive(signed):
            return sign
    equal = equals_of(terms, _cuts)
    for sign in (1, -1) if equal else ():
        if _is_gram({term: c * sign for term, c in terms.items()}, equal):
            return sign
    if denominators:
        from theorems.impl.symbolic.denominators import cleared

        for other in cleared(terms):
            found = sign_of(other, denominators=denominators - 1)
            if found is not None:
                return found
    return None


def is_positive(terms: Terms) -> bool:
    """Whether a sum is above zero: squares, and a number above zero among them."""
    plain = any(not t.factors and set(t.out) <= {None} for t in terms)
    token = _LEFT.set([_WORK])
    try:
        return plain and all(c > 0 and _is_square(term) for term, c in terms.items())
    except _SpentError:
        return False
    finally:
        _LEFT.reset(token)


def _cuts(term: Monomial) -> Iterator[tuple[dict[Index, int], list[Index]]]:
    """Sets of indices to be kept apart, each in a fixed order behind those of the output."""
    left = _LEFT.get()
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
            left[0] -= len(term.factors) + 1
            if left[0] < 0:
                raise _SpentError
            order = sorted(apart)
            yield outer | {i: count + place for place, i in enumerate(order)}, order


def _names(
    factors: tuple[Factor, ...], fixed: dict[Index, int]
) -> tuple[Counter[object], frozenset[object], Counter[object]]:
    """The pieces that are not of gates alone, with their numbers; those that are 0 or 1; those that
    are sums of such, with their numbers.
    """
    pieces: Counter[object] = Counter()
    gates, sums = set(), Counter[object]()
    for part in _components(factors, fixed):
        name = _Component(part, fixed).least()[0]
        if not all(node.gate for node, _ in part):
            pieces[name] += 1
        elif all(index in fixed for _, indices in part for index in indices):
            gates.add(name)
        else:
            sums[name] += 1
    return pieces, frozenset(gates), sums


def _is_square(term: Monomial) -> bool:
    """Whether a monomial alone is at least zero."""
    return any(
        all(n % 2 == 0 for n in _names(term.factors, fixed)[0].values()) for fixed, _ in _cuts(term)
    )


def _is_gram(terms: Terms, equal: Equals) -> bool:
    """Whether all monomials are products of two halves over one kind of S, with a positive
    semidefinite matrix of numbers.
    """
    if len({term.out for term in terms}) != 1:
        return False
    common: dict[tuple[str, ...], list[list[Half]]] | None = None
    for done, term in enumerate(terms):
        wanted = None if common is None else set(common)
        found: dict[tuple[str, ...], list[Half]] = {}
        for other in (term, *equal.get(term, ())):
            for kinds, wholes in _products(other, wanted).items():
                found[kinds] = list(dict.fromkeys([*found.get(kinds, []), *wholes]))
        common = {
            kinds: [*([] if common is None else common[kinds]), wholes]
            for kinds, wholes in found.items()
            if common is None or len(common[kinds]) == done
        }
        if not common:
            return False
    assert common is not None
    return any(_semidefinite(wholes, list(terms.values())) for wholes in common.values())


def _products(
    term: Monomial, wanted: set[tuple[str, ...]] | None
) -> dict[tuple[str, ...], list[Half]]:
    """By the kinds of the indices that are kept apart, what the monomial is a product of:
    alternatives.
    """
    found: dict[tuple[str, ...], list[Half]] = {}
    scalars: list[tuple[object, Fraction]] = [
        (name, Fraction(power)) for name, power in term.scalars
    ]
    for fixed, order in _cuts(term):
        kinds = tuple(kind for kind, _ in order)
        known = found.setdefault(kinds, [])
        if wanted is not None and kinds not in wanted:
            continue
        for other in permutations(order):
            if len(known) >= _SETS:
                break
            if [kind for kind, _ in other] != list(kinds):
                continue
            places = fixed | {
                index: fixed[place] for index, place in zip(other, order, strict=True)
            }
            pieces, gates, sums = _names(term.factors, places)
            powers = [*scalars, *((name, Fraction(number)) for name, number in sums.items())]
            whole = Half(frozenset(pieces.items()), gates, frozenset(powers))
            if whole not in known:
                known.append(whole)
    return {kinds: wholes for kinds, wholes in found.items() if wholes}


def _root(whole: Half) -> Half | None:
    """What it is the square of; None if its pieces do not come in pairs."""
    if any(n % 2 for _, n in whole.pieces):
        return None
    halved = frozenset((name, power / 2) for name, power in whole.scalars)
    return Half(frozenset((name, n // 2) for name, n in whole.pieces), whole.gates, halved)


def _times(one: Half, other: Half) -> Half:
    pieces: Counter[object] = Counter(dict(one.pieces))
    pieces.update(dict(other.pieces))
    scalars: dict[object, Fraction] = dict(one.scalars)
    for name, power in other.scalars:
        scalars[name] = scalars.get(name, Fraction(0)) + power
    kept = frozenset((name, power) for name, power in scalars.items() if power)
    return Half(frozenset(pieces.items()), one.gates | other.gates, kept)


def _semidefinite(wholes: list[list[Half]], weights: list[Fraction]) -> bool:
    """Whether some choice of halves makes Σ c · a · b a positive semidefinite form in them."""
    names = list(
        dict.fromkeys(
            r
            for alternatives in wholes
            for whole in alternatives
            if (r := _root(whole)) is not None
        )
    )
    pairs: dict[Half, list[tuple[int, int]]] = {}
    for i, one in enumerate(names):
        for j in range(i, len(names)):
            pairs.setdefault(_times(one, names[j]), []).append((i, j))
    choices: list[list[Way]] = []
    for alternatives, c in zip(wholes, weights, strict=True):
        ways = list(dict.fromkeys(pair for whole in alternatives for pair in pairs.get(whole, ())))
        if not ways:
            return False
        choices.append(list(_shares(ways, c)))
    return any(_eliminated(len(names), chosen) for chosen in islice(product(*choices), _WAYS))


Way: TypeAlias = tuple[tuple[tuple[int, int], Fraction], ...]
"""What a monomial gives to which pairs of halves."""


def _shares(ways: list[tuple[int, int]], c: Fraction) -> Iterator[Way]:
    """A monomial as one of its products, or shared out among two: halves to both, or twice one less
    the other, a completed square.
    """
    for pair in ways:
        if c > 0 or pair[0] != pair[1]:  # a negative square has no place on the diagonal
            yield ((pair, c),)
    for one, other in permutations(ways, 2):
        if c > 0:
            yield (one, c / 2), (other, c / 2)
        elif one[0] != one[1] and other[0] == other[1]:
            yield (one, 2 * c), (other, -c)


def _eliminated(size: int, chosen: tuple[Way, ...]) -> bool:
    """Whether Σ c · a · b over pairs is a positive semidefinite form: by exact elimination."""
    matrix: list[list[Any]] = [[Fraction(0)] * size for _ in range(size)]
    for (i, j), c in chain.from_iterable(chosen):
        matrix[i][j] += c / 2
        matrix[j][i] += c / 2
    left = set(range(size))
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
