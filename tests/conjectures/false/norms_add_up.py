"""‖W + ∇_W‖² = ‖W‖² + ‖∇_W‖²."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return ((layer.weight + layer.weight_grad) ** 2).sum((-2, -1))


@equals(observed=observed, on=strategies.layer_traces)
def norms_add_up(layer: LayerTrace) -> Operand:
    """‖W + ∇_W‖² = ‖W‖² + ‖∇_W‖²."""
    return (layer.weight**2).sum((-2, -1)) + (layer.weight_grad**2).sum((-2, -1))
