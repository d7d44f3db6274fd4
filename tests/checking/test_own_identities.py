"""Users' own claims get generic points as the catalogue does: bounds where they hold, small
counterexamples where they do not.
"""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from impl import GatedNetwork, LayerTrace, strategies
from impl.generic import SET_SIZE, Source
from impl.generic.families import LAYERS
from impl.generic.networks import gated_network, pairing
from impl.gram_hierarchy.gated import fields
from impl.instances.instance import Instance
from impl.numbers.operands import Operand, reciprocal
from impl.preconditioning.first_layer import PreconditionedSteps
from theorems import Grade, Outcome, gram_sufficiency_in_training
from theorems.checking.check import check
from theorems.checking.generic import examine, readable, try_at
from theorems.claim import Source as Paper
from theorems.stating import at_most, equals

OPTIONS = {"source": Paper("0000.00000", "a conjecture", "derived"), "mutants": {}}


def layer_claim(observed, predicted, make=equals):
    def conjecture(layer: LayerTrace) -> Operand:
        """A conjecture about one layer."""
        return predicted(layer)

    return make(observed=observed, on=strategies.layer_traces, **OPTIONS)(conjecture)


def network_claim(observed, predicted):
    def conjecture(net: GatedNetwork) -> Operand:
        """A conjecture about a gated network."""
        return predicted(net)

    return equals(observed=observed, on=strategies.gated_networks, **OPTIONS)(conjecture)


FACTORED = layer_claim(
    lambda layer: layer.weight_grad, lambda layer: layer.output_grad.mT @ layer.inputs
)


def test_a_true_identity_earns_its_bound_in_the_record():
    record = check(FACTORED, examples=5).record()
    assert record["outcome"] == "HOLDS"
    assert record["grade"] == "PROVED"
    assert 0 < record["error_probability"] == 3 / SET_SIZE
    assert "2^-59.4" in record["earned"]
    assert record["instances"] == 5


@pytest.mark.slow
def test_a_false_identity_is_refuted_and_reads_as_small_numbers():
    evidence = check(
        layer_claim(
            lambda layer: layer.weight_grad @ layer.inputs.mT, lambda layer: layer.output_grad.mT
        ),
        examples=5,
    )
    assert evidence.outcome is Outcome.REFUTED
    assert evidence.record()["error_probability"] is None
    assert evidence.worst.grade is Grade.EXACT


def _vanishes_on_small_numbers(layer):
    product = layer.weight
    for root in range(1, 6):
        product = product * (layer.weight - root) * (layer.weight + root)
    return product


@pytest.mark.slow
def test_generic_points_see_what_small_numbers_cannot():
    """Zero at every whole number from −5 to 5, so at every drawn lattice layer; refuted by a
    counterexample of small numbers, once it says that it is about layers of any numbers.
    """
    claim = layer_claim(_vanishes_on_small_numbers, lambda layer: layer.weight * 0)
    claim = dataclasses.replace(
        claim,
        instances=lambda: strategies.lattice_layers().filter(
            lambda i: bool((abs(i.weight) <= 5).all())
        ),
    )
    assert all(claim(LAYERS(Source(shape, 0, largest=5))) for shape in range(4))
    assert check(claim, examples=20).outcome is Outcome.HOLDS
    evidence = check(dataclasses.replace(claim, generic=LAYERS), examples=20)
    assert evidence.outcome is Outcome.REFUTED
    assert evidence.worst.grade is Grade.EXACT
    assert 5 < max(abs(v) for v in evidence.worst.instance.weight.flat) <= 8


def test_what_holds_for_masks_alone_is_not_said_of_more():
    squared = network_claim(
        lambda n: fields(n).z[1] * fields(n).z[1], lambda n: fields(n).z[1] * fields(n).h[1]
    )
    found = examine(squared)
    assert found.error_probability <= 2**-40
    assert "every pattern of masks" not in found.also
    assert "every pattern" not in found.earned
    assert found.also == ["depth 5 and 6"]
    assert (
        try_at(squared, lambda s: gated_network(s, free_gates=True), 0, 0).verdict.outcome
        is Outcome.REFUTED
    )


def test_what_holds_for_free_gates_is_said_of_every_pattern_of_masks():
    cut = network_claim(
        lambda n: (fields(n).z[1] * fields(n).p[1]).sum(-1),
        lambda n: (fields(n).z[0] * fields(n).p[0]).sum(-1),
    )
    found = examine(cut)
    assert found.also == ["every pattern of masks", "depth 5 and 6"]
    assert {trial.beyond for trial in found.counted} == {"", *found.also}
    degrees = {max(trial.degrees.values()) for trial in found.counted}
    assert len(degrees) > 1
    assert found.error_probability == max(degrees) / SET_SIZE  # the worst shape answers


def test_points_of_one_shape_multiply():
    once, twice = examine(FACTORED, shapes=2), examine(FACTORED, shapes=2, points=2)
    assert twice.error_probability == once.error_probability**2
    assert len(twice.trials) == 4


def test_whole_numbers_are_divided_without_floats():
    found = examine(
        layer_claim(
            lambda layer: layer.weight_grad / 2,
            lambda layer: layer.output_grad.mT @ layer.inputs / 2,
        )
    )
    assert found.error_probability == 3 / SET_SIZE


