"""f = ⟨p^l, z^l⟩ for every l."""

from impl import GatedNetwork, Operand, fields, strategies
from theorems import equals


def observed(net: GatedNetwork) -> Operand:
    return {
        f"at {i}": (p * z).sum(-1) for i, (p, z) in enumerate(zip(fields(net).p, fields(net).z))
    }


@equals(observed=observed, on=strategies.gated_networks)
def outputs_can_be_read_at_every_layer(net: GatedNetwork) -> Operand:
    """f = ⟨p^l, z^l⟩ for every l."""
    return {f"at {i}": fields(net).outputs for i in range(net.depth + 1)}
