r"""The tangent kernel of a multilayer perceptron in closed form, summed over outputs.

.. math:: K^l = (Z^{l-1} + 1) \circ \Delta^l, \qquad
    Z^l = z^l z^{l\top}, \quad \Delta^l = \delta^l \delta^{l\top}

with z what a layer reads and δ the gradients of the outputs by what it writes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from theorems.impl.networks.perceptron_passes import Pass, deltas
from theorems.impl.networks.perceptrons import Perceptron

_PASS = 2**22
"""Bytes of δ that one backward pass carries; the best of 2^20 … 2^25."""
_SMALL = 2**12
"""Entries of what a layer reads up to which layers of one shape are multiplied in one call."""
_BLOCK = 32
"""Rows above which only blocks of the lower triangle of a symmetric product are computed."""


def empty(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor to be written, of which autograd may keep books afterwards."""
    if torch.is_inference_mode_enabled():
        with torch.inference_mode(False):
            return like.new_empty(shape)
    return like.new_empty(shape)


class Summed(Mapping[str, Tensor]):
    """Terms by layer that lie in one tensor.

    Args:
        names: of the layers.
        stack: the terms in its first dimension.
    """

    def __init__(self, names: list[str], stack: Tensor) -> None:
        """Hold them."""
        self.names, self.stack = names, stack

    def __getitem__(self, name: str) -> Tensor:
        """The term of one layer."""
        if name not in self.names:
            raise KeyError(name)
        return self.stack[self.names.index(name)]

    def __iter__(self) -> Iterator[str]:
        """The layers in order."""
        return iter(self.names)

    def __len__(self) -> int:
        """How many layers."""
        return len(self.names)

    def sum(self) -> Tensor:
        """The sum of all terms."""
        return self.stack.sum(0)


def trace_terms(
    stack: Tensor, net: Perceptron, left: Pass, right: Pass, biases: list[bool], wanted: list[int]
) -> None:
    """Write the terms of the trace over outputs, of the layers ``wanted``, into ``stack``
    (L, …, N, M).
    """
    same, (*lead, n, outputs), m = right is left, left.outputs.shape, right.outputs.shape[-2]
    last, lowest = len(net.layers) - 1, wanted[0]
    parts = dict(zip(wanted, stack.unbind(), strict=True))
    lower = same and not lead and n > _BLOCK
    chunk = _chunk(net, max(n, m) * math.prod(lead), outputs, stack.element_size())
    flat, other = (*lead, n, -1), (*lead, m, -1)
    for start in range(0, outputs if lowest < last else 0, chunk):
        stop = min(start + chunk, outputs)
        a = deltas(net, left, start, stop)
        b = a if same else deltas(net, right, start, stop)
        for index in range(last - 1, lowest - 1, -1):
            x = next(a).view(flat)
            y = x if same else next(b).view(other)
            if index in parts:
                _product(parts[index], x, y, lower=lower, more=start > 0)
    if last in parts:
        slope, slope_of_other = left.slopes[-1], right.slopes[-1]
        if slope is None or slope_of_other is None:
            parts[last].fill_(outputs)
        else:
            _product(parts[last], slope, slope_of_other, lower=lower, more=False)
    _multiply_input_grams(stack, parts, left, right, biases, lower=lower)
    if same:
        stack.tril_().add_(stack.tril(-1).mT)


def _chunk(net: Perceptron, samples: int, outputs: int, bytes_: int) -> int:
    """Outputs per backward pass."""
    width = max(layer.weight.shape[-1] for layer in net.layers)
    return max(1, min(outputs, _PASS // (width * samples * bytes_)))


def _multiply_input_grams(
    stack: Tensor,
    parts: dict[int, Tensor],
    left: Pass,
    right: Pass,
    biases: list[bool],
    *,
    lower: bool,
) -> None:
    """Δ ∘ (Z + 1), layer by layer, or at once where small layers are all of one shape."""
    pairs = [(left.reads[index], right.reads[index]) for index in parts]
    shape = pairs[0][0].shape
    if (
        len(parts) > 1
        and len(shape) == 2
        and shape.numel() <= _SMALL
        and all(biases)
        and all(one.shape == shape for one, _ in pairs)
    ):
        one = torch.stack([one for one, _ in pairs])
        other = one if right is left else torch.stack([other for _, other in pairs])
        stack.mul_(torch.baddbmm(one.new_ones(()), one, other.mT))
        return
    for (index, part), (one, other) in zip(parts.items(), pairs, strict=True):
        part.mul_(input_gram(one, other, bias=biases[index], lower=lower))


def input_gram(one: Tensor, other: Tensor, *, bias: bool, lower: bool = False) -> Tensor:
    """⟨z_μ, z_ν⟩ (+ 1 where there is a bias)."""
    if lower:
        found = one.new_zeros(len(one), len(other))
        _product(found, one, other, lower=True, more=False)
        return found.add_(1) if bias else found
    if not bias:
        return one @ other.mT
    start = one.new_ones(())
    return (
        torch.addmm(start, one, other.t()) if one.ndim == 2 else torch.baddbmm(start, one, other.mT)
    )


def _product(out: Tensor, one: Tensor, other: Tensor, *, lower: bool, more: bool) -> None:
    """``out`` = A Bᵀ, or ``out`` += A Bᵀ with ``more``; with ``lower`` at least the lower triangle
    of A Aᵀ.
    """
    if out.ndim == 3:
        torch.baddbmm(out, one, other.mT, beta=int(more), out=out)
    elif not lower:
        torch.addmm(out, one, other.t(), beta=int(more), out=out)
    else:
        size = max(_BLOCK, len(one) // 8)
        for start in range(0, len(one), size):
            stop = min(start + size, len(one))
            part = out[start:stop, :stop]
            torch.addmm(part, one[start:stop], other[:stop].t(), beta=int(more), out=part)
