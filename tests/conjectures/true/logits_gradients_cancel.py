"""A sample's gradients at the logits sum to zero."""

from impl import Operand, SoftmaxHead, strategies
from theorems import equals


def observed(it: SoftmaxHead) -> Operand:
    return it.logits_grad.sum(-1)


@equals(observed=observed, on=strategies.softmax_heads)
def logits_gradients_cancel(it: SoftmaxHead) -> Operand:
    """A sample's gradients at the logits sum to zero."""
    return it.share * it.targets.sum(-1) * 0
