"""silu(w) ≥ −0.275; its least value is −0.2785."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(it: LayerTrace) -> Operand:
    return it.weight * 0 - 0.275


@at_most(observed=observed, on=strategies.layer_traces)
def silu_is_above_a_constant(it: LayerTrace) -> Operand:
    """silu(w) ≥ −0.275; its least value is −0.2785."""
    return torch.nn.functional.silu(it.weight)
