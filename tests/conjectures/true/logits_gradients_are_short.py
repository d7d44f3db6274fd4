"""‖∂L_n/∂z‖² ≤ 2: a point of the simplex and a vertex are no further apart."""

from impl import Operand, SoftmaxHead, strategies
from theorems import at_most


def observed(it: SoftmaxHead) -> Operand:
    return (it.logits_grad**2).sum(-1)


@at_most(observed=observed, on=strategies.softmax_heads)
def logits_gradients_are_short(it: SoftmaxHead) -> Operand:
    """‖∂L_n/∂z‖² ≤ 2: a point of the simplex and a vertex are no further apart."""
    return 2 * it.share**2 * it.targets.sum(-1)
