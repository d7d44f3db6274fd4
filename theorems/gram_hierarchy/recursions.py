"""The hierarchy of fields on the training set: arXiv:2606.09744.

Bias-free ReLU network with a fixed readout, gradient flow, masks constant between switches. Fields
as in `impl.gram_hierarchy.gated`: z (activations), h (pre-activations), p (conjugate fields), δ = D
p; r is the residual ∂L/∂f per row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from theorems.claim import Source
from theorems.gram_hierarchy.common import (
    PAPER,
    Parts,
    activation_velocities,
    any_activation,
    conjugate_velocities,
    hypotheses,
)
from theorems.gram_hierarchy.operators import (
    STATED,
    Recursion,
    apply,
    first_row_everywhere,
    free_vectors,
    layer_kernel,
    no_mask,
    pairwise,
    pulled_back,
    pushed_forward,
    same,
)
from theorems.impl import strategies
from theorems.impl.gram_hierarchy.gated import GatedNetwork, fields, outputs
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.operands import Operand
from theorems.stating import equals


def _layerwise_observed(net: GatedNetwork) -> Parts:
    def motion(*weights: Operand) -> Operand:
        return outputs(net, weights)

    parts: Parts = {"r": velocity(motion, net.weights, net.weight_velocity)}
    parts["loss"] = (net.residual * parts["r"]).sum(-1)
    for layer in range(net.depth):
        alone = tuple(v if i == layer else v * 0 for i, v in enumerate(net.weight_velocity))
        part = velocity(motion, net.weights, alone)
        parts[f"r by layer {layer + 1}"] = part
        parts[f"loss by layer {layer + 1} does not rise"] = (net.residual * part).sum(-1)
    return parts


def _layerwise(
    net: GatedNetwork, term: Callable[[Any, int], Operand] = layer_kernel, skip: int = 0
) -> Parts:
    seen, total, parts = fields(net), net.residual * 0, {}
    for layer in range(1, net.depth + 1):
        speed = -apply(term(seen, layer), net.residual)
        parts[f"r by layer {layer}"] = speed
        parts[f"loss by layer {layer} does not rise"] = (net.residual * 0).sum(-1)
        if layer != skip:
            total = total + speed
    return parts | {"r": total, "loss": (net.residual * total).sum(-1)}


@equals(
    observed=_layerwise_observed,
    on=strategies.activated_networks,
    source=Source(PAPER, "layer-wise kernel"),
    hypotheses=any_activation(),
    signs={"loss by layer * does not rise": "<="},
    mutants={
        "first layer left out": partial(_layerwise, skip=1),
        "gradients of the next layer": partial(
            _layerwise,
            term=lambda seen, layer: (
                pairwise(seen.z[layer - 1])
                * pairwise(seen.delta[min(layer + 1, len(seen.delta) - 1)])
            ),
        ),
        "conjugate fields without their masks": partial(
            _layerwise,
            term=lambda seen, layer: pairwise(seen.z[layer - 1]) * pairwise(seen.p[layer]),
        ),
        "activations of the same layer": partial(
            _layerwise,
            term=lambda seen, layer: pairwise(seen.z[layer]) * pairwise(seen.delta[layer]),
        ),
        "matrix product for Hadamard": partial(
            _layerwise,
            term=lambda seen, layer: pairwise(seen.z[layer - 1]) @ pairwise(seen.delta[layer]),
        ),
        "sum for product": partial(
            _layerwise,
            term=lambda seen, layer: pairwise(seen.z[layer - 1]) + pairwise(seen.delta[layer]),
        ),
    },
)
def layerwise_kernel(net: GatedNetwork) -> Parts:
    r"""The residuals move by a sum of layer kernels, each a Hadamard product of forward and
    backward correlations.

    .. math:: \dot r = -K r, \qquad K = \sum_{l=1}^L Z^{l-1} \circ \Delta^l, \qquad
              \dot{L} = -r^\top K r

    and every term is positive semi-definite: each layer's own motion never raises the loss. Shapes:
    Z, Δ, K (…, N, N), r (…, N). Observed: forward-mode derivative of the outputs along −∇L, all
    layers and one at a time.

    Hypotheses (checked): ReLU gates with no pre-activation on a switch, masks given as data, or
    tanh, with 1 − tanh² for the mask. Raises InputError for anything that is not a GatedNetwork.
    Source: arXiv:2606.09744 [P]; the form [D, N].
    """
    return _layerwise(net)


def _pullback(net: GatedNetwork, recursion: Recursion = STATED) -> Parts:
    seen, parts = fields(net), {}
    for level in range(net.depth + 1):
        parts[f"p{level}"] = -recursion.pullback(net, seen, level, seen.z[level])
        parts[_pulled(level)] = -recursion.pullback(net, seen, level, free_vectors(seen.z[level]))
    return parts


def _pulled(level: int) -> str:
    return f"M{level} on free vectors"


def _pullback_observed(net: GatedNetwork, *levels: int) -> Parts:
    """ṗ^l, and what M^l makes of free vectors, at these levels (at all by default)."""
    seen, parts = fields(net), conjugate_velocities(net)
    wanted = levels or tuple(range(net.depth + 1))
    parts = {f"p{level}": parts[f"p{level}"] for level in wanted}
    return parts | {
        _pulled(level): pulled_back(net, level, free_vectors(seen.z[level])) for level in wanted
    }


@equals(
    observed=_pullback_observed,
    on=strategies.gated_networks,
    source=Source(PAPER, "backward pullback recursion"),
    hypotheses=hypotheses(),
    mutants={
        "masks dropped from J": partial(
            _pullback, recursion=Recursion(left=no_mask, right=no_mask)
        ),
        "one mask for both samples": partial(
            _pullback, recursion=Recursion(left=first_row_everywhere, right=first_row_everywhere)
        ),
        "J transposed": partial(_pullback, recursion=Recursion(transposed=True)),
        "Δ of the next layer": partial(_pullback, recursion=Recursion(shift=1)),
        "Δ of the layer below": partial(_pullback, recursion=Recursion(shift=-1)),
        "recursion started at the identity": partial(_pullback, recursion=Recursion(start=1)),
        "Δ I left out": partial(_pullback, recursion=Recursion(local=False)),
        "Gram term left out": partial(_pullback, recursion=Recursion(gram=False)),
        "masks of the far sample only": partial(_pullback, recursion=Recursion(left=no_mask)),
        "masks of the near sample only": partial(_pullback, recursion=Recursion(right=no_mask)),
        "one mask more on the right": partial(_pullback, recursion=Recursion(masked=True)),
    },
)
def backward_pullback_recursion(net: GatedNetwork) -> Parts:
    r"""The conjugate fields move by operators that are pulled back from layer to layer.

    .. math:: \dot p^l(\mu) = -\sum_\nu r_\nu M^l_{\mu\nu} z^l(\nu), \qquad M^L = 0, \qquad
              M^{l-1}_{\mu\nu} = \Delta^l_{\mu\nu} I + J^l(\mu)^\top M^l_{\mu\nu} J^l(\nu), \qquad
              J^l = D^l W^l

    for l = 0 … L. Shapes: p^l, z^l (…, N, n_l), M^l_{μν} (n_l, n_l), never formed. Observed:
    forward-mode derivative of p along −∇L; and M^l on free vectors v(ν) in place of z^l(ν): the
    same derivative in the network of the layers above l (its masks as they are), fed with v.

    Hypotheses (checked): ReLU gates, or masks given as data; no pre-activation on a switch. Raises
    InputError for anything that is not a GatedNetwork. Source: arXiv:2606.09744 [P]; the form [D,
    N].
    """
    return _pullback(net)


def _first_pullbacks(
    net: GatedNetwork,
    *,
    weights_between: bool = True,
    masks: Callable[[Operand], Operand] = same,
    local: bool = True,
    masked: bool = False,
) -> Parts:
    seen, top = fields(net), net.depth
    rate = net.residual[..., None, :]
    scalar, below = pairwise(seen.delta[top]) * rate, pairwise(seen.delta[top - 1]) * rate
    weight, mask = net.weights[top - 2], masks(net.masks[top - 2])

    def second(vectors: Operand) -> Operand:
        if masked and top > 2:
            vectors = net.masks[top - 3] * vectors
        through = mask * (scalar @ (mask * (vectors @ weight.mT)))
        result = through @ weight if weights_between else scalar @ vectors
        return below @ vectors + result if local else result

    z1, z2 = seen.z[top - 1], seen.z[top - 2]
    return {
        f"p{top - 1}": -(scalar @ z1),
        f"p{top - 2}": -second(z2),
        _pulled(top - 1): -(scalar @ free_vectors(z1)),
        _pulled(top - 2): -second(free_vectors(z2)),
    }


@equals(
    observed=lambda net: _pullback_observed(net, net.depth - 1, net.depth - 2),
    on=strategies.deep_gated_networks,
    source=Source(PAPER, "the weight Gram matrix as the first non-trivial pullback"),
    hypotheses=hypotheses(2, least=2),
    mutants={
        "no weight Gram matrix": partial(_first_pullbacks, weights_between=False),
        "masks dropped": partial(_first_pullbacks, masks=no_mask),
        "one mask for both samples": partial(_first_pullbacks, masks=first_row_everywhere),
        "scalar term left out": partial(_first_pullbacks, local=False),
        "one mask more on the right": partial(_first_pullbacks, masked=True),
    },
)
def weight_gram_is_first_nontrivial_pullback(net: GatedNetwork) -> Parts:
    r"""Two layers below the readout the pullback operator contains the weight Gram matrix, gated by
    both samples' masks.

    .. math:: M^{L-1}_{\mu\nu} = \Delta^L_{\mu\nu} I, \qquad
              M^{L-2}_{\mu\nu} = \Delta^{L-1}_{\mu\nu} I
              + \Delta^L_{\mu\nu} (W^{L-1})^\top D^{L-1}(\mu) D^{L-1}(\nu) W^{L-1}

    The first is scalar, so the Gram matrix enters here for the first time. Shapes: operators (n_l,
    n_l) per pair, applied to z^l and to free vectors (…, N, n_l). Observed: as in
    `backward_pullback_recursion`, at l = L−1 and L−2.

    Hypotheses (checked): ReLU gates, or masks given as data; no pre-activation on a switch; depth L
    ≥ 2. Raises InputError for anything that is not a GatedNetwork. Source: arXiv:2606.09744 [P];
    the form [D].
    """
    return _first_pullbacks(net)


def _pushforward(net: GatedNetwork, recursion: Recursion = STATED) -> Parts:
    seen, parts = fields(net), {}
    for level in range(net.depth + 1):
        parts[f"z{level}"] = -recursion.pushforward(net, seen, level, seen.p[level])
        parts[_pushed(level)] = -recursion.pushforward(
            net, seen, level, free_vectors(seen.p[level])
        )
    return parts


def _pushed(level: int) -> str:
    return f"N{level} on free vectors"


def _pushforward_observed(net: GatedNetwork) -> Parts:
    seen = fields(net)
    free = {
        _pushed(i): pushed_forward(net, i, free_vectors(seen.p[i])) for i in range(net.depth + 1)
    }
    return activation_velocities(net) | free


@equals(
    observed=_pushforward_observed,
    on=strategies.gated_networks,
    source=Source(PAPER, "forward counterpart of the pullback recursion", "derived"),
    hypotheses=hypotheses(),
    mutants={
        "masks dropped": partial(_pushforward, recursion=Recursion(left=no_mask, right=no_mask)),
        "one mask for both samples": partial(
            _pushforward, recursion=Recursion(left=first_row_everywhere, right=first_row_everywhere)
        ),
        "J transposed": partial(_pushforward, recursion=Recursion(transposed=True)),
        "Z of the layer above": partial(_pushforward, recursion=Recursion(shift=1)),
        "Z of the layer below": partial(_pushforward, recursion=Recursion(shift=-1)),
        "recursion started at the identity": partial(_pushforward, recursion=Recursion(start=1)),
        "local term left out": partial(_pushforward, recursion=Recursion(local=False)),
        "Gram term left out": partial(_pushforward, recursion=Recursion(gram=False)),
    },
)
def forward_pushforward_recursion(net: GatedNetwork) -> Parts:
    r"""The activations move by operators that are pushed forward from layer to layer.

    .. math:: \dot z^l(\mu) = -\sum_\nu r_\nu N^l_{\mu\nu} p^l(\nu), \qquad N^0 = 0, \qquad
              N^l_{\mu\nu} = Z^{l-1}_{\mu\nu} D^l(\mu) D^l(\nu)
              + J^l(\mu) N^{l-1}_{\mu\nu} J^l(\nu)^\top

    for l = 0 … L. Shapes: z^l, p^l (…, N, n_l), N^l_{μν} (n_l, n_l), never formed. Observed:
    forward-mode derivative of z along −∇L; and N^l on free vectors q(ν) in place of p^l(ν): the
    same derivative in the network of the layers up to l, read out by q.

    Hypotheses (checked): ReLU gates, or masks given as data; no pre-activation on a switch. Raises
    InputError for anything that is not a GatedNetwork. Source: derived here from arXiv:2606.09744
    [D, N].
    """
    return _pushforward(net)
