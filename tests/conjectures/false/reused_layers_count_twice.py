"""⟨W, ∇_W⟩ = 2⟨H, ∇_H⟩ where a layer is used twice."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


@equals(
    observed=lambda layer: (
        (layer.weight * layer.weight_grad).sum((-2, -1)) * layer.inputs.shape[-2]
    ),
    on=strategies.layer_traces,
    where={"reused": lambda layer: layer.calls > 1},
)
def reused_layers_count_twice(layer: LayerTrace) -> Operand:
    """⟨W, ∇_W⟩ = 2⟨H, ∇_H⟩ where a layer is used twice."""
    return (layer.inputs * layer.input_grad).sum((-2, -1)) * layer.inputs.shape[-2] * 2
