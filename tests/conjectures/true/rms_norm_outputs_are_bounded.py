"""y_j² ≤ d γ_j² behind an RMSNorm, whatever comes in."""

from impl import NormalisedLayer, Operand, strategies
from theorems import at_most


def observed(it: NormalisedLayer) -> Operand:
    return it.outputs**2


@at_most(observed=observed, on=strategies.normalised_layers(kind="rms"))
def rms_norm_outputs_are_bounded(it: NormalisedLayer) -> Operand:
    """y_j² ≤ d γ_j² behind an RMSNorm, whatever comes in."""
    return it.gain**2 * it.inputs.shape[-1] + it.outputs * 0
