r"""A multilayer perceptron forward and backward by hand: what each layer reads, and the gradients
of the outputs by what it writes.

.. math:: z^l = \sigma(W^l z^{l-1} + b^l), \qquad \delta^{l-1} = (\delta^l W^l) \circ \sigma'

Weights may be a stack (B, d_out, d_in) of those of B networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from theorems.impl.networks.perceptrons import Affine, Perceptron


class Pass(NamedTuple):
    """One batch forward.

    Args:
        reads: z, what each layer reads, (…, N, d_in).
        slopes: σ′ of what each layer writes, (…, N, d_out); None where nothing follows it.
        outputs: of the network, (…, N, C).
    """

    reads: list[Tensor]
    slopes: list[Tensor | None]
    outputs: Tensor


def forward(net: Perceptron, inputs: Tensor) -> Pass:
    """Run ``inputs`` (N, d), or (B, N, d) where the weights are stacked, through the network."""
    z = inputs
    for activation in net.before:
        z = activation.value(z)
    reads: list[Tensor] = []
    slopes: list[Tensor | None] = []
    for layer in net.layers:
        reads.append(z)
        z, slope = _written(layer, z), None
        for value, slope_of in layer.after:
            made = value(z)
            own = slope_of(z, made)
            slope = own if slope is None else slope * own
            z = made
        slopes.append(slope)
    return Pass(reads, slopes, z)


def _written(layer: Affine, z: Tensor) -> Tensor:
    _, weight, bias, _ = layer
    if weight.ndim == 2:
        return functional.linear(z, weight, bias)
    z = z if z.ndim == 3 else z.expand(len(weight), *z.shape)
    return z.bmm(weight.mT) if bias is None else torch.baddbmm(bias[:, None], z, weight.mT)


def deltas(net: Perceptron, seen: Pass, start: int, stop: int) -> Iterator[Tensor]:
    """δ of outputs ``start`` … ``stop − 1``, (…, N, c, d_out), from the last layer but one down to
    the first.
    """
    _, slopes, outputs = seen
    *lead, samples, _ = outputs.shape
    top, slope, count = net.layers[-1].weight, slopes[-1], stop - start
    if count < top.shape[-2]:
        top = top[..., start:stop, :]
    if lead:
        top = top.unsqueeze(-3)
    if slope is not None:
        top = top * slope[..., start:stop].unsqueeze(-1)
    multiply = torch.bmm if lead else torch.mm
    rows, shape = (*lead, samples * count, -1), (*lead, samples, count, -1)
    delta = top
    for index in range(len(slopes) - 2, -1, -1):
        slope = slopes[index]
        if index < len(slopes) - 2:
            delta = multiply(delta.view(rows), net.layers[index + 1].weight).view(shape)
            if slope is not None:
                delta.mul_(slope.unsqueeze(-2))
        elif slope is not None:
            delta = slope.unsqueeze(-2) * top
        else:
            delta = top.expand(*lead, samples, count, top.shape[-1]).contiguous()
        yield delta
