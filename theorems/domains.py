"""What a claim speaks of: the family of generic instances that its strategy draws, and whether it
states what that family builds in.

A verdict is about the strategy that the claim was stated on. Points of a family count for it only
if this strategy, as it is, draws the family (`impl.generic.families` has the table), or if the
claim says so (``generic=``).
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from theorems.claim import Claim
from theorems.impl.errors import InputError
from theorems.impl.generic import Source
from theorems.impl.generic.families import FAMILIES
from theorems.impl.generic.family import Family
from theorems.impl.strategies.identity import same_strategy
from theorems.impl.strategies.sampling import visit
from theorems.loading import Typed
from theorems.statements import Restricted, first_paragraph
from theorems.verdict import Outcome

VIOLATIONS = 20
"""Instances on which it is seen whether a claim rests on a hypothesis that it does not state."""


def family_of(claim: Claim) -> Family | None:
    """The family of generic instances that a claim speaks of; None if none is known."""
    if isinstance(claim.generic, Family):
        return claim.generic
    if claim.generic is not None:
        return _of_ones_own(claim.generic)
    on = law(claim)
    for family in FAMILIES:
        if on in family.strategies:
            return family
    return _drawn_by(on)


def law(claim: Claim) -> Callable[[], Any]:
    """The function that the claim was stated on: what ``where`` takes away, and the look at types
    in files, are no part of it.
    """
    on: Any = claim.instances
    while isinstance(on, Restricted | Typed):
        on = on.law
    return on


def same_law(claim: Claim, strategy: Callable[[], Any]) -> bool:
    """Whether a claim was stated on this strategy, called without arguments, and on nothing
    else.
    """
    on = law(claim)
    return on is strategy or same_strategy(on(), _called(strategy))


def _of_ones_own(make: Callable[[Any], Any]) -> Family:
    words = inspect.getdoc(make) if not isinstance(make, partial) else None
    name = getattr(make, "__name__", type(make).__name__)
    called = "a function without a name" if name == "<lambda>" else name
    return Family(
        first_paragraph(words).rstrip(".") if words else f"what generic= draws ({called})", make
    )


def _drawn_by(on: Callable[[], Any]) -> Family | None:
    try:
        strategy = on()
    except InputError:  # a check that is for networks of the user's alone
        return None
    return next(
        (f for f in FAMILIES if any(same_strategy(strategy, _called(s)) for s in f.strategies)),
        None,
    )


@cache
def _called(strategy: Callable[[], Any]) -> Any:
    return strategy()


def why_no_family(claim: Claim) -> str:
    """One line: why no generic point counts for the claim, and what would bring some."""
    offers = [
        s.__name__
        for family in FAMILIES
        for s in family.strategies
        if _type_of(family) is claim.subject
    ]
    kind = claim.subject.__name__
    if not offers:
        return (
            f"there is no way to draw a generic {kind}; generic= takes a function that draws "
            "one from an impl.generic.Source"
        )
    return (
        "no family of generic instances is known to be what the claim's strategy draws; state it "
        f"on {' or '.join(offers)} as it is, with where= for a part of that, or name its family "
        "with generic= (impl.generic.families)"
    )


@cache
def _type_of(family: Family) -> type:
    return type(family(Source(0, 0)))


def unstated(claim: Claim, family: Family) -> str | None:
    """The first hypothesis that the family builds in and the claim rests on without stating it;
    None if there is none.

    It is stated if it is named among the claim's hypotheses, or if violations of it come out
    INAPPLICABLE. The claim does not rest on it if it HOLDS on violations as well.
    """
    for name, violations in family.builds.items():
        if name not in claim.hypotheses and not all(
            _spared(claim, i) for i in _violations(violations)
        ):
            return name
    return None


def _spared(claim: Claim, instance: Any) -> bool:
    try:
        return claim(instance).outcome in (Outcome.HOLDS, Outcome.INAPPLICABLE)
    except InputError:  # it cannot be evaluated there
        return False


@cache
def _violations(strategy: Callable[[], Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    visit(strategy(), VIOLATIONS, seed=0, see=found.append)
    return tuple(found)


def fingerprint(claim: Claim) -> str:
    """A digest of what a claim says and of the code that says it: nobody can have tuned the one to
    points that follow from the other.

    Of the name, the statement, the file in which it is stated, and the source of both of its sides.
    """
    digest = hashlib.sha256()
    for part in (claim.name, claim.statement, *_sources(claim)):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def _sources(claim: Claim) -> Iterator[str]:
    file = Path(claim.file) if claim.file else None
    if file is not None and file.is_file():
        yield file.read_bytes().hex()
    for side in (claim.observe, claim.predict):
        function: Any = side
        while not hasattr(function, "__code__") and (
            hasattr(function, "func") or hasattr(function, "predict")
        ):
            function = function.func if hasattr(function, "func") else function.predict
        try:
            yield inspect.getsource(function)
        except (OSError, TypeError):  # typed in by hand: its bytecode
            yield getattr(getattr(function, "__code__", None), "co_code", b"").hex()
