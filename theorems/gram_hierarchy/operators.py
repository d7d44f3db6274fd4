r"""The pairwise operators :math:`M^l_{\mu\nu}` and :math:`N^l_{\mu\nu}` of arXiv:2606.09744,
applied, never formed.

A dense form would be N²n² numbers. What the theorems need is the sum over ν with the residuals,
applied to a vector per row; that is a loop over the layers with two matrix products each (no
recursion of Python's: a network may have thousands). Every choice that a mutant gets wrong is an
argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from theorems.impl.gram_hierarchy.gated import Fields, GatedNetwork, fields, loss_gradient
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.operands import Operand


def first_row_everywhere(mask: Operand) -> Operand:
    """One global mask in place of a mask per sample: that of the first row."""
    return mask * 0 + mask[..., :1, :]


def no_mask(mask: Operand) -> Operand:
    """All units open."""
    return mask * 0 + 1


def same(mask: Operand) -> Operand:
    """The masks as they are."""
    return mask


@dataclass(frozen=True)
class Recursion:
    """The recursions as stated by default; each argument is one way of getting them wrong.

    Args:
        left: what is used for the masks D(μ).
        right: what is used for the masks D(ν).
        gram: whether the carried term, JᵀMJ or JNJᵀ, is kept.
        local: whether the fresh term, Δ·I or Z·DD, is kept.
        shift: Δ^{l+shift} for Δ^l in the fresh term.
        start: M^L = start · I in place of 0.
        transposed: J transposed, where the layer is square.
        masked: M^l D^l(ν) in place of M^l: the same on activations, another operator.
    """

    left: Callable[[Operand], Operand] = same
    right: Callable[[Operand], Operand] = same
    gram: bool = True
    local: bool = True
    shift: int = 0
    start: Any = 0
    transposed: bool = False
    masked: bool = False

    def _weight(self, weight: Operand) -> Operand:
        return weight.mT if self.transposed and weight.shape[-2] == weight.shape[-1] else weight

    def pullback(self, net: GatedNetwork, seen: Fields, level: int, vectors: Operand) -> Operand:
        r""":math:`\sum_\nu r_\nu M^l_{\mu\nu} v(\nu)` for l = ``level``; v and the result are (…,
        N, n_l).

        M^L = 0 and M^{l−1}_{μν} = Δ^l_{μν} I + J^l(μ)ᵀ M^l_{μν} J^l(ν) with J^l = D^l W^l.
        """
        if self.masked and level > 0:
            vectors = net.masks[level - 1] * vectors
        rate, carried = net.residual[..., None, :], [vectors]  # v, then J v of each layer above
        for layer in range(level, net.depth):
            carried.append(
                self.right(net.masks[layer]) * (carried[-1] @ self._weight(net.weights[layer]).mT)
            )
        result = carried[-1] * net.residual[..., None] * self.start
        for layer in reversed(range(level, net.depth)):
            above, result = result, carried[layer - level] * 0
            if self.local:
                delta = seen.delta[min(layer + 1 + self.shift, net.depth)]
                result = ((delta @ delta.mT) * rate) @ carried[layer - level]
            if self.gram:
                result = result + (self.left(net.masks[layer]) * above) @ self._weight(
                    net.weights[layer]
                )
        return result

    def pushforward(self, net: GatedNetwork, seen: Fields, level: int, vectors: Operand) -> Operand:
        r""":math:`\sum_\nu r_\nu N^l_{\mu\nu} q(\nu)` for l = ``level``; q and the result are (…,
        N, n_l).

        N⁰ = 0 and N^l_{μν} = Z^{l−1}_{μν} D^l(μ) D^l(ν) + J^l(μ) N^{l−1}_{μν} J^l(ν)ᵀ.
        """
        # q, then D q, Jᵀ q, … of each layer below
        rate, pulled = (
            net.residual[..., None, :],
            [vectors],
        )
        for layer in reversed(range(level)):
            masked = self.right(net.masks[layer]) * pulled[-1]
            pulled += [masked, masked @ self._weight(net.weights[layer])]
        result = pulled[-1] * net.residual[..., None] * self.start
        for layer in range(level):
            below, masked, mask = result, pulled[2 * (level - layer) - 1], net.masks[layer]
            result = masked * 0
            if self.local:
                z = seen.z[max(layer + self.shift, 0)]
                result = self.left(mask) * (((z @ z.mT) * rate) @ masked)
            if self.gram:
                result = result + self.left(mask) * (below @ self._weight(net.weights[layer]).mT)
        return result


STATED = Recursion()


def free_vectors(field: Operand) -> Operand:
    """A vector for every row that no network knows: whole numbers ±1 … ±3 without zeros, of the
    kind and shape of ``field``.

    Of a symbolic field: variables, so that what is said of them is said of all vectors.
    """
    if hasattr(field, "fresh"):
        return field.fresh("v")
    rows, width = field.shape[-2:]
    drawn = np.random.default_rng(rows).choice([-3, -2, -1, 1, 2, 3], (rows, width))
    return field * 0 + (
        drawn.astype(object) if isinstance(field, np.ndarray) else torch.as_tensor(drawn).double()
    )


def pulled_back(net: GatedNetwork, level: int, vectors: Operand) -> Operand:
    r"""Measured: :math:`-\sum_\nu r_\nu M^l_{\mu\nu} v(\nu)` is the velocity of p^l while the
    layers above, fed with v, descend.

    δ does not know what the layers are fed with, so this observes the operator on any vectors and
    not on activations alone.
    """
    if level == net.depth:
        return vectors * 0
    above = _part(net, slice(level, None), inputs=vectors, readout=net.readout)
    return velocity(lambda *w: fields(above, w).p[0], above.weights, above.weight_velocity)


def pushed_forward(net: GatedNetwork, level: int, vectors: Operand) -> Operand:
    r"""Measured: :math:`-\sum_\nu r_\nu N^l_{\mu\nu} q(\nu)` is the velocity of z^l while the
    layers below descend under the readout q.
    """
    if level == 0:
        return vectors * 0
    below = _part(net, slice(level), inputs=net.inputs, readout=vectors)
    return velocity(lambda *w: fields(below, w).z[-1], below.weights, below.weight_velocity)


def _part(net: GatedNetwork, layers: slice, *, inputs: Operand, readout: Operand) -> GatedNetwork:
    """Some of the layers as a network of its own: its masks are data, its residuals those of the
    whole, its descent is measured.
    """
    part = replace(
        net,
        weights=net.weights[layers],
        masks=net.masks[layers],
        weight_velocity=net.weight_velocity[layers],
        inputs=inputs,
        readout=readout,
        gate="data",
    )
    return replace(
        part, weight_velocity=tuple(-g for g in loss_gradient(part, part.weights, part.residual))
    )


def pairwise(rows: Operand) -> Operand:
    """Inner products of all pairs of rows, (…, N, N)."""
    return rows @ rows.mT


def layer_kernel(seen: Fields, layer: int) -> Operand:
    """Z^{l−1} ∘ Δ^l: the tangent kernel of one layer, (…, N, N)."""
    return pairwise(seen.z[layer - 1]) * pairwise(seen.delta[layer])


def apply(kernel: Operand, residual: Operand) -> Operand:
    """K r per row, (…, N)."""
    return (kernel @ residual[..., None])[..., 0]
