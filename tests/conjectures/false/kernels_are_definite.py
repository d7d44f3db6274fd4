"""yᵀKy > 0, at N > P too."""

from impl import KernelPoint, Operand
from impl.strategies.flows import kernel_points
from theorems import compares


def observed(it: KernelPoint) -> Operand:
    return (it.targets * (it.features @ it.features.mT @ it.targets)).sum(-2)


@compares(">", observed=observed, on=kernel_points)
def kernels_are_definite(it: KernelPoint) -> Operand:
    """yᵀKy > 0, at N > P too."""
    return it.targets.sum(-2) * 0
