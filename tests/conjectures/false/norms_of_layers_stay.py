"""d/dt ‖W₁‖² = 0 along the flow."""

from impl import GatedNetwork, Operand, strategies
from theorems import equals


def observed(net: GatedNetwork) -> Operand:
    return 2 * (net.weights[0] * net.weight_velocity[0]).sum((-2, -1))


@equals(observed=observed, on=strategies.gated_networks)
def norms_of_layers_stay(net: GatedNetwork) -> Operand:
    """d/dt ‖W₁‖² = 0 along the flow."""
    return net.residual[..., 0] * 0
