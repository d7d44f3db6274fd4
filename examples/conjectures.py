"""Two conjectures about a linear layer, one false and one true, for ``theorems check examples/conjectures.py``."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def alignment_of_outputs(layer: LayerTrace) -> Operand:
    """⟨Z, ∇_Z L⟩: how much the loss would grow if all outputs grew."""
    return (layer.outputs * layer.output_grad).sum((-2, -1))


@equals(observed=alignment_of_outputs, on=strategies.layer_traces)
def growing_weights_is_growing_outputs(layer: LayerTrace) -> Operand:
    """Growing all weights does to the loss what growing all outputs does: ⟨Z, ∇_Z L⟩ = ⟨W, ∇_W L⟩."""
    return (layer.weight * layer.weight_grad).sum((-2, -1))


@equals(observed=lambda layer: (layer.inputs * layer.input_grad).sum((-2, -1)), on=strategies.layer_traces)
def growing_weights_is_growing_inputs(layer: LayerTrace) -> Operand:
    """Growing all weights does to the loss what growing all inputs does: ⟨H, ∇_H L⟩ = ⟨W, ∇_W L⟩."""
    return (layer.weight * layer.weight_grad).sum((-2, -1))
