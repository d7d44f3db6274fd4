"""‖∇_W L‖² ≤ ‖∇_Z L‖² ‖H‖², by Cauchy and Schwarz."""

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return (layer.weight_grad**2).sum((-2, -1))


@at_most(observed=observed, on=strategies.layer_traces)
def gradient_is_no_larger_than_its_factors(layer: LayerTrace) -> Operand:
    """‖∇_W L‖² ≤ ‖∇_Z L‖² ‖H‖², by Cauchy and Schwarz."""
    return (layer.output_grad**2).sum((-2, -1)) * (layer.inputs**2).sum((-2, -1))
