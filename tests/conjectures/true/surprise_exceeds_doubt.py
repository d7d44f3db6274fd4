"""Σ_n (1 − p_n) ≤ Σ_n −log p_n: the loss is at least the missing probability."""

import torch

from impl import Operand, SoftmaxHead, strategies
from theorems import at_most


def observed(it: SoftmaxHead) -> Operand:
    return it.share * (1 - (torch.softmax(it.logits, -1) * it.targets).sum(-1)).sum()


@at_most(observed=observed, on=strategies.softmax_heads)
def surprise_exceeds_doubt(it: SoftmaxHead) -> Operand:
    """Σ_n (1 − p_n) ≤ Σ_n −log p_n: the loss is at least the missing probability."""
    return it.loss
