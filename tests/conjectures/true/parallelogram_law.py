"""‖W + ∇_W‖² + ‖W − ∇_W‖² = 2‖W‖² + 2‖∇_W‖²."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return ((layer.weight + layer.weight_grad) ** 2).sum((-2, -1)) + (
        (layer.weight - layer.weight_grad) ** 2
    ).sum((-2, -1))


@equals(observed=observed, on=strategies.layer_traces)
def parallelogram_law(layer: LayerTrace) -> Operand:
    """‖W + ∇_W‖² + ‖W − ∇_W‖² = 2‖W‖² + 2‖∇_W‖²."""
    return 2 * (layer.weight**2).sum((-2, -1)) + 2 * (layer.weight_grad**2).sum((-2, -1))
