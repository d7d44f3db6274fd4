"""Wᵀ∇_W = Hᵀ∇_H: the Feature Learning Equation, transposed."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return layer.weight.mT @ layer.weight_grad


@equals(observed=observed, on=strategies.layer_traces)
def gram_is_learned_from_outputs(layer: LayerTrace) -> Operand:
    """Wᵀ∇_W = Hᵀ∇_H: the Feature Learning Equation, transposed."""
    return layer.inputs.mT @ layer.input_grad
