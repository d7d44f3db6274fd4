"""L = Σ share (log Σ e^z − ⟨y, z⟩)."""

import torch

from impl import Operand, SoftmaxHead, strategies
from theorems import equals


def observed(it: SoftmaxHead) -> Operand:
    return it.loss


@equals(observed=observed, on=strategies.softmax_heads)
def loss_is_its_bregman_divergence(it: SoftmaxHead) -> Operand:
    """L = Σ share (log Σ e^z − ⟨y, z⟩)."""
    return (it.share * (torch.logsumexp(it.logits, -1) - (it.logits * it.targets).sum(-1))).sum()
