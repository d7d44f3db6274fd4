"""Adding one vector to every key moves no attention weight."""

import torch

from impl import AttentionHead, Operand, strategies
from theorems import equals


def observed(it: AttentionHead) -> Operand:
    keys = it.keys + it.keys[..., :1, :]
    return torch.softmax(it.scale * it.queries @ keys.mT, -1) @ it.values


@equals(observed=observed, on=strategies.attention_heads(causal=False))
def attention_ignores_a_shift_of_keys(it: AttentionHead) -> Operand:
    """Adding one vector to every key moves no attention weight."""
    return it.outputs
