"""L at the middle of W and −W is at most the mean of L at both: true of depth one alone."""

from impl import LinearNetwork, Operand, strategies
from theorems import at_most


def loss(net: LinearNetwork, weights: list) -> Operand:
    """½‖F − Y‖²."""
    outputs = net.inputs
    for weight in weights:
        outputs = outputs @ weight.mT
    return ((outputs - net.targets) ** 2).sum() / 2


def observed(it: LinearNetwork) -> Operand:
    return loss(it, [w * 0 for w in it.weights])


@at_most(observed=observed, on=strategies.deep_linear_networks)
def losses_of_deep_networks_are_convex(it: LinearNetwork) -> Operand:
    """L at the middle of W and −W is at most the mean of L at both: true of depth one alone."""
    return (loss(it, it.weights) + loss(it, [-w for w in it.weights])) / 2
