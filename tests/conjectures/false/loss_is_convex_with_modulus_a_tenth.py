"""p(1 − p) ≥ 0.1 p for every probability."""

import torch

from impl import Operand, SoftmaxHead, strategies
from theorems import at_most


def observed(it: SoftmaxHead) -> Operand:
    return 0.1 * torch.softmax(it.logits, -1)


@at_most(observed=observed, on=strategies.softmax_heads)
def loss_is_convex_with_modulus_a_tenth(it: SoftmaxHead) -> Operand:
    """p(1 − p) ≥ 0.1 p for every probability."""
    p = torch.softmax(it.logits, -1)
    return p * (1 - p)
