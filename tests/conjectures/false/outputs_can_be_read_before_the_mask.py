"""f = ⟨p¹, h¹⟩."""

from impl import GatedNetwork, Operand, fields, strategies
from theorems import equals


def observed(net: GatedNetwork) -> Operand:
    return (fields(net).p[1] * fields(net).h[1]).sum(-1)


@equals(observed=observed, on=strategies.gated_networks)
def outputs_can_be_read_before_the_mask(net: GatedNetwork) -> Operand:
    """f = ⟨p¹, h¹⟩."""
    return fields(net).outputs
