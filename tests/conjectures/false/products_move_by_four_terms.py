"""dM/dt is the sum over the first four layers: wrong from depth 5 on."""

from impl import LinearNetwork, Operand, strategies, velocity
from theorems import equals


def product(*weights: Operand) -> Operand:
    """W_L ⋯ W₁."""
    whole = weights[0]
    for weight in weights[1:]:
        whole = weight @ whole
    return whole


def observed(it: LinearNetwork) -> Operand:
    return velocity(product, it.weights, it.weight_velocity)


@equals(observed=observed, on=strategies.deep_linear_networks)
def products_move_by_four_terms(it: LinearNetwork) -> Operand:
    """dM/dt is the sum over the first four layers: wrong from depth 5 on."""
    return sum(
        product(*it.weights[:i], v, *it.weights[i + 1 :])
        for i, v in enumerate(it.weight_velocity[:4])
    )
