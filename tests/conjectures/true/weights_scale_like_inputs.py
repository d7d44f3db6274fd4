"""⟨W, ∇_W L⟩ = ⟨H, ∇_H L⟩: to scale the weights is to scale the inputs."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return (layer.weight * layer.weight_grad).sum((-2, -1))


@equals(observed=observed, on=strategies.layer_traces)
def weights_scale_like_inputs(layer: LayerTrace) -> Operand:
    """⟨W, ∇_W L⟩ = ⟨H, ∇_H L⟩: to scale the weights is to scale the inputs."""
    return (layer.inputs * layer.input_grad).sum((-2, -1))
