"""K_nm² ≤ K_nn K_mm."""

import torch

from impl import KernelPoint, Operand
from impl.strategies.flows import kernel_points
from theorems import at_most


def observed(it: KernelPoint) -> Operand:
    return (it.features @ it.features.mT) ** 2


@at_most(observed=observed, on=kernel_points)
def kernel_entries_obey_schwarz(it: KernelPoint) -> Operand:
    """K_nm² ≤ K_nn K_mm."""
    norms = (it.features**2).sum(-1)
    return torch.outer(norms, norms)
