"""Too small a bound on the degrees of freedom."""

from impl import KernelPoint, Operand
from impl.kernel_flows.flows import trace_of
from impl.numbers.inverses import eye_like, inverse
from impl.strategies.flows import kernel_points
from theorems import at_most


def observed(point: KernelPoint) -> Operand:
    kernel = point.features @ point.features.mT
    return 2 * trace_of(kernel @ inverse(kernel + point.ridge * eye_like(kernel)))


@at_most(observed=observed, on=kernel_points)
def effective_dimension_is_below_half_the_width(point: KernelPoint) -> Operand:
    """tr K(K + λ)⁻¹ ≤ P/2."""
    return point.ridge * 0 + point.features.shape[-1]
