"""O_iv ≤ max_j V_jv: outputs are averages of values."""

from impl import AttentionHead, Operand, strategies
from theorems import at_most


def observed(it: AttentionHead) -> Operand:
    return it.outputs


@at_most(observed=observed, on=strategies.attention_heads)
def attended_values_lie_below_the_largest(it: AttentionHead) -> Operand:
    """O_iv ≤ max_j V_jv: outputs are averages of values."""
    return it.values.amax(-2) + it.outputs * 0
