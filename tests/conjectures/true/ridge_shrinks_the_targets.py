"""‖K(K + λ)⁻¹Y‖² ≤ ‖Y‖²."""

from impl import KernelPoint, Operand
from impl.numbers.inverses import eye_like, inverse
from impl.strategies.flows import kernel_points
from theorems import at_most


def observed(it: KernelPoint) -> Operand:
    kernel = it.features @ it.features.mT
    return ((kernel @ inverse(kernel + it.ridge * eye_like(kernel)) @ it.targets) ** 2).sum()


@at_most(observed=observed, on=kernel_points)
def ridge_shrinks_the_targets(it: KernelPoint) -> Operand:
    """‖K(K + λ)⁻¹Y‖² ≤ ‖Y‖²."""
    return (it.targets**2).sum()
