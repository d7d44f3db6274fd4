"""Σ_j A_ij v_j² − o_i² = Σ_j A_ij (v_j − o_i)²."""

from impl import AttentionHead, Operand, strategies
from theorems import equals


@equals(
    observed=lambda head: head.attention @ head.values**2 - head.outputs**2,
    on=strategies.attention_heads,
)
def attended_variance(head: AttentionHead) -> Operand:
    """Σ_j A_ij v_j² − o_i² = Σ_j A_ij (v_j − o_i)²."""
    off = head.values[None, :, :] - head.outputs[:, None, :]
    return (head.attention[:, :, None] * off**2).sum(1)
