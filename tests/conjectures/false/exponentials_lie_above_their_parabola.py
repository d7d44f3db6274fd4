"""e^w ≥ 1 + w + w²/2."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return 1 + layer.weight + layer.weight**2 / 2


@at_most(observed=observed, on=strategies.layer_traces)
def exponentials_lie_above_their_parabola(layer: LayerTrace) -> Operand:
    """e^w ≥ 1 + w + w²/2."""
    return torch.exp(layer.weight)
