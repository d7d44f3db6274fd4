"""Σ_l ‖dW_l/dt‖² ≥ 0."""

from impl import GatedNetwork, Operand, strategies
from theorems import at_most


def observed(net: GatedNetwork) -> Operand:
    return net.residual[..., 0] * 0


@at_most(observed=observed, on=strategies.gated_networks)
def speed_of_the_loss_is_not_negative(net: GatedNetwork) -> Operand:
    """Σ_l ‖dW_l/dt‖² ≥ 0."""
    return sum((v * v).sum((-2, -1)) for v in net.weight_velocity)
