"""H(p) ≤ log C."""

import torch

from impl import Operand, SoftmaxHead, strategies
from theorems import at_most


def observed(it: SoftmaxHead) -> Operand:
    return -(torch.softmax(it.logits, -1) * torch.log_softmax(it.logits, -1)).sum(-1)


@at_most(observed=observed, on=strategies.softmax_heads)
def entropy_is_at_most_log_classes(it: SoftmaxHead) -> Operand:
    """H(p) ≤ log C."""
    return torch.log(torch.ones_like(it.logits).sum(-1))
