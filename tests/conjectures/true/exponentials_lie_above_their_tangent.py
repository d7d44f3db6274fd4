"""e^w ≥ 1 + w."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return 1 + layer.weight


@at_most(observed=observed, on=strategies.layer_traces)
def exponentials_lie_above_their_tangent(layer: LayerTrace) -> Operand:
    """e^w ≥ 1 + w."""
    return torch.exp(layer.weight)
