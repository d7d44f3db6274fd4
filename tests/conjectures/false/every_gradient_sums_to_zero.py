"""The rows of ∇_Z sum to zero, whatever the loss."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(layer: LayerTrace) -> Operand:
    return layer.output_grad.sum(-1)


@equals(observed=observed, on=strategies.layer_traces)
def every_gradient_sums_to_zero(layer: LayerTrace) -> Operand:
    """The rows of ∇_Z sum to zero, whatever the loss."""
    return layer.output_grad.sum(-1) * 0
