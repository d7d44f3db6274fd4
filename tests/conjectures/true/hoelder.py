"""Σ|w g| ≤ max|w| Σ|g|."""

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(it: LayerTrace) -> Operand:
    return (it.weight * it.weight_grad).abs().sum((-2, -1))


@at_most(observed=observed, on=strategies.layer_traces)
def hoelder(it: LayerTrace) -> Operand:
    """Σ|w g| ≤ max|w| Σ|g|."""
    return it.weight.abs().amax((-2, -1)) * it.weight_grad.abs().sum((-2, -1))
