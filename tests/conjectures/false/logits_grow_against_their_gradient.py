"""⟨Z, ∇_Z⟩ ≥ 0."""

from impl import Operand, SoftmaxHead, strategies
from theorems import compares


@compares(
    ">=", observed=lambda head: (head.logits * head.logits_grad).sum(), on=strategies.softmax_heads
)
def logits_grow_against_their_gradient(head: SoftmaxHead) -> Operand:
    """⟨Z, ∇_Z⟩ ≥ 0."""
    return head.loss * 0
