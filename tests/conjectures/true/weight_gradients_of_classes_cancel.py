"""Σ_c ∇_{W_c} L = 0: no common direction is learned."""

from impl import Operand, SoftmaxHead, strategies
from theorems import equals


def observed(it: SoftmaxHead) -> Operand:
    return it.weight_grad.sum(-2)


@equals(observed=observed, on=strategies.softmax_heads)
def weight_gradients_of_classes_cancel(it: SoftmaxHead) -> Operand:
    """Σ_c ∇_{W_c} L = 0: no common direction is learned."""
    return it.features.sum(-2) * 0
