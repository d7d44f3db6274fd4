"""Conjectures that once were judged on networks of which they do not speak."""

from impl import GatedNetwork, LayerTrace, Operand, strategies
from impl.feature_learning.chains import LinearChain
from impl.generic import families
from impl.gram_hierarchy.gated import fields
from impl.preconditioning.twins import TwinRuns
from impl.strategies import grams, preconditioning
from theorems import Outcome, at_most, equals


@at_most(observed=lambda net: fields(net).z[1] * 0, on=strategies.lattice_gated_networks)
def activations_are_not_negative(net: GatedNetwork) -> Operand:
    """z¹ ≥ 0."""
    return fields(net).z[1]


@equals(
    observed=lambda layer: (layer.outputs * layer.output_grad).sum((-2, -1)),
    on=strategies.layer_traces,
    where={"layers without a bias": lambda layer: layer.bias is None},
)
def gains_agree(layer: LayerTrace) -> Operand:
    """⟨Z, ∇_Z⟩ = ⟨W, ∇_W⟩ without a bias."""
    return (layer.weight * layer.weight_grad).sum((-2, -1))


@equals(observed=lambda chain: chain.weights[0] @ chain.weights[0].mT, on=grams.balanced_chains)
def every_chain_is_balanced(chain: LinearChain) -> Operand:
    """Every deep linear network is balanced."""
    return (
        chain.weights[0] @ chain.weights[0].mT
        if chain.depth == 1
        else chain.weights[1].mT @ chain.weights[1]
    )


@equals(observed=lambda twins: twins.outputs, on=preconditioning.twin_runs)
def any_two_data_sets_train_identically(twins: TwinRuns) -> Operand:
    """Any two data sets train identically."""
    return twins.twin_outputs


@equals(
    observed=lambda chain: chain.weights[0].mT @ chain.weights[0],
    on=grams.unbalanced_chains,
    generic=families.CHAINS,
)
def gram_is_symmetric(chain: LinearChain) -> Operand:
    """A true identity of any chain."""
    return (chain.weights[0].mT @ chain.weights[0]).mT


@equals(
    observed=lambda layer: (layer.outputs * layer.output_grad).sum((-2, -1)),
    on=strategies.layer_traces,
    expected=Outcome.REFUTED,
)
def gains_agree_with_a_bias(layer: LayerTrace) -> Operand:
    """⟨Z, ∇_Z⟩ = ⟨W, ∇_W⟩ whatever the bias: false."""
    return (layer.weight * layer.weight_grad).sum((-2, -1))
