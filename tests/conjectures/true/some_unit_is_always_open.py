"""z¹ > 0 somewhere in every row: some unit is always open."""

from impl import GatedNetwork, Operand, fields, strategies
from theorems import at_most


def observed(net: GatedNetwork) -> Operand:
    return fields(net).z[1].sum(-1) * 0 + 1


@at_most(observed=observed, on=strategies.seeded_gated_networks)
def some_unit_is_always_open(net: GatedNetwork) -> Operand:
    """z¹ > 0 somewhere in every row: some unit is always open."""
    return (fields(net).z[1] > 0).sum(-1)
