"""tr Yᵀ(K + K′ + λ)⁻¹Y ≤ tr Yᵀ(K + λ)⁻¹Y."""

import torch

from impl import KernelPoint, Operand
from impl.strategies import flows
from theorems import at_most


def fit(it, kernel):
    return (
        it.targets * torch.linalg.solve(kernel + torch.eye(kernel.shape[-1]) * it.ridge, it.targets)
    ).sum()


@at_most(
    observed=lambda it: fit(it, it.features @ it.features.mT + it.other @ it.other.mT),
    on=flows.kernel_points,
)
def more_kernel_fits_better(it: KernelPoint) -> Operand:
    """tr Yᵀ(K + K′ + λ)⁻¹Y ≤ tr Yᵀ(K + λ)⁻¹Y."""
    return fit(it, it.features @ it.features.mT)
