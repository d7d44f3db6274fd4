"""log Σ e^z ≤ max z + 0.99 log C, which a tie exceeds by one per cent."""

import torch

from impl import Operand, SoftmaxHead, strategies
from theorems import at_most


def observed(it: SoftmaxHead) -> Operand:
    return torch.logsumexp(it.logits, -1)


@at_most(observed=observed, on=strategies.softmax_heads)
def log_sum_exp_is_the_largest_and_a_bit(it: SoftmaxHead) -> Operand:
    """log Σ e^z ≤ max z + 0.99 log C, which a tie exceeds by one per cent."""
    return it.logits.amax(-1) + 0.99 * torch.log(torch.ones_like(it.logits).sum(-1))
