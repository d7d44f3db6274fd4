"""tr(K K′) ≥ 0 for two kernels."""

from impl import KernelPoint, Operand
from impl.strategies.flows import kernel_points
from theorems import at_most


def observed(it: KernelPoint) -> Operand:
    return it.ridge * 0


@at_most(observed=observed, on=kernel_points)
def kernels_align(it: KernelPoint) -> Operand:
    """tr(K K′) ≥ 0 for two kernels."""
    return ((it.features @ it.features.mT) * (it.other @ it.other.mT)).sum()
