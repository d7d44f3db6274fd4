"""max softmax ≥ ½."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return torch.softmax(layer.outputs, -1).amax(-1) * 0 + 0.5


@at_most(observed=observed, on=strategies.layer_traces)
def the_largest_probability_is_a_half(layer: LayerTrace) -> Operand:
    """max softmax ≥ ½."""
    return torch.softmax(layer.outputs, -1).amax(-1)
