"""The residuals of a one-layer ReLU network: the opening case of arXiv:2606.09744 (see
`gram_hierarchy`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from theorems.claim import Source
from theorems.gram_hierarchy.common import PAPER, Parts, hypotheses
from theorems.gram_hierarchy.operators import apply, first_row_everywhere, no_mask, pairwise, same
from theorems.impl import strategies
from theorems.impl.generic.families import SHALLOW_GATED
from theorems.impl.gram_hierarchy.gated import GatedNetwork, fields, loss_gradient, outputs
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.operands import Operand
from theorems.stating import equals


def _single_layer_observed(net: GatedNetwork) -> Parts:
    def motion(*weights: Operand) -> Parts:
        seen = fields(net, weights)
        return {"r": seen.outputs, "h": seen.h[1]}

    return velocity(motion, net.weights, net.weight_velocity) | {
        "r after two steps": _change_after_two_steps(net)
    }


def _change_after_two_steps(net: GatedNetwork) -> Operand:
    """How far two gradient steps of rate 1 move r at fixed masks; the second gradient is taken at
    the new weights.
    """
    fixed = replace(net, gate="data")
    once = tuple(w + v for w, v in zip(net.weights, net.weight_velocity, strict=True))
    start = outputs(fixed, net.weights)
    residual = net.residual + outputs(fixed, once) - start
    twice = tuple(w - g for w, g in zip(once, loss_gradient(fixed, once, residual), strict=True))
    return outputs(fixed, twice) - start


def _single_layer(
    net: GatedNetwork, *, masks: Callable[[Operand], Operand] = same, power: int = 2
) -> Parts:
    gates, correlation = masks(net.masks[0]), pairwise(net.inputs)
    kernel = correlation * (
        (gates * net.readout) @ (gates * net.readout if power == 2 else gates).mT
    )
    drive = gates * net.readout * net.residual[..., None]
    first = apply(kernel, net.residual)
    return {
        "r": -first,
        "h": -(correlation @ drive),
        "r after two steps": apply(kernel, first) - first * 2,
    }


@equals(
    observed=_single_layer_observed,
    on=partial(strategies.gated_networks, 1),
    generic=SHALLOW_GATED,
    source=Source(PAPER, "single-layer residual dynamics"),
    hypotheses=hypotheses(1, least=1, most=1),
    mutants={
        "masks dropped": partial(_single_layer, masks=no_mask),
        "one mask for all samples": partial(_single_layer, masks=first_row_everywhere),
        "readout not squared": partial(_single_layer, power=1),
        "opposite sign": lambda net: {name: -part for name, part in _single_layer(net).items()},
        "one step instead of two": lambda net: (
            _single_layer(net) | {"r after two steps": _single_layer(net)["r"] * 2}
        ),
    },
)
def single_layer_residual_dynamics(net: GatedNetwork) -> Parts:
    r"""In a one-layer ReLU network the residuals obey a linear equation whose kernel only the masks
    can change.

    .. math:: \dot r = -(G \circ C)\, r, \quad G = XX^\top, \quad
              C_{\mu\nu} = \sum_i a_i^2\, 1[h_i(\mu)>0]\, 1[h_i(\nu)>0],
              \qquad \dot h_i(\mu) = -a_i \sum_\nu G_{\mu\nu} 1[h_i(\nu)>0]\, r_\nu

    K = G ∘ C is constant between switches, so r(t) = e^{−Kt} r(0) there; two gradient steps of rate
    1 at fixed masks give (I − K)² r(0), exactly. With several outputs a row has its own readout and
    a_i² reads a_i(μ) a_i(ν). Shapes: G, C, K (…, N, N), r (…, N), h (…, N, n_1). Observed:
    forward-mode derivative along −∇L, and the steps.

    Hypotheses (checked): ReLU gates, or masks given as data; no pre-activation on a switch; depth
    1. Raises InputError for anything that is not a GatedNetwork. Source: arXiv:2606.09744 [P]; the
    form [D, N].
    """
    return _single_layer(net)
