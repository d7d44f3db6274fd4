"""‖W + ∇_W‖ ≤ ‖W‖ + ‖∇_W‖."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(layer: LayerTrace) -> Operand:
    return torch.linalg.norm(layer.weight + layer.weight_grad)


@at_most(observed=observed, on=strategies.layer_traces)
def norms_obey_the_triangle(layer: LayerTrace) -> Operand:
    """‖W + ∇_W‖ ≤ ‖W‖ + ‖∇_W‖."""
    return torch.linalg.norm(layer.weight) + torch.linalg.norm(layer.weight_grad)
