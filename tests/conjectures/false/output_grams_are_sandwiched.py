"""ZZᵀ = H WᵀW Hᵀ, bias forgotten."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(it: LayerTrace) -> Operand:
    return it.outputs @ it.outputs.mT


@equals(observed=observed, on=strategies.layer_traces)
def output_grams_are_sandwiched(it: LayerTrace) -> Operand:
    """ZZᵀ = H WᵀW Hᵀ, bias forgotten."""
    return it.inputs @ it.weight.mT @ it.weight @ it.inputs.mT
