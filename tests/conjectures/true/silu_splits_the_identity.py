"""silu(z) − silu(−z) = z."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(it: LayerTrace) -> Operand:
    return torch.nn.functional.silu(it.outputs) - torch.nn.functional.silu(-it.outputs)


@equals(observed=observed, on=strategies.layer_traces)
def silu_splits_the_identity(it: LayerTrace) -> Operand:
    """silu(z) − silu(−z) = z."""
    return it.outputs
