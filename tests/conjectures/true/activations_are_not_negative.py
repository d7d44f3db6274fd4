"""z¹ ≥ 0 in ReLU networks."""

from impl import GatedNetwork, Operand, fields, strategies
from theorems import at_most


def observed(net: GatedNetwork) -> Operand:
    return fields(net).z[1] * 0


@at_most(observed=observed, on=strategies.lattice_gated_networks)
def activations_are_not_negative(net: GatedNetwork) -> Operand:
    """z¹ ≥ 0 in ReLU networks."""
    return fields(net).z[1]
