"""Two conjectures about a linear layer Z = HWᵀ + b, one false and one true, for ``theorems check
examples/conjectures.py``.
"""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def gain_of_outputs(layer: LayerTrace) -> Operand:
    """⟨Z, ∇_Z L⟩: the rate at which the loss grows if all outputs do."""
    return (layer.outputs * layer.output_grad).sum((-2, -1))


def gain_of_inputs(layer: LayerTrace) -> Operand:
    """⟨H, ∇_H L⟩: the rate at which the loss grows if all inputs do."""
    return (layer.inputs * layer.input_grad).sum((-2, -1))


@equals(observed=gain_of_outputs, on=strategies.layer_traces)
def weights_scale_like_outputs(layer: LayerTrace) -> Operand:
    """To scale the weights of a layer is to scale its outputs: ⟨Z, ∇_Z L⟩ = ⟨W, ∇_W L⟩."""
    return (layer.weight * layer.weight_grad).sum((-2, -1))


@equals(observed=gain_of_inputs, on=strategies.layer_traces)
def weights_scale_like_inputs(layer: LayerTrace) -> Operand:
    """To scale the weights of a layer is to scale its inputs: ⟨H, ∇_H L⟩ = ⟨W, ∇_W L⟩."""
    return (layer.weight * layer.weight_grad).sum((-2, -1))
