"""⟨x, ∇_x⟩ (mean x² + ε) = ε ⟨y, ∇_y⟩ below an RMSNorm."""

from impl import NormalisedLayer, Operand, strategies
from theorems import equals


def observed(it: NormalisedLayer) -> Operand:
    return (it.inputs * it.input_grad).sum(-1) * ((it.inputs**2).mean(-1) + it.epsilon)


@equals(observed=observed, on=strategies.normalised_layers(kind="rms"))
def rms_norm_gradient_along_its_input(it: NormalisedLayer) -> Operand:
    """⟨x, ∇_x⟩ (mean x² + ε) = ε ⟨y, ∇_y⟩ below an RMSNorm."""
    return it.epsilon * (it.outputs * it.output_grad).sum(-1)
