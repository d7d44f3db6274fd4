"""⟨W, ∇_W L⟩ = ⟨Z, ∇_Z L⟩, bias or not."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return (layer.weight * layer.weight_grad).sum((-2, -1))


@equals(observed=observed, on=strategies.layer_traces)
def weights_scale_like_outputs(layer: LayerTrace) -> Operand:
    """⟨W, ∇_W L⟩ = ⟨Z, ∇_Z L⟩, bias or not."""
    return (layer.outputs * layer.output_grad).sum((-2, -1))
