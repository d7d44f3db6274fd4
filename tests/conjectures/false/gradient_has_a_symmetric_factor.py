"""Wᵀ∇_W + ∇_WᵀW = 2 Hᵀ∇_H, as if the feature matrix were symmetric."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(it: LayerTrace) -> Operand:
    return it.weight.mT @ it.weight_grad + it.weight_grad.mT @ it.weight


@equals(observed=observed, on=strategies.layer_traces)
def gradient_has_a_symmetric_factor(it: LayerTrace) -> Operand:
    """Wᵀ∇_W + ∇_WᵀW = 2 Hᵀ∇_H, as if the feature matrix were symmetric."""
    return 2 * it.inputs.mT @ it.input_grad
