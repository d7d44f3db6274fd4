"""⟨W_l, dW_l/dt⟩ is the same in every layer of a bias-free ReLU network."""

from impl import GatedNetwork, Operand, strategies
from theorems import equals


def observed(net: GatedNetwork) -> Operand:
    return {
        f"layer {i + 2}": (w * v).sum((-2, -1))
        for i, (w, v) in enumerate(zip(net.weights[1:], net.weight_velocity[1:]))
    } or {"one layer": net.residual * 0}


@equals(observed=observed, on=strategies.gated_networks)
def homogeneous_layers_share_their_gain(net: GatedNetwork) -> Operand:
    """⟨W_l, dW_l/dt⟩ is the same in every layer of a bias-free ReLU network."""
    return {
        f"layer {i + 2}": (net.weights[0] * net.weight_velocity[0]).sum((-2, -1))
        for i in range(net.depth - 1)
    } or {"one layer": net.residual * 0}
