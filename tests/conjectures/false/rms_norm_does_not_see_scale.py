"""⟨x, ∇_x⟩ = 0 below an RMSNorm, ε forgotten."""

from impl import NormalisedLayer, Operand, strategies
from theorems import equals


def observed(it: NormalisedLayer) -> Operand:
    return (it.inputs * it.input_grad).sum(-1)


@equals(observed=observed, on=strategies.normalised_layers(kind="rms"))
def rms_norm_does_not_see_scale(it: NormalisedLayer) -> Operand:
    """⟨x, ∇_x⟩ = 0 below an RMSNorm, ε forgotten."""
    return it.inputs.sum(-1) * 0
