"""Adding one vector to every query moves no output."""

import torch

from impl import AttentionHead, Operand, strategies
from theorems import equals


def observed(it: AttentionHead) -> Operand:
    queries = it.queries + it.queries[..., :1, :]
    return torch.softmax(it.scale * queries @ it.keys.mT, -1) @ it.values


@equals(observed=observed, on=strategies.attention_heads(causal=False))
def attention_ignores_a_shift_of_queries(it: AttentionHead) -> Operand:
    """Adding one vector to every query moves no output."""
    return it.outputs
