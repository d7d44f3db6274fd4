"""The mean over samples behind a BatchNorm is its shift."""

from impl import NormalisedLayer, Operand, strategies
from theorems import equals


def observed(it: NormalisedLayer) -> Operand:
    return it.outputs.mean(-2)


@equals(observed=observed, on=strategies.normalised_layers(kind="batch"))
def batch_norm_outputs_have_mean_shift(it: NormalisedLayer) -> Operand:
    """The mean over samples behind a BatchNorm is its shift."""
    return it.shift
