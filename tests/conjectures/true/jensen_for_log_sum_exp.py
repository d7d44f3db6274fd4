"""mean(z) + log C ≤ log Σ e^z, by Jensen; equal where all logits are."""

import torch

from impl import Operand, SoftmaxHead, strategies
from theorems import at_most


def observed(it: SoftmaxHead) -> Operand:
    return it.logits.mean(-1) + torch.log(torch.ones_like(it.logits).sum(-1))


@at_most(observed=observed, on=strategies.softmax_heads)
def jensen_for_log_sum_exp(it: SoftmaxHead) -> Operand:
    """mean(z) + log C ≤ log Σ e^z, by Jensen; equal where all logits are."""
    return torch.logsumexp(it.logits, -1)
