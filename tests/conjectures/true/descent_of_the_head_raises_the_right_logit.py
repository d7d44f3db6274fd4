"""The own class's logit is never pushed down: −⟨∇_z L, y⟩ ≥ 0 in every sample."""

from impl import Operand, SoftmaxHead, strategies
from theorems import at_most


def observed(it: SoftmaxHead) -> Operand:
    return (it.logits_grad * it.targets).sum(-1)


@at_most(observed=observed, on=strategies.softmax_heads)
def descent_of_the_head_raises_the_right_logit(it: SoftmaxHead) -> Operand:
    """The own class's logit is never pushed down: −⟨∇_z L, y⟩ ≥ 0 in every sample."""
    return it.targets.sum(-1) * 0
