"""Cuts, closure and the flow of the weight Gram operators: the second half of arXiv:2606.09744 (see
`gram_hierarchy`).
"""

from __future__ import annotations

import math
from functools import partial

from theorems.claim import Hypothesis, Source
from theorems.gram_hierarchy.common import (
    PAPER,
    Parts,
    activation_velocities,
    along_descent,
    any_activation,
    by_layer,
    conjugate_velocities,
    hypotheses,
    residual_velocity,
)
from theorems.gram_hierarchy.operators import STATED, Recursion, first_row_everywhere, no_mask
from theorems.impl import strategies
from theorems.impl.generic.families import GATED
from theorems.impl.gram_hierarchy.gated import GatedNetwork, fields
from theorems.impl.numbers.linalg import squared_norm
from theorems.stating import equals


def _cut(net: GatedNetwork, forward: Recursion = STATED, backward: Recursion = STATED) -> Parts:
    seen, parts = fields(net), {}
    for level in range(net.depth + 1):
        below = (seen.p[level] * forward.pushforward(net, seen, level, seen.p[level])).sum(-1)
        above = (seen.z[level] * backward.pullback(net, seen, level, seen.z[level])).sum(-1)
        parts[f"cut at {level}"] = -(below + above)
    return parts


def _residual_velocity_per_cut(net: GatedNetwork) -> Parts:
    speed = residual_velocity(net)
    return {f"cut at {level}": speed for level in range(net.depth + 1)}


_CONSTANT = Recursion(left=first_row_everywhere, right=first_row_everywhere)


@equals(
    observed=_residual_velocity_per_cut,
    on=strategies.gated_networks,
    source=Source(PAPER, "the kernel cut at any layer", "derived"),
    hypotheses=hypotheses(),
    mutants={
        "backward half only": partial(_cut, forward=Recursion(local=False)),
        "forward half only": partial(_cut, backward=Recursion(local=False)),
        "Gram terms left out": partial(
            _cut, forward=Recursion(gram=False), backward=Recursion(gram=False)
        ),
        "masks dropped": partial(_cut, backward=Recursion(left=no_mask, right=no_mask)),
        "one mask for both samples": partial(_cut, forward=_CONSTANT, backward=_CONSTANT),
        "forward half with Z of the layer above": partial(_cut, forward=Recursion(shift=1)),
    },
)
def kernel_cut_identity(net: GatedNetwork) -> Parts:
    r"""The tangent kernel can be cut at any layer: what moves below it and what moves above it add
    up to the same kernel.

    .. math:: K_{\mu\nu} = \langle p^l(\mu), N^l_{\mu\nu}\, p^l(\nu) \rangle
              + \langle z^l(\mu), M^l_{\mu\nu}\, z^l(\nu) \rangle \qquad
              \text{for every } l = 0 \dots L

    Tested through ṙ = −K r with the network's own residuals. Shapes: K (…, N, N), r (…, N).
    Observed: forward-mode derivative of the outputs along −∇L.

    Hypotheses (checked): ReLU gates, or masks given as data; no pre-activation on a switch. Raises
    InputError for anything that is not a GatedNetwork. Source: derived here from arXiv:2606.09744
    [D, N].
    """
    return _cut(net)


_WITHOUT_GRAM = Recursion(gram=False)


def without_gram() -> Recursion:
    """The recursions with every Gram term dropped."""
    return _WITHOUT_GRAM


def closed_fields(net: GatedNetwork) -> Parts:
    """Velocities of p¹ … p^L and z¹ … z^L predicted with every Gram term dropped."""
    seen = fields(net)
    conjugate = [
        -_WITHOUT_GRAM.pullback(net, seen, level, seen.z[level]) for level in range(net.depth + 1)
    ]
    forward = [
        -_WITHOUT_GRAM.pushforward(net, seen, level, seen.p[level])
        for level in range(net.depth + 1)
    ]
    return by_layer(tuple(conjugate), 1, "p") | by_layer(tuple(forward), 1, "z")


def _velocities(net: GatedNetwork) -> Parts:
    """The velocities, and by how much the closed dynamics miss them: squared, all layers
    together.
    """
    every = conjugate_velocities(net) | activation_velocities(net)
    found = {name: value for name, value in every.items() if name[1:] != "0"}
    closed = closed_fields(net)
    for part, letter in _MISSED.items():
        off = [found[name] - closed[name] for name in closed if name.startswith(letter)]
        found[part] = sum(squared_norm(gap) for gap in off)
    return found


_MISSED = {"closed conjugate dynamics miss by": "p", "closed forward dynamics miss by": "z"}
"""Parts whose observation must be above zero where the count says that Gram terms are needed."""


def _gram_terms(net: GatedNetwork, *, conjugate_from: float = 3, forward_from: float = 2) -> Parts:
    """The closed dynamics, plus the Gram terms wherever the count says that they act; there the
    closed ones must miss something.
    """
    seen, parts = fields(net), closed_fields(net)
    for part, first in zip(_MISSED, (conjugate_from, forward_from), strict=True):
        # a square is above −1: nothing said
        parts[part] = (net.residual * 0).sum(-1) - (0 if net.depth >= first else 1)
    for level in range(1, net.depth + 1):
        if net.depth >= conjugate_from:
            parts[f"p{level}"] = -STATED.pullback(net, seen, level, seen.z[level])
        if net.depth >= forward_from:
            parts[f"z{level}"] = -STATED.pushforward(net, seen, level, seen.p[level])
    return parts


