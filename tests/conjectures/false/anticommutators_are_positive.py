"""yᵀ(KK′ + K′K)y ≥ 0, as for commuting kernels."""

from impl import KernelPoint, Operand
from impl.strategies.flows import kernel_points
from theorems import at_most


def observed(it: KernelPoint) -> Operand:
    return it.targets.sum(-2) * 0


@at_most(observed=observed, on=kernel_points)
def anticommutators_are_positive(it: KernelPoint) -> Operand:
    """yᵀ(KK′ + K′K)y ≥ 0, as for commuting kernels."""
    first = it.features @ it.features.mT @ it.targets
    second = it.other @ it.other.mT @ it.targets
    return (first * second).sum(-2)
