"""Relations that a variable satisfies, as rules that replace a pattern: each is an identity, so
that every step is sound.

A rule is a monomial and what it equals. It is applied wherever its factors occur with their bound
indices touching nothing else. Rules shorten monomials, so that they come to an end; whether equal
things always meet in one form is another question, which only decides how much is found, and not
whether it is true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from typing import Any

from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.monomials import Factor, Index, Monomial, powers, renamed

Terms = list[tuple[Monomial, Fraction]]

_USED: ContextVar[set[str]] = ContextVar("relations used", default=set())  # noqa: B039


@contextmanager
def relations_used() -> Iterator[set[str]]:
    """Names of the relations that are applied within."""
    token = _USED.set(set())
    try:
        yield _USED.get()
    finally:
        _USED.reset(token)


def note_used(name: str) -> None:
    """Remember that a relation was used by something else than a rewriting."""
    _USED.get().add(name)


@dataclass(frozen=True)
class Rule:
    """``pattern`` may be replaced by the sum ``value``, whose output has the same axes."""

    pattern: Monomial
    value: Mapping[Monomial, Fraction]


@dataclass(eq=False)
class Algebra:
    """Rules of one variable or of several, with the name under which a proof mentions them."""

    name: str
    rules: list[Rule] = field(default_factory=list)
    serial: int = field(default_factory=count().__next__)
    """Of its own: names of variables are handed out anew in every proof."""
    chosen: int | None = None
    """The axis along which exactly one entry is 1 and all others are 0, of a variable that
    selects.
    """
    invertible: bool = False
    """Whether the variable is a square matrix that has an inverse."""

    frame: bool = False
    """Whether the variable is a square matrix Q with QᵀQ = QQᵀ = I."""

    span: str = ""
    """What the columns of a matrix of class means span, by name."""
    independent: int | None = None
    """The axis along which the slices of a matrix are independent: 0 for its rows."""
    positive_parts: dict[Any, Any] = field(default_factory=dict)
    """Of a layer what the positive parts of some of its outputs are."""
    inverse_of: Any = None
    """Of an inverse the matrix that it is the inverse of."""
    projector: Any = None
    """Of a projector the array that it is."""
    columns: Any = None
    """Of a projector the matrix on whose columns it projects."""
    denominator: Any = None
    """Of a variable 1/x the array x."""

    def __repr__(self) -> str:
        """Its name."""
        return self.name

    def __lt__(self, other: object) -> bool:
        """Nodes are sorted by their names; this is never what decides."""
        return id(self) < id(other)

    def rewritten(self, term: Monomial) -> Terms | None:
        """What one of the rules makes of a monomial; None if none applies."""
        for rule in self.rules:
            for match, places in _matches(rule.pattern, term):
                _USED.get().add(self.name)
                return list(_replaced(term, rule, match, places))
        return None


def _matches(
    pattern: Monomial, term: Monomial
) -> Iterator[tuple[dict[Index, Index], tuple[int, ...]]]:
    """Every way in which the pattern's factors occur in the monomial."""
    outer = set(pattern.out)
    inner = {i for _, idx in pattern.factors for i in idx if i not in outer and i[1] >= 0}
    places_of_their_own = {i: i for _, idx in pattern.factors for i in idx if i[1] < 0}

    def extend(
        rest: tuple[Factor, ...], match: dict[Index, Index], places: tuple[int, ...]
    ) -> Iterator[tuple[dict[Index, Index], tuple[int, ...]]]:
        if not rest:
            if _closed(term, inner, match, places):
                yield match, places
            return
        (node, wanted), *others = rest
        for place, (other, indices) in enumerate(term.factors):
            if other.name != node.name or place in places:
                continue
            orders = [indices, indices[::-1]] if node.symmetric else [indices]
            for order in orders:
                trial = dict(match)
                if all(trial.setdefault(w, i) == i for w, i in zip(wanted, order, strict=True)):
                    yield from extend(tuple(others), trial, (*places, place))

    yield from extend(pattern.factors, places_of_their_own, ())


def _closed(
    term: Monomial, inner: set[Index], match: dict[Index, Index], places: tuple[int, ...]
) -> bool:
    """Whether the pattern's bound indices are bound, different, and touch nothing else."""
    taken = [match[i] for i in inner]
    outside = set(term.out)
    for place, (_, indices) in enumerate(term.factors):
        if place not in places:
            outside.update(indices)
    outside.update(match[i] for i in match if i not in inner)
    bound = all(number >= 0 for _, number in taken)
    return bound and len(set(taken)) == len(taken) and not outside.intersection(taken)


def _replaced(
    term: Monomial, rule: Rule, match: dict[Index, Index], places: tuple[int, ...]
) -> Iterator[tuple[Monomial, Fraction]]:
    """The monomial with the matched factors replaced, one for each summand of the value."""
    rest = tuple(f for place, f in enumerate(term.factors) if place not in places)
    inner = {
        match[i]
        for _, idx in rule.pattern.factors
        for i in idx
        if i not in rule.pattern.out and i[1] >= 0
    }
    there = {i for _, idx in term.factors for i in idx} | {i for i in term.out if i is not None}
    free = 1 + max((number for _, number in there), default=0)
    divided = powers([(name, -power) for name, power in rule.pattern.scalars])
    for summand, c in rule.value.items():
        names: dict[Index, Index] = {}
        same: dict[Index, Index] = {}

        def rep(index: Index, same: dict[Index, Index] = same) -> Index:
            while index in same:
                index = same[index]
            return index

        for own, outer in zip(summand.out, rule.pattern.out, strict=True):
            if own is None or outer is None:
                continue
            target = rep(match[outer])
            if own in names and rep(names[own]) != target:
                first, second = sorted((target, rep(names[own])), key=lambda i: i[1])
                if first[1] < 0 and (second[1] < 0 or second in term.out):
                    raise NotOfThisFormError("an entry of an identity matrix")
                same[second] = first
            names.setdefault(own, target)
        for _, indices in summand.factors:
            for index in indices:
                names.setdefault(index, (index[0], free + index[1]) if index[1] >= 0 else index)
        factors = tuple((node, tuple(names[i] for i in idx)) for node, idx in summand.factors)
        whole = renamed(
            Monomial(powers(term.scalars, summand.scalars, divided), rest + factors, term.out), rep
        )
        left = {i for _, idx in whole.factors for i in idx} | set(whole.out)
        lost = {rep(i) for i in there - inner} - left
        lost = {i for i in lost if i[1] >= 0}
        sizes = [(kind, 1) for kind, _ in lost]
        yield whole._replace(scalars=powers(whole.scalars, sizes)), c
