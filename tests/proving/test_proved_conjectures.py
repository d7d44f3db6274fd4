"""Conjectures of a user, with no word about proofs: what is decided of them, and that code which
branches is found out.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from impl import Operand
from theorems import Outcome, equals
from theorems.impl.feature_learning.chains import LinearChain
from theorems.impl.kernel_flows.minibatches import MinibatchNoise
from theorems.impl.strategies import grams as strategies
from theorems.impl.strategies.noise import minibatch_noises
from theorems.loading import load_claims
from theorems.proving.counterexamples import counterexample
from theorems.proving.deciding import decide
from theorems.verdict import Grade

HERE = Path(__file__).parents[1]


def stated(path):
    return {claim.name: claim for claim in load_claims(str(HERE / path))}


FIVE, HOSTILE = stated("proofs/five.py"), stated("proofs/hostile.py")


# -- five conjectures of a user --------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["layers_stay_balanced", "every_layer_gains_alike", "the_tangent_kernel_is_positive"]
)
def test_true_conjectures_of_a_user(name):
    proof = decide(FIVE[name])
    assert proof.proved, proof.sentence
    assert "every width" in proof.sentence


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("gradients_pass_twice", (1, 1, 1)), ("layers_gain_by_their_depth", (1, 1, 1, 1))],
)
def test_false_conjectures_of_a_user(name, sizes):
    proof = decide(FIVE[name])
    assert proof.status == "differs"
    found = counterexample(FIVE[name], proof)
    assert found.sizes == sizes
    assert found.verdict.outcome is Outcome.REFUTED
    assert found.verdict.grade is Grade.EXACT
    assert FIVE[name](found.verdict.instance).outcome is Outcome.REFUTED


# -- code that branches ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_code_that_branches_is_not_proved(name):
    assert not decide(HOSTILE[name]).proved


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wide_layers_differ", "n2 > 40"),
        ("square_layers_differ", "n2 == n3"),
        ("large_weights_differ", "a comparison of variables"),
        ("caught_and_covered_up", "n2 > 40"),
        ("many_calls_differ", "a branch on 'calls'"),
        ("names_differ", "a branch on a name"),
        ("floats_differ", "a branch on the kind of number"),
        ("nearly", "the float 1.0000000001"),
    ],
)
def test_what_branches_is_named_with_its_line(name, said):
    proof = decide(HOSTILE[name])
    assert proof.status == "not of this form"
    assert said in proof.sentence
    assert "hostile.py:" in proof.sentence


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("biased_layers_differ", "differs"),
        ("gates_by_name_differ", "no normal form found"),  # masks of ReLU follow from weights
        ("deep_networks_differ", "differs"),
    ],
)
def test_every_alternative_is_looked_at(name, status):
    assert decide(HOSTILE[name]).status == status


def test_what_holds_of_real_batches_is_proved():
    """Symbols are selections of b samples: Σ n_i = b is one of their relations."""

    @equals(observed=lambda noise: noise.counts.sum(-1), on=minibatch_noises)
    def counts_add_up(noise: MinibatchNoise) -> Operand:
        """Σ n_i = b."""
        return noise.counts.sum(-1) * 0 + noise.size

    proof = decide(counts_add_up)
    assert proof.proved, proof.sentence
    assert "one 1 in each selection" in proof.sentence
    wrong = replace(
        counts_add_up,
        name="wrong",
        predict=lambda noise: noise.counts.sum(-1) * 0 + noise.size * noise.size,
    )
    assert decide(wrong).status == "no normal form found"  # batches without replacement are fewer


def test_a_claim_about_a_part_of_the_domain_is_proved_for_that_part():
    claim = HOSTILE["biased_layers_differ"]
    part = replace(claim, where={"layers without a bias": lambda layer: layer.bias is None})
    assert decide(part).proved
    other = replace(claim, where={"layers with a bias": lambda layer: layer.bias is not None})
    assert decide(other).status == "differs"
    none = replace(claim, where={"nothing": lambda layer: False})
    assert not decide(none).proved


def pairs_of_layers(source):
    """Two linear layers, one behind the other."""
    middle, width, into = source.size(2, 4), source.size(2, 4), source.size(2, 4)
    return LinearChain(
        (source.entries(middle, into), source.entries(width, middle)),
        source.entries(source.size(1, 3), into),
    )


def chooses(source):
    """Chains of one layer or two."""
    return pairs_of_layers(source) if source.shape % 2 else None


def covers_up(source):
    """Chains, square ones where sizes can be compared."""
    chain = pairs_of_layers(source)
    try:
        wide = chain.weights[0].shape[0] > 3
    except TypeError:
        wide = False
    return chain if not wide else pairs_of_layers(source)


@pytest.mark.parametrize(
    ("generic", "wrong", "status"),
    [
        (pairs_of_layers, 1, "proved"),
        (pairs_of_layers, 2, "differs"),
        (chooses, 1, "not of this form"),
        (covers_up, 1, "not of this form"),
    ],
)
def test_a_constructor_of_ones_own_is_handed_symbols(generic, wrong, status):
    def both(chain):
        first, second = chain.weights
        return (chain.inputs @ first.mT @ second.mT).mT

    @equals(observed=both, on=strategies.balanced_chains, generic=generic)
    def products(chain: LinearChain) -> Operand:
        """(XAᵀBᵀ)ᵀ = BAXᵀ."""
        first, second = chain.weights
        return second @ first @ chain.inputs.mT * wrong

    proof = decide(products)
    assert proof.status == status, proof.sentence
    assert status != "proved" or "every size of Two linear layers" in proof.sentence
    # as asked for
    assert status != "differs" or counterexample(products, proof).sizes == (
        2,
        2,
        2,
        1,
    )
    reasons = ("a choice between shapes", "catches a comparison of sizes, n1 > 3")
    assert status != "not of this form" or any(why in proof.sentence for why in reasons)
