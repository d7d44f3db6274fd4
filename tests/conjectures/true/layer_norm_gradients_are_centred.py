"""Σ_j ∂L/∂x_j = 0 below a LayerNorm: it does not see a shift."""

from impl import NormalisedLayer, Operand, strategies
from theorems import equals


def observed(it: NormalisedLayer) -> Operand:
    return it.input_grad.sum(-1)


@equals(
    observed=observed,
    on=strategies.normalised_layers,
    where={"LayerNorm": lambda it: it.kind == "layer"},
)
def layer_norm_gradients_are_centred(it: NormalisedLayer) -> Operand:
    """Σ_j ∂L/∂x_j = 0 below a LayerNorm: it does not see a shift."""
    return it.input_grad.sum(-1) * 0
