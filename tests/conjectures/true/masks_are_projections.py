"""D D = D."""

from impl import GatedNetwork, Operand, strategies
from theorems import equals


def observed(net: GatedNetwork) -> Operand:
    return {f"D{i}": d * d for i, d in enumerate(net.masks)}


@equals(observed=observed, on=strategies.gated_networks)
def masks_are_projections(net: GatedNetwork) -> Operand:
    """D D = D."""
    return {f"D{i}": d for i, d in enumerate(net.masks)}
