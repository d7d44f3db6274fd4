"""dL/dt = −Σ_l ‖Ẇ_l‖² along the flow."""

from impl import LinearNetwork, Operand, strategies, velocity
from theorems import equals


def loss(net: LinearNetwork, weights: tuple) -> Operand:
    """½‖F − Y‖²."""
    outputs = net.inputs
    for weight in weights:
        outputs = outputs @ weight.mT
    return ((outputs - net.targets) ** 2).sum() / 2


def observed(it: LinearNetwork) -> Operand:
    return velocity(lambda *w: loss(it, w), it.weights, it.weight_velocity)


@equals(observed=observed, on=strategies.deep_linear_networks)
def loss_falls_as_fast_as_weights_move(it: LinearNetwork) -> Operand:
    """dL/dt = −Σ_l ‖Ẇ_l‖² along the flow."""
    return -sum((v**2).sum() for v in it.weight_velocity)
