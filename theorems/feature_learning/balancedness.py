"""What gradient flow conserves between neighbouring layers of a deep linear network:
arXiv:2605.06258 cites it.
"""

from __future__ import annotations

from collections.abc import Callable

from theorems.claim import Hypothesis, Source
from theorems.impl import LinearNetwork
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.operands import Operand
from theorems.impl.strategies import deep_linear as drawn
from theorems.stating import equals

Sides = dict[str, Operand]


def _by_pair(
    net: LinearNetwork, side: Callable[[Operand, Operand, Operand, Operand], Operand]
) -> Sides:
    """``side`` of W_l, Ẇ_l, W_(l+1), Ẇ_(l+1) for every two neighbours."""
    weights, speeds = net.weights, net.weight_velocity
    return {
        f"layers {i + 1} and {i + 2}": side(weights[i], speeds[i], weights[i + 1], speeds[i + 1])
        for i in range(net.depth - 1)
    }


def _gram_above(below: Operand, down: Operand, above: Operand, up: Operand) -> Operand:  # noqa: ARG001
    return velocity(lambda weight: weight.mT @ weight, (above,), (up,))


def _gram_below(below: Operand, down: Operand, *, times: int = 1) -> Operand:
    half = down @ below.mT
    return (half + half.mT) * times


def _single_layer(net: LinearNetwork) -> str | None:
    return "a single layer has no neighbour" if net.depth == 1 else None


@equals(
    observed=lambda net: _by_pair(net, _gram_above),
    on=drawn.deep_linear_networks,
    source=Source("2605.06258", "cited: balanced deep linear networks", "derived"),
    hypotheses={"at least two layers": Hypothesis(drawn.single_linear_layers, _single_layer)},
    mutants={
        "the other way": lambda net: _by_pair(
            net, lambda w, v, _w, _v: _gram_below(w, v, times=-1)
        ),
        "twice": lambda net: _by_pair(net, lambda w, v, _w, _v: _gram_below(w, v, times=2)),
        "not symmetrised": lambda net: _by_pair(net, lambda w, v, _w, _v: v @ w.mT * 2),
        "conserved layer by layer": lambda net: _by_pair(net, lambda w, v, _w, _v: v @ w.mT * 0),
    },
)
def imbalance_of_linear_layers_is_conserved(net: LinearNetwork) -> Sides:
    r"""Gradient flow moves the Gram matrix of a linear layer's columns as that of the rows of the
    layer below it.

    .. math:: \frac{d}{dt} W_{l+1}^\top W_{l+1} = \frac{d}{dt} W_l W_l^\top

    so that a deep linear network that starts balanced stays so, which
    `balanced_linear_network_feature_ansatz` asks for. It holds at any weights, balanced or not, and
    for any data and targets. Shapes: W_l (n_l, n_(l−1)), both sides (n_l, n_l), one part for every
    two neighbours. Observed: forward-mode derivative of W ↦ WᵀW along −∇_{W_(l+1)} L as autograd
    measured it; predicted from −∇_{W_l} L.

    Hypotheses: at least two layers (checked). Raises InputError for anything that is not a
    LinearNetwork. Source: derived; cited in arXiv:2605.06258 [D].
    """
    return _by_pair(net, lambda below, down, _above, _up: _gram_below(below, down))
