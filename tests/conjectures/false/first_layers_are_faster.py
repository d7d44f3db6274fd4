"""‖Ẇ₁‖ ≥ ‖Ẇ₂‖."""

from impl import GatedNetwork, Operand, strategies
from theorems import compares


@compares(
    ">=",
    observed=lambda net: (net.weight_velocity[0] ** 2).sum(),
    on=strategies.deep_gated_networks,
)
def first_layers_are_faster(net: GatedNetwork) -> Operand:
    """‖Ẇ₁‖ ≥ ‖Ẇ₂‖."""
    return (net.weight_velocity[1] ** 2).sum()
