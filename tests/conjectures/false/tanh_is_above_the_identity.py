"""w ≤ tanh w."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return layer.weight


@at_most(observed=observed, on=strategies.layer_traces)
def tanh_is_above_the_identity(layer: LayerTrace) -> Operand:
    """w ≤ tanh w."""
    return torch.tanh(layer.weight)
