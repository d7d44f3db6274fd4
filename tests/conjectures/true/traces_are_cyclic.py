"""tr(Wᵀ∇_W) = tr(∇_W Wᵀ)."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return torch.trace(layer.weight.mT @ layer.weight_grad)


@equals(
    observed=observed, on=strategies.layer_traces().filter(lambda layer: layer.weight.ndim == 2)
)
def traces_are_cyclic(layer: LayerTrace) -> Operand:
    """tr(Wᵀ∇_W) = tr(∇_W Wᵀ)."""
    return torch.trace(layer.weight_grad @ layer.weight.mT)
