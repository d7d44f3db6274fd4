"""MᵀM = (W₁ᵀW₁)^L of every deep linear network, balanced or not."""

from impl import LinearNetwork, Operand, strategies
from theorems import equals


def product(*weights: Operand) -> Operand:
    """W_L ⋯ W₁."""
    whole = weights[0]
    for weight in weights[1:]:
        whole = weight @ whole
    return whole


def observed(it: LinearNetwork) -> Operand:
    whole = product(*it.weights)
    return whole.mT @ whole


@equals(observed=observed, on=strategies.deep_linear_networks)
def all_products_are_powers(it: LinearNetwork) -> Operand:
    """MᵀM = (W₁ᵀW₁)^L of every deep linear network, balanced or not."""
    gram = it.weights[0].mT @ it.weights[0]
    power = gram
    for _ in range(it.depth - 1):
        power = power @ gram
    return power
