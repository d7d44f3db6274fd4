"""Doubling every weight multiplies the outputs by 2^L."""

from impl import GatedNetwork, Operand, fields, strategies
from theorems import equals


def observed(net: GatedNetwork) -> Operand:
    return fields(net, [2 * w for w in net.weights]).outputs


@equals(observed=observed, on=strategies.gated_networks)
def doubled_weights_scale_outputs(net: GatedNetwork) -> Operand:
    """Doubling every weight multiplies the outputs by 2^L."""
    return 2**net.depth * fields(net).outputs
