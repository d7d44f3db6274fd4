"""‖∇_H L‖² ≤ ‖∇_Z L‖²."""

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return (layer.input_grad**2).sum((-2, -1))


@at_most(observed=observed, on=strategies.layer_traces)
def gradients_shrink_backwards(layer: LayerTrace) -> Operand:
    """‖∇_H L‖² ≤ ‖∇_Z L‖²."""
    return (layer.output_grad**2).sum((-2, -1))
