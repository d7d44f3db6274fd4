"""The softmax of a row of outputs sums to one."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return torch.softmax(layer.outputs, -1).sum(-1)


@equals(observed=observed, on=strategies.layer_traces)
def softmax_sums_to_one(layer: LayerTrace) -> Operand:
    """The softmax of a row of outputs sums to one."""
    return torch.ones_like(layer.outputs[..., 0])
