"""log C > H(p); equal logits tie."""

import torch

from impl import Operand, SoftmaxHead, strategies
from theorems import compares


def observed(it: SoftmaxHead) -> Operand:
    return torch.log(torch.ones_like(it.logits).sum(-1))


@compares(">", observed=observed, on=strategies.softmax_heads)
def entropy_is_strictly_below_log_classes(it: SoftmaxHead) -> Operand:
    """log C > H(p); equal logits tie."""
    return -(torch.softmax(it.logits, -1) * torch.log_softmax(it.logits, -1)).sum(-1)
