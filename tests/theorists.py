"""Conjectures as somebody who studies these networks would write them: on each strategy some that
are true and some that are not.
"""

from __future__ import annotations

from impl import (
    AttentionHead,
    LayerTrace,
    LinearNetwork,
    NormalisedLayer,
    Operand,
    SoftmaxHead,
    TrainingRun,
    strategies,
    velocity,
)
from theorems import at_most, compares, equals

Parts = dict[str, Operand]


def _along(net: LinearNetwork, gram: object) -> Parts:
    found = velocity(lambda *w: gram(w), net.weights, net.weight_velocity)  # type: ignore[operator]
    return {f"between layers {i + 1} and {i + 2}": part for i, part in enumerate(found)}


@equals(
    observed=lambda net: _along(net, lambda w: tuple(b.mT @ b for b in w[1:])),
    on=strategies.deep_linear_networks,
    mutants={},
)
def neighbours_move_alike(net: LinearNetwork) -> Parts:
    """W_{l+1}ᵀW_{l+1} and W_l W_lᵀ have one velocity under gradient flow: what they differ by is
    conserved.
    """
    return _along(net, lambda w: tuple(a @ a.mT for a in w[:-1]))


@equals(
    observed=lambda net: _along(
        net, lambda w: tuple(b.mT @ b - a @ a.mT for a, b in zip(w, w[1:], strict=False))
    ),
    on=strategies.lattice_linear_networks,
    mutants={},
)
def balancedness_is_conserved(net: LinearNetwork) -> Parts:
    """W_{l+1}ᵀW_{l+1} − W_l W_lᵀ is conserved by gradient flow, balanced or not."""
    gaps = [b.mT @ b - a @ a.mT for a, b in zip(net.weights, net.weights[1:], strict=False)]
    return {f"between layers {i + 1} and {i + 2}": gap * 0 for i, gap in enumerate(gaps)}


@equals(
    observed=lambda net: _along(net, lambda w: tuple(b.mT @ b for b in w[1:])),
    on=strategies.deep_linear_networks,
    mutants={},
)
def grams_of_a_linear_network_are_conserved(net: LinearNetwork) -> Parts:
    """False: each Gram matrix of its own is conserved."""
    return {
        f"between layers {i + 1} and {i + 2}": b.mT @ b * 0 for i, b in enumerate(net.weights[1:])
    }


@equals(
    observed=lambda net: net.weights[1].mT @ net.weights[1],
    on=strategies.balanced_linear_networks,
    mutants={},
)
def balanced_grams_agree(net: LinearNetwork) -> Operand:
    """On balanced networks W₂ᵀW₂ = W₁W₁ᵀ."""
    return net.weights[0] @ net.weights[0].mT


@equals(
    observed=lambda net: net.weights[1].mT @ net.weights[1],
    on=strategies.deep_linear_networks,
    mutants={},
)
def every_linear_network_is_balanced(net: LinearNetwork) -> Operand:
    """False: they all are."""
    return net.weights[0] @ net.weights[0].mT


@equals(
    observed=lambda layer: (layer.outputs * layer.output_grad).sum((-2, -1)),
    on=strategies.bias_free_layers,
    mutants={},
)
def scales_like_its_outputs(layer: LayerTrace) -> Operand:
    """⟨Z, ∇_Z⟩ = ⟨W, ∇_W⟩ for layers without bias."""
    return (layer.weight * layer.weight_grad).sum((-2, -1))


@compares(
    ">=",
    observed=lambda layer: (layer.weight * layer.weight_grad).sum((-2, -1)),
    on=strategies.bias_free_layers,
    mutants={},
)
def larger_weights_raise_the_loss(layer: LayerTrace) -> Operand:
    """False: ⟨W, ∇_W⟩ ≥ 0."""
    return (layer.weight * 0).sum((-2, -1))


@equals(observed=lambda head: head.probabilities.sum(-1), on=strategies.softmax_heads, mutants={})
def gradients_of_a_sample_cancel(head: SoftmaxHead) -> Operand:
    """Σ_c ∇_Z + its label's share is that share: the gradients of a sample's logits sum to zero
    under cross-entropy.
    """
    return head.targets.sum(-1)


