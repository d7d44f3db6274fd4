"""p⁰ ≥ 0."""

from impl import GatedNetwork, Operand, fields, strategies
from theorems import at_most


def observed(net: GatedNetwork) -> Operand:
    return fields(net).p[0] * 0


@at_most(observed=observed, on=strategies.gated_networks)
def backward_fields_are_not_negative(net: GatedNetwork) -> Operand:
    """p⁰ ≥ 0."""
    return fields(net).p[0]
