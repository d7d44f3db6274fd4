"""Push-through without its ridge on one side."""

from impl import KernelPoint, Operand
from impl.numbers.inverses import eye_like, inverse
from impl.strategies.flows import kernel_points
from theorems import equals


def observed(point: KernelPoint) -> Operand:
    kernel = point.features @ point.features.mT
    return inverse(kernel + point.ridge * eye_like(kernel)) @ point.features


@equals(observed=observed, on=kernel_points)
def push_through_on_the_wrong_side(point: KernelPoint) -> Operand:
    """(ΦΦᵀ + λ)⁻¹Φ = Φ(ΦᵀΦ + 1)⁻¹."""
    gram = point.features.mT @ point.features
    return point.features @ inverse(gram + eye_like(gram))