@at_most(
    observed=lambda head: (head.logits_grad * head.targets).sum(-1),
    on=strategies.softmax_heads,
    mutants={},
)
def labels_pull_up(head: SoftmaxHead) -> Operand:
    """The gradient of the label's own logit is never above zero."""
    return head.loss * 0 + head.targets.sum(-1) * 0


@at_most(
    observed=lambda head: (head.logits_grad * (1 - head.targets)).sum(-1),
    on=strategies.softmax_heads,
    mutants={},
)
def all_logits_are_pulled_up(head: SoftmaxHead) -> Operand:
    """False: so is that of the others."""
    return head.targets.sum(-1) * 0


@at_most(observed=lambda head: head.loss * 1, on=strategies.softmax_heads, mutants={})
def loss_is_at_most_one(head: SoftmaxHead) -> Operand:
    """False: the loss is at most one."""
    return head.loss * 0 + 1


@equals(observed=lambda head: head.attention.sum(-1), on=strategies.attention_heads, mutants={})
def attention_sums_to_one(head: AttentionHead) -> Operand:
    """Every query spreads one unit of attention."""
    return head.visible[:, 0] * 0 + 1


@at_most(
    observed=lambda head: head.outputs * head.outputs, on=strategies.attention_heads, mutants={}
)
def outputs_obey_jensen(head: AttentionHead) -> Operand:
    """An output squared is at most the attention's average of the squared values."""
    return head.attention @ (head.values * head.values)


@equals(observed=lambda head: head.attention.sum(-2), on=strategies.attention_heads, mutants={})
def every_key_is_seen_alike(head: AttentionHead) -> Operand:
    """False: the columns of the attention sum to one as well."""
    return head.visible[0] * 0 + 1


def _unit(layer: NormalisedLayer) -> Operand:
    return (layer.outputs - layer.shift) / layer.gain


@at_most(
    observed=lambda layer: (_unit(layer) * _unit(layer)).sum(-1).sum(-1),
    on=strategies.normalised_layers,
    mutants={},
)
def normalised_rows_have_bounded_length(layer: NormalisedLayer) -> Operand:
    """‖(Y − β)/γ‖_F² ≤ N d for every kind, since ε only shrinks."""
    return (layer.inputs * 0 + 1).sum(-1).sum(-1)


@compares(
    ">", observed=lambda layer: layer.epsilon * 1, on=strategies.normalised_layers, mutants={}
)
def there_is_a_floor(layer: NormalisedLayer) -> Operand:
    """ε > 0."""
    return layer.epsilon * 0


@at_most(observed=_unit, on=strategies.normalised_layers, mutants={})
def normalised_entries_are_at_most_one(layer: NormalisedLayer) -> Operand:
    """False: no entry exceeds one."""
    return layer.inputs * 0 + 1


@equals(
    observed=lambda run: run.parameters[1:] - run.parameters[:-1],
    on=lambda: strategies.training_runs("sgd"),
    mutants={},
)
def descent_follows_the_gradient(run: TrainingRun) -> Operand:
    """Under plain descent θ_{t+1} − θ_t = −η g_t."""
    return -(run.gradients * run.rate)


@equals(
    observed=lambda run: run.parameters[1:] - run.parameters[:-1],
    on=strategies.training_runs,
    mutants={},
)
def every_optimiser_follows_the_gradient(run: TrainingRun) -> Operand:
    """False: they all do that."""
    return -(run.gradients * run.rate)


@at_most(observed=lambda run: run.losses[1:], on=strategies.training_runs, mutants={})
def losses_never_rise(run: TrainingRun) -> Operand:
    """False: no step raises the loss."""
    return run.losses[:-1]


TRUE = (
    neighbours_move_alike, balancedness_is_conserved, balanced_grams_agree, scales_like_its_outputs,
    gradients_of_a_sample_cancel, labels_pull_up, attention_sums_to_one, outputs_obey_jensen,
    normalised_rows_have_bounded_length, there_is_a_floor, descent_follows_the_gradient,
)  # fmt: skip
FALSE = (
    grams_of_a_linear_network_are_conserved,
    every_linear_network_is_balanced,
    larger_weights_raise_the_loss,
    all_logits_are_pulled_up,
    loss_is_at_most_one,
    every_key_is_seen_alike,
    normalised_entries_are_at_most_one,
    every_optimiser_follows_the_gradient,
    losses_never_rise,
)