def gram_term_vanishes(net: GatedNetwork) -> str | None:
    """Why dropping the Gram terms would not show on this network although it is deep enough, or
    None.
    """
    seen = fields(net)
    for recursion, last, fewest, name in (
        ("pullback", 1, 3, "conjugate"),
        ("pushforward", net.depth, 2, "forward"),
    ):
        if net.depth < fewest:
            continue
        vectors = seen.z[last] if recursion == "pullback" else seen.p[last]
        whole = getattr(STATED, recursion)(net, seen, last, vectors)
        local = getattr(_WITHOUT_GRAM, recursion)(net, seen, last, vectors)
        if not bool((whole != local).any()):
            return (
                f"the {name} Gram terms are zero on this network (dead units, zero weights or "
                "zero residuals)"
            )
    return None


@equals(
    observed=_velocities,
    on=strategies.generic_gated_networks,
    generic=GATED,
    signs=dict.fromkeys(_MISSED, ">"),
    source=Source(PAPER, "closure of the hierarchy; depth three"),
    hypotheses=hypotheses()
    | {
        "Gram terms act": Hypothesis(
            strategies.silent_gated_networks,
            gram_term_vanishes,
        )
    },
    mutants={
        "conjugate dynamics close at depth three": partial(_gram_terms, conjugate_from=4),
        "conjugate dynamics close at every depth": partial(_gram_terms, conjugate_from=math.inf),
        "conjugate dynamics close at depth one only": partial(_gram_terms, conjugate_from=2),
        "conjugate dynamics never close": partial(_gram_terms, conjugate_from=1),
        "forward dynamics close at depth two": partial(_gram_terms, forward_from=3),
        "forward dynamics close at every depth": partial(_gram_terms, forward_from=math.inf),
        "forward dynamics never close": partial(_gram_terms, forward_from=1),
    },
)
def closure_needs_gram_from_depth_three(net: GatedNetwork) -> Parts:
    r"""Without the weight Gram operators the conjugate dynamics are exact up to depth two and wrong
    from depth three on.

    .. math::
        \dot p^l(\mu) = -\sum_\nu r_\nu\, \Delta^{l+1}_{\mu\nu}\, z^l(\nu) \quad (1 \le l < L) \iff L \le 2

    .. math::
        \dot z^l(\mu) = -\sum_\nu r_\nu\, Z^{l-1}_{\mu\nu}\, D^l(\mu) D^l(\nu)\, p^l(\nu) \quad (1 \le l \le L) \iff L = 1

    Conjugate count: with the terms JᵀMJ dropped, ṗ¹ … ṗ^L are exact at L ≤ 2 and wrong at L ≥ 3
    (p⁰, the gradient at the input, drives nothing and does not count). Forward count: with JNJᵀ
    dropped, ż¹ … ż^L are exact at L = 1 and wrong at L ≥ 2. The paper's "depth three" fits either
    count (readout counted as a layer in the second). Both halves are observed, by depth: where the
    closed dynamics are said to suffice they are the prediction; elsewhere the full ones are, and
    Σ_l ‖ṗ^l − its closed form‖² (and that of z) must be above zero.

    Shapes: p^l, z^l (…, N, n_l). Observed: forward-mode derivatives along −∇L.

    Hypotheses (checked): ReLU gates, or masks given as data; no pre-activation on a switch; the
    Gram terms are not zero. Raises InputError for anything that is not a GatedNetwork. Source:
    arXiv:2606.09744 [P]; the counts [D, N].
    """  # noqa: E501
    return _gram_terms(net)


def _gram_velocities(net: GatedNetwork) -> Parts:
    return along_descent(lambda _, weights: by_layer((0, *(w.mT @ w for w in weights)), 1, "G"))(
        net
    )


def _gram_flow(
    net: GatedNetwork, *, conjugate: str = "p", symmetric: bool = True, factor: int = 1
) -> Parts:
    seen, parts = fields(net), {}
    for layer in range(1, net.depth + 1):
        outer = (net.residual[..., None] * seen.z[layer - 1]).mT @ getattr(seen, conjugate)[
            layer - 1
        ]
        parts[f"G{layer}"] = (outer + outer.mT if symmetric else outer * 2) * -factor
    return parts


@equals(
    observed=_gram_velocities,
    on=strategies.activated_networks,
    source=Source(PAPER, "flow of the Gram operators", "derived"),
    hypotheses=any_activation(),
    mutants={
        "not symmetrised": partial(_gram_flow, symmetric=False),
        "conjugate field behind its mask": partial(_gram_flow, conjugate="delta"),
        "twice": partial(_gram_flow, factor=2),
        "opposite sign": partial(_gram_flow, factor=-1),
    },
)
def gram_operator_flow(net: GatedNetwork) -> Parts:
    r"""Every weight Gram matrix moves by the outer products of the activations and conjugate fields
    just below it.

    .. math:: \frac{d}{dt} (W^l)^\top W^l = -\sum_\nu r_\nu
              \left( z^{l-1} (p^{l-1})^\top + p^{l-1} (z^{l-1})^\top \right)(\nu)

    In deep linear networks this closes the hierarchy at first order; with masks the operators M
    carry D(μ) D(ν) between two weights, so their velocity couples three samples. Shapes: (…,
    n_{l−1}, n_{l−1}). Observed: forward-mode derivative of W ↦ WᵀW along −∇L.

    Hypotheses (checked): ReLU gates with no pre-activation on a switch, masks given as data, or
    tanh, with 1 − tanh² for the mask. Raises InputError for anything that is not a GatedNetwork.
    Source: derived here from arXiv:2606.09744 [D, N].
    """
    return _gram_flow(net)
