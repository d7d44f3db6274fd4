"""max w > mean w in every row; rows of equal weights tie."""

from impl import LayerTrace, Operand, strategies
from theorems import compares


def observed(it: LayerTrace) -> Operand:
    return it.weight.amax(-1)


@compares(">", observed=observed, on=strategies.layer_traces)
def the_largest_weight_beats_the_mean(it: LayerTrace) -> Operand:
    """max w > mean w in every row; rows of equal weights tie."""
    return it.weight.mean(-1)
