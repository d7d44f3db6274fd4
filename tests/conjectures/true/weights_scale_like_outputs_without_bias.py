"""⟨W, ∇_W L⟩ = ⟨Z, ∇_Z L⟩ for layers without a bias."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return (layer.weight * layer.weight_grad).sum((-2, -1))


@equals(observed=observed, on=strategies.layer_traces().filter(lambda layer: layer.bias is None))
def weights_scale_like_outputs_without_bias(layer: LayerTrace) -> Operand:
    """⟨W, ∇_W L⟩ = ⟨Z, ∇_Z L⟩ for layers without a bias."""
    return (layer.outputs * layer.output_grad).sum((-2, -1))
