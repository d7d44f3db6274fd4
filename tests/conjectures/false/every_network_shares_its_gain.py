"""⟨W_l, dW_l/dt⟩ is the same in the first and last layer, tanh networks included."""

from impl import GatedNetwork, Operand, strategies
from theorems import equals


def observed(net: GatedNetwork) -> Operand:
    return (net.weights[0] * net.weight_velocity[0]).sum((-2, -1))


@equals(observed=observed, on=strategies.activated_networks)
def every_network_shares_its_gain(net: GatedNetwork) -> Operand:
    """⟨W_l, dW_l/dt⟩ is the same in the first and last layer, tanh networks included."""
    return (net.weights[-1] * net.weight_velocity[-1]).sum((-2, -1))
