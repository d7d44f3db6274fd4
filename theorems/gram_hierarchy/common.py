"""What all claims of arXiv:2606.09744 share: their hypotheses, and how velocities are observed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from theorems.claim import Hypothesis
from theorems.impl import strategies
from theorems.impl.gram_hierarchy.gated import GatedNetwork, fields, outputs
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.operands import Operand
from theorems.impl.numbers.rounded import Ball

PAPER = "2606.09744"
Parts = dict[str, Operand]


def not_gated(net: GatedNetwork) -> str | None:
    """Why the network is not piecewise linear, or None."""
    return (
        "the activation is tanh, not ReLU: the dynamics have σ'' terms"
        if net.gate == "tanh"
        else None
    )


def on_a_switch(net: GatedNetwork) -> str | None:
    """Where a ReLU sits on its switch (or a given mask is not the ReLU's), or None; masks that are
    data have none.
    """
    if net.gate != "relu" or not isinstance(net.inputs, Tensor):
        return None
    seen = fields(net.map(lambda value: Ball(value) if isinstance(value, Tensor) else value))
    for layer, (h, mask) in enumerate(zip(seen.h[1:], net.masks, strict=True), start=1):
        unclear = (h.center.abs() <= h.error) | ((h.center > 0) != (mask > 0))
        if bool(unclear.any()):
            entry = tuple(int(i) for i in unclear.nonzero()[0])
            value = float(h.center[entry])
            return (
                f"pre-activation {entry} (…, row, unit) of layer {layer} is {value:.3g}, on a "
                "ReLU switch"
            )
    return None


def shallow(net: GatedNetwork, *, least: int, most: int | None = None) -> str | None:
    """Why the depth is outside least … most, or None."""
    if net.depth < least or (most is not None and net.depth > most):
        return (
            f"the claim is about depth {least}{'' if most == least else ' or more'}, the "
            f"network has depth {net.depth}"
        )
    return None


def hypotheses(
    depth: int | None = None, least: int | None = None, most: int | None = None
) -> dict[str, Hypothesis]:
    """The hypotheses of a claim about gated networks of one depth, or of every depth."""
    return {
        "gated activation": Hypothesis(partial(strategies.tanh_networks, depth), not_gated)
    } | any_activation(depth, least, most)


def any_activation(
    depth: int | None = None, least: int | None = None, most: int | None = None
) -> dict[str, Hypothesis]:
    """Those of a claim in which the slopes σ'(h) may be any, tanh's too, since nothing
    differentiates them.
    """
    found = {
        "no pre-activation on a switch": Hypothesis(
            partial(strategies.switching_networks, depth),
            on_a_switch,
            meaning="on a switch the network has no derivative; with autograd's choice of 0 for it "
            "the identity is still true",
        ),
    }
    if least is not None:
        other = 2 if least == 1 else 1
        found["depth"] = Hypothesis(
            partial(strategies.gated_networks, other), partial(shallow, least=least, most=most)
        )
    return found


def along_descent(function: Callable[..., Any]) -> Callable[[GatedNetwork], Any]:
    """Observe the velocity of a function of (net, weights) while the weights move along −∇L."""

    def observed(net: GatedNetwork) -> Any:
        return velocity(lambda *weights: function(net, weights), net.weights, net.weight_velocity)

    return observed


def by_layer(values: tuple[Operand, ...], first: int, name: str) -> Parts:
    """Parts named after their layer, from layer ``first`` on."""
    return {f"{name}{layer}": value for layer, value in enumerate(values) if layer >= first}


def conjugate_velocities(net: GatedNetwork) -> Parts:
    """ṗ⁰ … ṗ^L."""
    return along_descent(lambda net, w: by_layer(fields(net, w).p, 0, "p"))(net)


def activation_velocities(net: GatedNetwork) -> Parts:
    """ż⁰ … ż^L."""
    return along_descent(lambda net, w: by_layer(fields(net, w).z, 0, "z"))(net)


def residual_velocity(net: GatedNetwork) -> Operand:
    """ṙ = ḟ."""
    return along_descent(outputs)(net)