@pytest.mark.parametrize(
    "predicted",
    [
        lambda layer: layer.output_grad.mT @ layer.inputs * math.pi,
        lambda layer: torch.exp(layer.weight_grad),
    ],
    ids=["a float constant", "a torch function"],
)
def test_what_does_not_run_exactly_says_why(predicted):
    found = examine(layer_claim(lambda layer: layer.weight_grad, predicted))
    assert found.error_probability is None
    assert found.earned is None
    assert "left out here are the grade EXACT and the p(error)" in found.reason


def test_a_denominator_that_always_vanishes_proves_nothing():
    found = examine(
        layer_claim(
            lambda layer: reciprocal(layer.weight - layer.weight),
            lambda layer: reciprocal(layer.weight * 0),
        )
    )
    assert found.error_probability is None
    assert found.trials == ()
    assert "division by zero" in found.reason


def test_inequalities_earn_nothing():
    found = examine(
        layer_claim(
            lambda layer: -layer.weight * layer.weight, lambda layer: layer.weight * 0, at_most
        )
    )
    assert found.error_probability is None
    assert all(found.verdicts)


def test_what_cannot_be_false_earns_nothing():
    assert (
        examine(
            layer_claim(lambda layer: layer.weight * 0, lambda layer: layer.weight * 0)
        ).error_probability
        is None
    )


def test_a_branch_is_named():
    found = examine(
        layer_claim(
            lambda layer: np.maximum(layer.weight, 0) * np.maximum(-layer.weight, 0),
            lambda layer: layer.weight * 0,
        )
    )
    assert found.error_probability is None  # on either branch a constant zero
    found = examine(
        layer_claim(
            lambda layer: abs(layer.weight) * abs(layer.weight),
            lambda layer: layer.weight * layer.weight,
        )
    )
    assert "order of the points" in found.earned


@dataclasses.dataclass(frozen=True, eq=False)
class Pair(Instance):
    """Two matrices."""

    left: Operand
    right: Operand


def _pairs():
    return st.just(Pair(torch.eye(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)))


def pair_claim(**more):
    def conjecture(pair: Pair) -> Operand:
        """Matrices commute: false, and not seen on identities."""
        return pair.right @ pair.left

    return equals(observed=lambda pair: pair.left @ pair.right, on=_pairs, **OPTIONS, **more)(
        conjecture
    )


def test_an_instance_type_of_ones_own_brings_its_generic_instances():
    assert "no way to draw a generic Pair" in examine(pair_claim()).reason
    assert check(pair_claim(), examples=3).outcome is Outcome.HOLDS
    claim = pair_claim(generic=lambda source: Pair(source.entries(2, 2), source.entries(2, 2)))
    evidence = check(claim, examples=3)
    assert evidence.outcome is Outcome.REFUTED
    assert max(abs(v) for v in evidence.worst.instance.left.flat) <= 1
    commuting = pair_claim(generic=lambda source: Pair(source.entries(1, 1), source.entries(1, 1)))
    assert examine(commuting).error_probability == 2 / SET_SIZE


def _skew_steps(source):
    """One step with a preconditioner that is not symmetric, which no optimiser here takes."""
    inputs, weight, matrix = (
        source.entries(1, 2, 2),
        source.entries(1, 2, 2),
        source.entries(1, 2, 2),
    )
    above, rate, decay = source.entries(1, 2, 2), source.positive(1), source.positive(1) * 0
    (grad,) = source.gradient(lambda w: pairing(above[0], inputs[0] @ w.mT), (weight[0],))
    after = weight - (grad @ matrix[0])[None] * rate
    return PreconditionedSteps(
        inputs,
        inputs,
        weight,
        after,
        matrix,
        inputs @ weight.mT,
        inputs @ after.mT,
        inputs @ weight.mT,
        inputs @ after.mT,
        above,
        above,
        inputs @ after.mT,
        rate,
        decay,
    )


def test_gram_sufficiency_needs_a_symmetric_preconditioner():
    """W ← W − η∇P moves Z by X Pᵀ Xᵀ∇_Z: with G_P = X P Xᵀ the statement is true for symmetric P
    alone.
    """
    steps = _skew_steps(Source(0, 0))
    verdict = gram_sufficiency_in_training(steps)
    assert verdict.outcome in (Outcome.REFUTED, Outcome.INAPPLICABLE)
    transposed = dataclasses.replace(steps, preconditioner=steps.preconditioner.mT)
    eta = transposed.rate[..., None, None]
    assert (
        steps.after
        == steps.before
        - (steps.inputs @ transposed.preconditioner @ steps.inputs.mT @ steps.output_grad) * eta
    ).all()


def test_readable_refutations_are_none_where_nothing_is_refuted():
    assert readable(examine(FACTORED)) is None


def test_the_sentence_names_parts_when_only_some_are_identities():
    from theorems import kernel_energy_decreases

    assert "rate, the reduced objective" in examine(kernel_energy_decreases, shapes=2).earned


def test_equal_seeds_give_equal_points_and_other_seeds_others():
    first, again, other = (LAYERS(Source(0, seed)) for seed in (1, 1, 2))
    assert (first.weight == again.weight).all()
    assert first.weight.shape == other.weight.shape
    assert (first.weight != other.weight).all()
    entries = Source(0, 0).entries(2000)
    assert max(abs(v) for v in entries) > SET_SIZE // 2 * Fraction(99, 100)
    assert min(Source(0, 0).positive(2000)) >= 1
