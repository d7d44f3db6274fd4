"""‖W_L ⋯ W₁‖ ≤ ∏_l ‖W_l‖."""

from impl import LinearNetwork, Operand, strategies
from theorems import at_most


def product(*weights: Operand) -> Operand:
    """W_L ⋯ W₁."""
    whole = weights[0]
    for weight in weights[1:]:
        whole = weight @ whole
    return whole


def observed(it: LinearNetwork) -> Operand:
    return product(*it.weights).norm()


@at_most(observed=observed, on=strategies.deep_linear_networks)
def chains_are_no_longer_than_their_links(it: LinearNetwork) -> Operand:
    """‖W_L ⋯ W₁‖ ≤ ∏_l ‖W_l‖."""
    bound = it.weights[0].norm()
    for weight in it.weights[1:]:
        bound = bound * weight.norm()
    return bound
