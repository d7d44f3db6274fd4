"""Quadratic forms of a kernel."""

from impl import KernelPoint, Operand
from impl.strategies.flows import kernel_points
from theorems import at_most


def observed(point: KernelPoint) -> Operand:
    return (point.targets * 0).sum(-2)


@at_most(observed=observed, on=kernel_points)
def kernels_are_positive(point: KernelPoint) -> Operand:
    """yᵀKy ≥ 0 for each column y of the targets."""
    return ((point.features @ point.features.mT @ point.targets) * point.targets).sum(-2)
