"""d(W₁ᵀW₁)/dt = 2 W₁ᵀẆ₁, not symmetrised."""

from impl import LinearNetwork, Operand, strategies, velocity
from theorems import equals


def observed(it: LinearNetwork) -> Operand:
    return velocity(lambda *w: w[0].mT @ w[0], it.weights, it.weight_velocity)


@equals(observed=observed, on=strategies.deep_linear_networks)
def grams_move_one_sided(it: LinearNetwork) -> Operand:
    """d(W₁ᵀW₁)/dt = 2 W₁ᵀẆ₁, not symmetrised."""
    return 2 * it.weights[0].mT @ it.weight_velocity[0]
