"""⟨Z, ∇_Z⟩ ≥ L(Z) − L(0): convexity against zero logits."""

import torch

from impl import Operand, SoftmaxHead, strategies
from theorems import compares


@compares(
    ">=", observed=lambda head: (head.logits * head.logits_grad).sum(), on=strategies.softmax_heads
)
def zero_logits_cost_log_classes(head: SoftmaxHead) -> Operand:
    """⟨Z, ∇_Z⟩ ≥ L(Z) − L(0): convexity against zero logits."""
    n, c = head.logits.shape
    return head.loss - head.share * n * torch.log(torch.ones_like(head.loss) * c)
