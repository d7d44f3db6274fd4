"""Outputs of a LayerNorm have mean zero, gain and shift forgotten."""

from impl import NormalisedLayer, Operand, strategies
from theorems import equals


def observed(it: NormalisedLayer) -> Operand:
    return it.outputs.mean(-1)


@equals(observed=observed, on=strategies.normalised_layers(kind="layer"))
def layer_norm_outputs_have_no_mean(it: NormalisedLayer) -> Operand:
    """Outputs of a LayerNorm have mean zero, gain and shift forgotten."""
    return it.inputs.mean(-1) * 0
