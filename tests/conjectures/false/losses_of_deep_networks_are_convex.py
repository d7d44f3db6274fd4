"""L at the middle of W and W + Ẇ is at most the mean of L at both ends."""

from impl import LinearNetwork, Operand, strategies
from theorems import at_most


def loss(net: LinearNetwork, weights: tuple) -> Operand:
    """½‖F − Y‖²."""
    outputs = net.inputs
    for weight in weights:
        outputs = outputs @ weight.mT
    return ((outputs - net.targets) ** 2).sum() / 2


def observed(it: LinearNetwork) -> Operand:
    return loss(it, [w + v / 2 for w, v in zip(it.weights, it.weight_velocity)])


@at_most(observed=observed, on=strategies.deep_linear_networks)
def losses_of_deep_networks_are_convex(it: LinearNetwork) -> Operand:
    """L at the middle of W and W + Ẇ is at most the mean of L at both ends."""
    return (loss(it, it.weights) + loss(it, [w + v for w, v in zip(it.weights, it.weight_velocity)])) / 2
