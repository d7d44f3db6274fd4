"""Z_n − Z_0 = (h_n − h_0)Wᵀ, with a bias or without."""

from impl import LayerTrace, Operand, strategies
from theorems import equals


def observed(it: LayerTrace) -> Operand:
    return it.outputs - it.outputs[..., :1, :]


@equals(
    observed=observed,
    on=strategies.layer_traces,
    where={"layers with a bias": lambda it: it.bias is not None},
)
def biases_shift_every_sample_alike(it: LayerTrace) -> Operand:
    """Z_n − Z_0 = (h_n − h_0)Wᵀ, with a bias or without."""
    return (it.inputs - it.inputs[..., :1, :]) @ it.weight.mT
