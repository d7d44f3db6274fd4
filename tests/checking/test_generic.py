"""Identities at generic points: the table is complete, every bound is below 2^-40, and what is
false is refuted at the first point.
"""

import dataclasses
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import settings

from impl.generic import Source
from impl.generic.families import DECAYED, FAMILIES, NOISES
from impl.instances.instance import Instance
from impl.numbers.operands import is_exact
from impl.numbers.tracked import Tracked, plain
from theorems import CLAIMS, Grade, Outcome
from theorems.checking.generic import SHAPES, constructor, examine, power_of_two, readable
from theorems.identities import IDENTITIES, LARGEST_ERROR, NO_IDENTITY
from theorems.statements import EvaluationError

BY_NAME = {claim.name: claim for claim in CLAIMS}
RATIONAL = [BY_NAME[name] for name in IDENTITIES]


def parts(side):
    return side if isinstance(side, dict) else {"": side}


@lru_cache
def applicable(claim, shapes=12):
    make = constructor(claim)
    return [shape for shape in range(shapes) if claim.inapplicable(make(Source(shape, 0))) is None][
        :SHAPES
    ]


# -- the catalogue ---------------------------------------------------------------------------------


def test_every_claim_is_decided_once():
    assert not set(IDENTITIES) & set(NO_IDENTITY)
    assert set(IDENTITIES) | set(NO_IDENTITY) == set(BY_NAME)
    assert all(reason for reason in (IDENTITIES | NO_IDENTITY).values())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(max(1, settings().max_examples // 80)))
@pytest.mark.parametrize("claim", RATIONAL, ids=lambda c: c.name)
def test_every_identity_earns_its_bound(claim, seed):
    found = examine(claim, shapes=4, seed=seed)
    assert len({trial.shape for trial in found.counted}) >= 2
    for trial in found.trials:
        assert trial.verdict.outcome is Outcome.HOLDS, trial.verdict
        assert trial.verdict.grade is Grade.EXACT, trial.verdict
    assert 0 < found.error_probability <= LARGEST_ERROR == 2.0**-40
    assert power_of_two(found.error_probability) in found.earned


@pytest.mark.parametrize("name", NO_IDENTITY)
def test_nothing_else_claims_a_bound(name):
    assert examine(BY_NAME[name], shapes=2).error_probability is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n for n in NO_IDENTITY if "generic points refute" in NO_IDENTITY[n]]
)
def test_false_statements_fall_at_generic_points_and_read_as_small_numbers(name):
    found = examine(BY_NAME[name])
    assert found.refutation.grade is Grade.EXACT
    small = readable(found)
    assert small.outcome is Outcome.REFUTED
    entries = [v for a in vars(small.instance).values() if is_exact(a) for v in a.flat]
    assert max(abs(v) for v in entries) < 1000


INEQUALITIES = {
    "kernel_rank_at_most_classes: a gradient half as large",
    "kernel_rank_at_most_classes: a gradient a hundredth smaller",
    "softmax_kernel_rank_below_classes: a gradient a hundredth smaller",
    "virtual_step_raises_target_linearity: rates up to 4/λ_max",
}
"""Inequalities, which one point of a shape may fulfil and another not: here the first point of some
shape must refute them.
"""
FLOATS = {
    "gram_sufficiency_in_training: square root of P": "a matrix square root is irrational",
    "gram_sufficiency_at_inference: square root of P": "a matrix square root is irrational",
}
MUTANTS = {mutant.name: (claim, mutant) for claim in RATIONAL for mutant in claim.mutants.values()}


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in MUTANTS if n not in FLOATS])
def test_every_mutant_falls_at_the_first_point_of_a_shape_where_it_is_wrong(name):
    """Where it passes one point it passes another: at that shape it is the theorem itself, as
    Schwartz and Zippel say.
    """
    claim, mutant = MUTANTS[name]
    make, seen = constructor(claim), []
    for shape in applicable(claim):
        first = mutant(make(Source(shape, 0))).outcome
        seen.append(first)
        if first is Outcome.REFUTED:
            break
        if name not in INEQUALITIES:
            assert mutant(make(Source(shape, 1))).outcome is first, (
                "a false identity passed a point"
            )
    assert Outcome.REFUTED in seen


@pytest.mark.parametrize("name", FLOATS)
def test_mutants_with_floats_cannot_be_judged_exactly(name):
    claim, mutant = MUTANTS[name]
    with pytest.raises(EvaluationError, match="TypeError"):
        mutant(constructor(claim)(Source(applicable(claim)[0], 0)))


# -- the instances and their degrees ---------------------------------------------------------------


def _flat(value):
    if isinstance(value, tuple):
        return [entry for part in value for entry in _flat(part)]
    return (
        list(value.flat)
        if is_exact(value)
        else [value]
        if isinstance(value, int | Fraction | Tracked)
        else []
    )


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_tracked_instances_have_the_same_numbers(family):
    for shape in (0, 1):
        source = Source(shape, 3)
        one = family(source)
        other = family(source.tracked())
        assert isinstance(one, Instance)
        for field in dataclasses.fields(one):
            left, right = _flat(getattr(one, field.name)), _flat(getattr(other, field.name))
            assert left == [plain(value) for value in right], field.name
            assert not any(isinstance(value, float) for value in left), field.name
        assert any(
            isinstance(v, Tracked)
            for f in dataclasses.fields(other)
            for v in _flat(getattr(other, f.name))
        )


@pytest.mark.parametrize("family", [DECAYED, NOISES], ids=lambda f: f.name)
def test_generic_softmax_gradients_do_not_see_a_shift(family):
    instances = [family(Source(shape, 0)) for shape in range(12)]
    assert {instance.shift_free for instance in instances} == {True, False}
    for instance in instances:
        assert bool((instance.output_grad.sum(-1) == 0).all()) == instance.shift_free


@pytest.mark.slow
@pytest.mark.parametrize("claim", RATIONAL, ids=lambda c: c.name)
def test_tracked_sides_have_the_same_values(claim):
    shape = applicable(claim)[0]
    source = Source(shape, 0)
    one = constructor(claim)(source)
    other = constructor(claim)(source.tracked())
    for side in (claim.observe, claim.predict):
        exact, tracked = parts(side(one)), parts(side(other))
        for part, value in exact.items():
            if not callable(value) and not isinstance(value, tuple):
                left, right = (
                    list(np.asarray(v, dtype=object).flat) for v in (value, tracked[part])
                )
                assert left == [plain(v) for v in right], part
