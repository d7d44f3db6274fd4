"""Y − K(K + λ)⁻¹Y = λ(K + λ)⁻¹Y."""

import torch

from impl import KernelPoint, Operand
from impl.numbers.inverses import eye_like
from impl.strategies.flows import kernel_points
from theorems import equals


def observed(it: KernelPoint) -> Operand:
    kernel = it.features @ it.features.mT
    return it.targets - kernel @ torch.linalg.solve(
        kernel + it.ridge * eye_like(kernel), it.targets
    )


@equals(observed=observed, on=kernel_points)
def residuals_of_ridge_are_its_duals(it: KernelPoint) -> Operand:
    """Y − K(K + λ)⁻¹Y = λ(K + λ)⁻¹Y."""
    kernel = it.features @ it.features.mT
    return it.ridge * torch.linalg.solve(kernel + it.ridge * eye_like(kernel), it.targets)
