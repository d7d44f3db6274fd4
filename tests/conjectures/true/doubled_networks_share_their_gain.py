"""⟨W₁, Ẇ₁⟩ = ⟨W_L, Ẇ_L⟩ of doubled networks."""

from impl import LinearNetwork, Operand, linear_network, strategies
from theorems import equals


def doubled(net):
    return linear_network(tuple(w * 2 for w in net.weights), net.inputs, net.targets)


@equals(
    observed=lambda net: (net.weights[0] * net.weight_velocity[0]).sum(),
    on=strategies.deep_linear_networks().map(doubled),
)
def doubled_networks_share_their_gain(net: LinearNetwork) -> Operand:
    """⟨W₁, Ẇ₁⟩ = ⟨W_L, Ẇ_L⟩ of doubled networks."""
    return (net.weights[-1] * net.weight_velocity[-1]).sum()
