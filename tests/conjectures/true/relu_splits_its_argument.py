"""z = relu(z) − relu(−z)."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return torch.relu(layer.outputs) - torch.relu(-layer.outputs)


@equals(observed=observed, on=strategies.layer_traces)
def relu_splits_its_argument(layer: LayerTrace) -> Operand:
    """z = relu(z) − relu(−z)."""
    return layer.outputs
