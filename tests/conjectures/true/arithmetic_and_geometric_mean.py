"""2 |⟨W, ∇_W L⟩| ≤ ‖W‖² + ‖∇_W L‖²."""

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return 2 * (layer.weight * layer.weight_grad).sum((-2, -1)).abs()


@at_most(observed=observed, on=strategies.layer_traces)
def arithmetic_and_geometric_mean(layer: LayerTrace) -> Operand:
    """2 |⟨W, ∇_W L⟩| ≤ ‖W‖² + ‖∇_W L‖²."""
    return (layer.weight**2).sum((-2, -1)) + (layer.weight_grad**2).sum((-2, -1))
