"""‖Ẇ_L‖ ≤ ‖F − Y‖ ‖Z_{L−1}‖."""

import torch

from impl import LinearNetwork, Operand, strategies
from theorems import at_most


@at_most(
    observed=lambda net: torch.linalg.norm(net.weight_velocity[-1]),
    on=strategies.deep_linear_networks,
)
def last_velocity_is_bounded(net: LinearNetwork) -> Operand:
    """‖Ẇ_L‖ ≤ ‖F − Y‖ ‖Z_{L−1}‖."""
    z = net.inputs
    for w in net.weights[:-1]:
        z = z @ w.mT
    return torch.linalg.norm(net.outputs - net.targets) * torch.linalg.norm(z)
