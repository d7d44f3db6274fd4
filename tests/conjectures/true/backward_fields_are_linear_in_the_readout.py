"""δ¹ of a doubled readout is doubled."""

from dataclasses import replace

from impl import GatedNetwork, Operand, fields, strategies
from theorems import equals


def observed(net: GatedNetwork) -> Operand:
    return fields(replace(net, readout=2 * net.readout)).delta[1]


@equals(observed=observed, on=strategies.gated_networks)
def backward_fields_are_linear_in_the_readout(net: GatedNetwork) -> Operand:
    """δ¹ of a doubled readout is doubled."""
    return 2 * fields(net).delta[1]
