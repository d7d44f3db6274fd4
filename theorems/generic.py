"""Claims at generic points: what one exact pass says about an identity, by the lemma of Schwartz and Zippel.

If both sides are rational functions of entries drawn independently and uniformly from a set S, and cleared of its denominators
their difference is a polynomial of degree at most D that is not zero, then it vanishes at the drawn point with probability at most D/|S|.
S has 2^61 elements and D is not declared: it is computed by running the claim's own code, and the construction of the instance, on
`impl.tracked.Tracked` numbers. A point where a denominator vanishes counts for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from impl.exact_arrays import evaluated
from impl.gated import GatedNetwork
from impl.generic import GENERIC, SET_SIZE, Source
from impl.generic.networks import gated_network
from impl.operands import is_exact
from impl.tracked import branching
from theorems.claim import Claim
from theorems.degrees import identities
from theorems.relations import DEFINED, RATIONAL
from theorems.verdict import Outcome, Verdict

SHAPES = 6
"""Shapes at which a claim is tried unless more are asked for: depths 1 … 4 and both of every alternative are among them."""

_PERIOD = 12
_WIDER: Mapping[type, tuple[Callable[[Source], Any], str]] = {
    GatedNetwork: (partial(gated_network, free_gates=True), "every pattern of masks"),
}


@dataclass(frozen=True)
class Trial:
    """One claim at one generic point.

    Args:
        shape: seed of the discrete choices.
        verdict: what the claim said there.
        degrees: bound on the degree of each part that is an identity; empty where none is, or none is known.
        branched: whether a side compared drawn numbers by order: then the identity is that of this order.
        reason: why no degree is known; empty if one is.
        wider: whether the point is of the wider family that `Generic.everywhere` names.
    """

    shape: int
    verdict: Verdict
    degrees: Mapping[str, int]
    branched: bool = False
    reason: str = ""
    wider: bool = False

    @property
    def error_probability(self) -> Fraction | None:
        """Bound on the probability that a false identity passes at such a point; None where nothing is known, or can be false."""
        degree = max(self.degrees.values(), default=0)
        return Fraction(degree, SET_SIZE) if degree and self.verdict.outcome is Outcome.HOLDS else None


@dataclass(frozen=True)
class Generic:
    """What generic points say about a claim.

    Args:
        claim: the claim.
        trials: every point at which it could be judged.
        reason: why there is none; empty if there are.
        everywhere: what the identity holds for besides: "every pattern of masks".
    """

    claim: Claim
    trials: tuple[Trial, ...]
    reason: str = ""
    everywhere: str = ""

    @property
    def verdicts(self) -> list[Verdict]:
        """One per point of the claim's own domain."""
        return [trial.verdict for trial in self.trials if not trial.wider]

    @property
    def counted(self) -> list[Trial]:
        """The trials that bear on the identity: of the wider family, where it holds there."""
        return [t for t in self.trials if t.error_probability is not None and t.wider == bool(self.everywhere)]

    @property
    def error_probability(self) -> float | None:
        """If the identity is false at one of the shapes, it passed at every point of that shape with at most this probability."""
        if self.refutation is not None or not self.counted:
            return None
        by_shape: dict[int, Fraction] = {}
        for trial in self.counted:
            assert trial.error_probability is not None
            by_shape[trial.shape] = by_shape.get(trial.shape, Fraction(1)) * trial.error_probability
        return float(max(by_shape.values()))

    @property
    def refutation(self) -> Verdict | None:
        """The first verdict that refutes the claim: beyond doubt, since nothing rounds."""
        return next((t.verdict for t in self.trials if t.verdict.outcome is Outcome.REFUTED), None)

    @property
    def earned(self) -> str | None:
        """How the grade was earned, in one sentence; None where generic points say nothing."""
        chance = self.error_probability
        if self.refutation is not None:
            return "refuted in exact arithmetic at a generic point: no error probability is left"
        if chance is None:
            return None
        counted = self.counted
        shapes, degree = len({t.shape for t in counted}), max(max(t.degrees.values()) for t in counted)
        names = sorted({name for t in counted for name in t.degrees} - {""})
        parts = f" (parts that are identities: {', '.join(names)})" if names and len(names) <= 4 else ""
        order = ", with the numbers in the order of the points" if any(t.branched for t in counted) else ""
        wider = f", for {self.everywhere}" if self.everywhere else ""
        return (
            f"a polynomial identity of degree at most {degree} in entries drawn from 2^61 values passed at {len(counted)} points of {shapes} "
            f"shapes{parts}: if it is false at one of these shapes{order}{wider}, this happens with probability at most {power_of_two(chance)} (Schwartz-Zippel)"
        )


def power_of_two(chance: float) -> str:
    """A bound on a probability as a power of two, rounded upwards."""
    return "0" if chance == 0 else f"2^{math.ceil(math.log2(chance) * 10) / 10:g}"


