"""Clipping to [−1, 1] is no larger than the identity in absolute value."""

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return layer.weight.clamp(-1, 1).abs()


@at_most(observed=observed, on=strategies.layer_traces)
def clipping_shrinks(layer: LayerTrace) -> Operand:
    """Clipping to [−1, 1] is no larger than the identity in absolute value."""
    return layer.weight.abs()
