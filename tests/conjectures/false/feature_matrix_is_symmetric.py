"""Wᵀ∇_W is symmetric."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return layer.weight.mT @ layer.weight_grad


@equals(observed=observed, on=strategies.layer_traces)
def feature_matrix_is_symmetric(layer: LayerTrace) -> Operand:
    """Wᵀ∇_W is symmetric."""
    return layer.weight_grad.mT @ layer.weight
