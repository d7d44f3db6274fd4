"""Σ_j A_ij² ≥ 1/M, by Cauchy and Schwarz, causal heads as well."""

import torch

from impl import AttentionHead, Operand, strategies
from theorems import at_most


def observed(it: AttentionHead) -> Operand:
    return 1 / torch.ones_like(it.attention).sum(-1)


@at_most(observed=observed, on=strategies.attention_heads(causal=True))
def causal_attention_is_at_least_uniform(it: AttentionHead) -> Operand:
    """Σ_j A_ij² ≥ 1/M, by Cauchy and Schwarz, causal heads as well."""
    return (it.attention**2).sum(-1)
