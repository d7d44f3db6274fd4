"""‖∂L_n/∂z‖² ≤ 1.9, a constant that a sure mistake exceeds."""

from impl import Operand, SoftmaxHead, strategies
from theorems import at_most


def observed(it: SoftmaxHead) -> Operand:
    return (it.logits_grad**2).sum(-1)


@at_most(observed=observed, on=strategies.softmax_heads)
def logits_gradients_are_almost_unit(it: SoftmaxHead) -> Operand:
    """‖∂L_n/∂z‖² ≤ 1.9, a constant that a sure mistake exceeds."""
    return 1.9 * it.share**2 * it.targets.sum(-1)
