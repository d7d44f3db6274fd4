"""d/dt ‖W₁‖² = d/dt ‖W_L‖² along the flow, at N < d as well."""

from impl import LinearNetwork, Operand, strategies
from theorems import equals


def observed(it: LinearNetwork) -> Operand:
    return (it.weights[0] * it.weight_velocity[0]).sum()


@equals(
    observed=observed,
    on=strategies.deep_linear_networks,
    where={"fewer samples than inputs": lambda it: it.inputs.shape[-2] < it.inputs.shape[-1]},
)
def last_layer_moves_as_the_first_does(it: LinearNetwork) -> Operand:
    """d/dt ‖W₁‖² = d/dt ‖W_L‖² along the flow, at N < d as well."""
    return (it.weights[-1] * it.weight_velocity[-1]).sum()
