"""No true statement is refuted: thousands of identities and inequalities made by rewriting, on
domains of every kind.

Each is also changed by one token; whether that makes it false on an instance is decided in
fractions, apart from the suite.
"""

import random
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impl import Instance, Operand
from impl.numbers.operands import to_exact
from tests.expressions import LEAVES, SIZES, changed, formula, in_fractions, rewritten
from theorems import Outcome, at_most, equals

PER_SEED = 5 if settings().max_examples > 100 else 2
"""Statements to an example: in the profile ci some six thousand altogether, at night forty times as
many.
"""
CLEAR = Fraction(1, 10**9)
"""A difference of this share of the largest number on the way is beyond rounding in float64."""


@dataclass(frozen=True, eq=False)
class Matrices(Instance):
    """Nine matrices, data all of them."""

    measured: ClassVar = {}

    a: Operand
    b: Operand
    c: Operand
    s: Operand
    t: Operand
    u: Operand
    v: Operand
    w: Operand
    x: Operand


def drawn(source, entry):
    return Matrices(
        **{
            name: torch.tensor(
                [[entry(source) for _ in range(SIZES[columns])] for _ in range(SIZES[rows])],
                dtype=torch.float64,
            )
            for name, (rows, columns) in LEAVES.items()
        }
    )


def wild(source):
    """Magnitudes far apart, zeros, ties."""
    return source.choice(
        [0.0, 1.0, source.gauss(0, 1), source.gauss(0, 1) * 10.0 ** source.uniform(-12, 12)]
    )


DOMAINS = {
    "whole": lambda source: drawn(source, lambda s: s.randint(-3, 3)),
    "zeros and ones": lambda source: drawn(source, lambda s: s.randint(0, 1)),
    "exact": lambda source: drawn(source, lambda s: s.randint(-9, 9)).exact(),
    "fractions": lambda source: drawn(source, lambda s: s.randint(-9, 9)).map(
        lambda value: to_exact(value) * Fraction(1, 3)
    ),
    "Gaussian": lambda source: drawn(source, lambda s: s.gauss(0, 1)),
    "float32": lambda source: drawn(source, lambda s: s.gauss(0, 1)).map(
        lambda value: value.float().double()
    ),
    "tiny": lambda source: drawn(source, lambda s: s.gauss(0, 1) * 1e-60),
    "huge": lambda source: drawn(source, lambda s: s.gauss(0, 1) * 1e40),
    "wild": lambda source: drawn(source, wild),
}

UNROUNDED = ("whole", "zeros and ones", "exact", "fractions")


def values(instance):
    return {f.name: getattr(instance, f.name) for f in fields(instance)}


def claim(decorator, left, right):
    """A user's conjecture: left = right, or left ≤ right."""

    def predicted(instance: Matrices) -> Operand:
        return right(values(instance))

    predicted.__doc__ = "One formula is the other, rewritten."
    return decorator(observed=lambda instance: left(values(instance)), on=st.nothing, mutants={})(
        predicted
    )


def pairs(seed, domain):
    for k in range(PER_SEED):
        source = random.Random(f"{seed} {domain} {k}")
        node = formula(
            source,
            source.choice([("n", "n"), ("n", "p"), ("p", "p"), ("q", "n")]),
            source.randint(1, 4),
        )
        yield source, node, rewritten(source, node, source.randint(1, 6)), DOMAINS[domain](source)


@pytest.mark.slow
@pytest.mark.parametrize("domain", DOMAINS)
@given(seed=st.integers(0, 2**40))
def test_rewriting_is_never_refuted(domain, seed):
    for source, left, right, instance in pairs(seed, domain):
        square = formula(source, left.shape, 2)
        statements = {
            "=": claim(equals, left.run, right.run),
            "≤ with equality": claim(at_most, left.run, right.run),
            "≤ by a square": claim(
                at_most, left.run, lambda v, r=right, q=square: r.run(v) + q.run(v) * q.run(v)
            ),
        }
        for sign, statement in statements.items():
            verdict = statement(instance)
            assert verdict.outcome is not Outcome.REFUTED, f"{left} {sign} {right}\n{verdict!r}"
            if domain in UNROUNDED:
                assert verdict.outcome is Outcome.HOLDS, f"{left} {sign} {right}\n{verdict!r}"


@pytest.mark.slow
@pytest.mark.parametrize("domain", DOMAINS)
@given(seed=st.integers(0, 2**40))
def test_one_token_is_seen_where_it_makes_a_difference(domain, seed):
    for source, left, right, instance in pairs(seed, domain):
        wrong = changed(source, right)
        exact = {
            name: to_exact(v) if isinstance(v, torch.Tensor) else v
            for name, v in values(instance).items()
        }
        here, there = in_fractions(left, exact), in_fractions(wrong, exact)
        verdict = claim(equals, left.run, wrong.run)(instance)
        told = f"{left} = {wrong}, from {right}\n{verdict!r}"
        if (here == there).all():
            assert verdict.outcome is not Outcome.REFUTED, told
        elif domain in UNROUNDED or _beyond_rounding(here - there, _largest(left, wrong, exact)):
            assert verdict.outcome is Outcome.REFUTED, told
        else:
            assert verdict.outcome is not Outcome.HOLDS or verdict.measured <= verdict.bound, told


def _beyond_rounding(difference, size):
    """Whether no rounding in float64 explains the difference of numbers made of ones up to this
    size.
    """
    plain = Fraction(1, 10**250) < size < 10**300  # far from overflow and underflow
    return plain and (abs(difference) > CLEAR * size).any()


def _largest(left, right, exact):
    """The largest number that either formula can meet: every entry and coefficient by its absolute
    value.
    """
    bounds = {name: np.abs(v) for name, v in exact.items()}
    return max(abs(in_fractions(_positive(node), bounds)).max() for node in (left, right))


def _positive(node):
    kind = "sum" if node.kind == "difference" else node.kind
    return replace(
        node, kind=kind, parts=tuple(_positive(p) for p in node.parts), number=abs(node.number)
    )
