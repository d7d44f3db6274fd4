"""No key is looked at more than once in total: Σ_i A_ij ≤ 1."""

from impl import AttentionHead, Operand, strategies
from theorems import at_most


def observed(it: AttentionHead) -> Operand:
    return it.attention.sum(-2)


@at_most(observed=observed, on=strategies.attention_heads(causal=False))
def attention_columns_sum_to_one(it: AttentionHead) -> Operand:
    """No key is looked at more than once in total: Σ_i A_ij ≤ 1."""
    return it.attention.sum(-2) * 0 + 1
