"""tr G² ≤ (tr G)² for the weight Gram matrix G = WᵀW, which is positive semidefinite."""

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return ((layer.weight.mT @ layer.weight) ** 2).sum((-2, -1))


@at_most(observed=observed, on=strategies.layer_traces)
def gram_matrices_have_small_squares(layer: LayerTrace) -> Operand:
    """tr G² ≤ (tr G)² for the weight Gram matrix G = WᵀW, which is positive semidefinite."""
    return (layer.weight**2).sum((-2, -1)) ** 2
