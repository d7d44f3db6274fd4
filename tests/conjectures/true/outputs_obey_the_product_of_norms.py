"""‖Z‖ ≤ ‖H‖ ‖W‖ without a bias."""

import torch

from impl import LayerTrace, Operand, strategies
from theorems import at_most


def observed(it: LayerTrace) -> Operand:
    return torch.linalg.norm(it.outputs)


@at_most(
    observed=observed,
    on=strategies.bias_free_layers,
    where={"one network": lambda it: it.weight.ndim == 2},
)
def outputs_obey_the_product_of_norms(it: LayerTrace) -> Operand:
    """‖Z‖ ≤ ‖H‖ ‖W‖ without a bias."""
    return torch.linalg.norm(it.inputs) * torch.linalg.norm(it.weight)
