"""max_i z_i ≤ log Σ_i e^{z_i}."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return layer.weight.amax(-1)


@at_most(observed=observed, on=strategies.layer_traces)
def log_sum_exp_is_above_the_largest(layer: LayerTrace) -> Operand:
    """max_i z_i ≤ log Σ_i e^{z_i}."""
    return torch.logsumexp(layer.weight, -1)
