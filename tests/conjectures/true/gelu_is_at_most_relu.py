"""gelu(z) ≤ relu(z)."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(it: LayerTrace) -> Operand:
    return torch.nn.functional.gelu(it.weight)


@at_most(observed=observed, on=strategies.layer_traces)
def gelu_is_at_most_relu(it: LayerTrace) -> Operand:
    """gelu(z) ≤ relu(z)."""
    return torch.relu(it.weight)
