"""|relu(z) − relu(z + ∇_Z)| ≤ |∇_Z|."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(it: LayerTrace) -> Operand:
    return (torch.relu(it.outputs) - torch.relu(it.outputs + it.output_grad)).abs()


@at_most(observed=observed, on=strategies.nonlinear_layers)
def relu_is_lipschitz(it: LayerTrace) -> Operand:
    """|relu(z) − relu(z + ∇_Z)| ≤ |∇_Z|."""
    return it.output_grad.abs()
