"""Σ_l ‖Ẇ_l‖² ≤ 10 ‖F − Y‖² ‖X‖²."""

from impl import LinearNetwork, Operand, strategies
from theorems import at_most


def observed(it: LinearNetwork) -> Operand:
    return sum((v**2).sum() for v in it.weight_velocity)


@at_most(observed=observed, on=strategies.deep_linear_networks)
def weights_move_slower_than_the_error(it: LinearNetwork) -> Operand:
    """Σ_l ‖Ẇ_l‖² ≤ 10 ‖F − Y‖² ‖X‖²."""
    return 10 * ((it.outputs - it.targets) ** 2).sum() * (it.inputs**2).sum()
