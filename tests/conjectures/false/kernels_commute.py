"""Kernels of two feature maps."""

from impl import KernelPoint, Operand
from impl.strategies.flows import kernel_points
from theorems import equals


def observed(point: KernelPoint) -> Operand:
    return (point.features @ point.features.mT) @ (point.other @ point.other.mT)


@equals(observed=observed, on=kernel_points)
def kernels_commute(point: KernelPoint) -> Operand:
    """KK' = K'K."""
    return (point.other @ point.other.mT) @ (point.features @ point.features.mT)