def constructor(claim: Claim) -> Callable[[Source], Any] | None:
    """How a generic instance of the claim is drawn: its own way, or that of its instance type; None if there is none."""
    return claim.generic if claim.generic is not None else GENERIC.get(claim.subject)


def _fractions(value: Any) -> Any:
    return np.array(value * Fraction(1), dtype=object) if is_exact(value) else value


def try_at(claim: Claim, make: Callable[[Source], Any], shape: int, seed: int) -> Trial:
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
    except Exception:  # noqa: BLE001, perhaps only that Python makes floats of int/int, and not of fractions
        instance = instance.map(_fractions)
        verdict = claim(instance)
    point = {"generic point": f"shape {shape}, entries {seed}"}
    if verdict.outcome is not Outcome.HOLDS:
        return Trial(shape, replace(verdict, context={**verdict.context, **point}), {})
    try:
        with branching() as branches:
            degrees = evaluated(
                lambda it: identities(claim.relation, claim.observe(it), claim.predict(it)), make(source.tracked())
            )
    except Exception as error:  # noqa: BLE001, the claim's code decides what it raises
        reason = f"its degree is not known: {type(error).__name__}: {error}"
        return Trial(shape, replace(verdict, context={**verdict.context, **point}), {}, reason=reason)
    if degrees:
        degree = max(degrees.values())
        chance = power_of_two(degree / SET_SIZE)
        point |= {"degree": f"at most {degree}", "passes if false": f"with probability at most {chance}"}
    return Trial(shape, replace(verdict, context={**verdict.context, **point}), degrees, bool(branches))


def examine(claim: Claim, *, seed: int = 0, shapes: int = SHAPES, points: int = 1) -> Generic:
    """Try a claim at generic points; shapes at which it is INAPPLICABLE are passed over, and others tried for them.

    A claim whose code does not run on exact numbers (a root, a float constant) has no trials, and a reason.

    Args:
        claim: any claim: of the catalogue, a mutant, a user's own.
        seed: equal seeds give equal shapes and points.
        shapes: how many shapes.
        points: how many points of each: the error probabilities multiply.
    """
    make = constructor(claim)
    if make is None:
        return Generic(claim, (), f"there is no way to draw a generic {claim.subject.__name__}")
    trials, reason = _trials(claim, make, seed, shapes, points)
    everywhere = ""
    if trials and claim.subject in _WIDER and claim.generic is None:
        wider, name = _WIDER[claim.subject]
        more, _ = _trials(claim, wider, seed, shapes, points)
        if len(more) == len(trials) and all(trial.error_probability is not None for trial in more):
            trials, everywhere = trials + [replace(trial, wider=True) for trial in more], name
    return Generic(claim, tuple(trials), reason, everywhere)


def readable(generic: Generic) -> Verdict | None:
    """A refutation by small whole numbers at one of the shapes where a generic point refutes; None if none is found.

    The smallest range of entries first, then the shapes with the fewest numbers.
    """
    make = constructor(generic.claim)
    shapes = [trial.shape for trial in generic.trials if trial.verdict.outcome is Outcome.REFUTED]
    if make is None:
        return None
    for largest in (1, 2, 3, 8, 100):
        found = []
        for shape, seed in product(shapes, range(8)):
            try:
                verdict = generic.claim(make(Source(shape, seed, largest=largest)))
            except Exception:  # noqa: BLE001, S112, zeros where the construction divides
                continue
            if verdict.outcome is Outcome.REFUTED:
                found.append(verdict)
        if found:
            return min(found, key=lambda verdict: _size(verdict.instance))
    return None


def _size(instance: Any) -> int:
    """How many digits there are to read."""
    return sum(len(str(value)) for array in vars(instance).values() if is_exact(array) for value in array.flat)


def _trials(
    claim: Claim, make: Callable[[Source], Any], seed: int, shapes: int, points: int
) -> tuple[list[Trial], str]:
    trials: list[Trial] = []
    reason = ""
    for shape in range(_PERIOD * seed, _PERIOD * seed + max(_PERIOD, 2 * shapes)):
        if len({trial.shape for trial in trials}) == shapes:
            break
        for point in range(points):
            try:
                trial = try_at(claim, make, shape, seed + point)
            except Exception as error:  # noqa: BLE001, the claim's code decides what it raises
                cause = error.__cause__ or error
                if isinstance(cause, ZeroDivisionError):
                    reason = reason or "a denominator vanishes at a generic point"
                    continue
                return trials, f"the claim does not run on exact numbers: {type(cause).__name__}: {cause}"
            if trial.verdict.outcome is Outcome.UNDECIDED:
                reason = reason or f"undecided at a generic point: {trial.verdict.context.get('reason', '')}"
            if trial.verdict.context.get("hypothesis") in (DEFINED, RATIONAL):
                reason = reason or trial.verdict.context["reason"]
            reason = reason or trial.reason
            if trial.verdict.outcome in (Outcome.HOLDS, Outcome.REFUTED):
                trials.append(trial)
    return trials, reason or ("" if trials else "the claim is inapplicable at every generic shape")
