"""tanh 2w (1 + tanh² w) = 2 tanh w."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return torch.tanh(2 * layer.weight) * (1 + torch.tanh(layer.weight) ** 2)


@equals(observed=observed, on=strategies.layer_traces)
def tanh_doubles(layer: LayerTrace) -> Operand:
    """tanh 2w (1 + tanh² w) = 2 tanh w."""
    return 2 * torch.tanh(layer.weight)
