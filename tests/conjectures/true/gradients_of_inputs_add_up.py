"""The inputs' gradients, added up over samples, are the outputs' through the weights."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return layer.input_grad.sum(-2)


@equals(observed=observed, on=strategies.layer_traces)
def gradients_of_inputs_add_up(layer: LayerTrace) -> Operand:
    """The inputs' gradients, added up over samples, are the outputs' through the weights."""
    return (layer.output_grad.sum(-2)[..., None, :] @ layer.weight)[..., 0, :]
