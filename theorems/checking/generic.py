"""Claims at generic points: what one exact pass says about an identity, by the lemma of Schwartz
and Zippel.

If both sides are rational functions of entries drawn independently and uniformly from a set S, and
cleared of its denominators their difference is a polynomial of degree at most D that is not zero,
then it vanishes at the drawn point with probability at most D/|S|. S has 2^61 elements and D is not
declared: it is computed by running the claim's own code, and the construction of the instance, on
`impl.numbers.tracked.Tracked` numbers. A point where a denominator vanishes counts for nothing.

What is said is said of one family of instances (`impl.generic.families`), by its name, and only if
the claim speaks of it and states what it builds in (`theorems.domains`). The points follow from a
digest of the claim and a seed: no claim can have been written around them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from theorems.checking.degrees import identities
from theorems.checking.points import Generic, Trial, power_of_two
from theorems.claim import Claim
from theorems.domains import family_of, fingerprint, unstated, why_no_family
from theorems.impl.generic import SET_SIZE, Source
from theorems.impl.numbers.exact_arrays import evaluated
from theorems.impl.numbers.operands import is_exact
from theorems.impl.numbers.tracked import branching
from theorems.relations import DEFINED, RATIONAL
from theorems.verdict import Outcome, Verdict

SHAPES = 6
"""Shapes at which a claim is tried unless more are asked for: depths 1 … 4 and both of every
alternative are among them.
"""

_PERIOD = 12
_LOOKED_AT = 48
"""Shapes among which those are looked for that lie in the claim's own domain."""


def constructor(claim: Claim) -> Callable[[Source], Any] | None:
    """How a generic instance that the claim speaks of is drawn; None if no way is known."""
    return family_of(claim)


def _fractions(value: Any) -> Any:
    return np.array(value * Fraction(1), dtype=object) if is_exact(value) else value


def try_at(claim: Claim, make: Callable[[Source], Any], shape: int, seed: int | str) -> Trial:
    """One claim at one generic point.

    Args:
        claim: any claim, or a mutant of one.
        make: constructor of the instance.
        shape: seed of the discrete choices.
        seed: of the entries.

    Raises:
        Exception: whatever the claim's code raises on exact numbers.
    """
    source = Source(shape, seed)
    instance = make(source)
    try:
        verdict = claim(instance)
    except Exception:  # noqa: BLE001
        instance = instance.map(_fractions)
        verdict = claim(instance)
    point = {"generic point": f"shape {shape}, entries {seed}"}
    if verdict.outcome is not Outcome.HOLDS:
        return Trial(shape, replace(verdict, context={**verdict.context, **point}), {})
    try:
        with branching() as branches:
            degrees = evaluated(
                lambda it: identities(claim.relation, claim.observe(it), claim.predict(it)),
                make(source.tracked()),
            )
    except Exception as error:  # noqa: BLE001
        reason = f"its degree is not known: {type(error).__name__}: {error}"
        return Trial(
            shape, replace(verdict, context={**verdict.context, **point}), {}, reason=reason
        )
    if degrees:
        degree = max(degrees.values())
        chance = power_of_two(degree / SET_SIZE)
        point |= {
            "degree": f"at most {degree}",
            "passes if false": f"with probability at most {chance}",
        }
    return Trial(
        shape, replace(verdict, context={**verdict.context, **point}), degrees, frozenset(branches)
    )


def examine(claim: Claim, *, seed: int = 0, shapes: int = SHAPES, points: int = 1) -> Generic:
    """Try a claim at generic points; shapes at which it is INAPPLICABLE or fails to run are passed
    over, and others tried for them.

    A claim whose code does not run on exact numbers (a root, a float constant) has no trials, and a
    reason.

    Args:
        claim: any claim: of the catalogue, a mutant, a user's own.
        seed: equal seeds give equal shapes and points.
        shapes: how many shapes.
        points: how many points of each: the error probabilities multiply.
    """
    family = family_of(claim)
    if family is None:
        return Generic(claim, reason=why_no_family(claim))
    key = f"{seed} {fingerprint(claim)}"
    trials, skipped, reason = _trials(claim, family, key, seed, shapes, points)
    found = Generic(claim, tuple(trials), reason if not trials else "", family, key, skipped)
    if found.error_probability is None:
        return found
    hidden = unstated(claim, family)
    if hidden is not None:
        built = (
            f"the generic points ({family.name}) build in {hidden!r}, on which the claim rests "
            "without stating it: name it in hypotheses="
        )
        return replace(found, reason=built)
    beyond: list[Trial] = []
    for name, make in family.beyond.items():
        more, _, _ = _trials(claim, make, key, seed, shapes, points)
        beyond += [replace(trial, beyond=name) for trial in more]
    return replace(found, beyond=tuple(beyond))


def readable(generic: Generic) -> Verdict | None:
    """A refutation by small whole numbers at one of the shapes where a generic point refutes; None
    if none is found.

    The smallest range of entries first, then the shapes with the fewest numbers.
    """
    family = generic.family
    shapes = [trial.shape for trial in generic.trials if trial.verdict.outcome is Outcome.REFUTED]
    if family is None:
        return None
    for largest in (1, 2, 3, 8, 100):
        found = []
        for shape, seed in product(shapes, range(8)):
            try:
                instance = family(Source(shape, seed, largest=largest))
                if family.member is not None and not family.member(instance):
                    continue  # small numbers coincide: no longer of the family
                verdict = generic.claim(instance)
            except Exception:  # noqa: BLE001, S112
                continue
            if verdict.outcome is Outcome.REFUTED:
                found.append(verdict)
        if found:
            return min(found, key=lambda verdict: _size(verdict.instance))
    return None


def _size(instance: Any) -> int:
    """How many digits there are to read."""
    return sum(
        len(str(value))
        for array in vars(instance).values()
        if is_exact(array)
        for value in array.flat
    )


def _trials(
    claim: Claim, make: Callable[[Source], Any], key: str, seed: int, shapes: int, points: int
) -> tuple[list[Trial], dict[int, str], str]:
    """Trials, shapes at which the claim's code could not be run, and why there are no trials."""
    trials: list[Trial] = []
    skipped: dict[int, str] = {}
    reason = ""
    looked_at = _LOOKED_AT if claim.where else max(_PERIOD, 2 * shapes)
    for shape in range(_PERIOD * seed, _PERIOD * seed + looked_at):
        if len({trial.shape for trial in trials}) == shapes:
            break
        for point in range(points):
            try:
                trial = try_at(claim, make, shape, f"{key} {point}" if point else key)
            except Exception as error:  # noqa: BLE001
                skipped[shape] = _cause(error)
                continue
            if trial.verdict.outcome is Outcome.UNDECIDED:
                reason = (
                    reason
                    or f"undecided at a generic point: {trial.verdict.context.get('reason', '')}"
                )
            if trial.verdict.context.get("hypothesis") in (DEFINED, RATIONAL):
                reason = reason or trial.verdict.context["reason"]
            if trial.verdict.outcome in (Outcome.HOLDS, Outcome.REFUTED):
                trials.append(trial)
    if not trials and skipped:
        reason = next(iter(skipped.values()))
    kinds = " and ".join(map(repr, claim.where))
    none = (
        f"no generic point lies in the claim's domain ({kinds})"
        if kinds
        else "the claim is inapplicable at every generic shape"
    )
    return trials, skipped, reason or none


def _cause(error: Exception) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ZeroDivisionError):
        return f"a denominator vanishes at a generic point: {cause}"
    return f"the claim does not run on exact numbers: {type(cause).__name__}: {cause}"
