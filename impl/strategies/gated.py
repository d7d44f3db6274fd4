"""Gated networks, on which the hierarchy of arXiv:2606.09744 is tried, and those that break one
hypothesis each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from theorems.impl.gram_hierarchy.gated import GatedNetwork, gated_network, outputs
from theorems.impl.networks.spec import generator
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.sizes import branches, span


@st.composite
def lattice_gated_networks(draw: Callable[..., Any], depth: int | None = None) -> GatedNetwork:
    """Integer ReLU networks with no pre-activation on a switch, by parity.

    Coordinate 0 of every layer is odd and positive, the others enter with even weights: so every h
    is odd, hence not zero, whatever the entries are. Depth 1 … 4, widths 1 … 3, small enough to
    stay below 2^53 throughout.
    """
    depth = draw(span(1, 4, 6)) if depth is None else depth
    rows = draw(span(1, 4, 6))
    widths = [draw(st.integers(1, 3)) for _ in range(depth + 1)]
    inputs = 2 * draw(lattices((rows, widths[0]), 1))
    inputs[:, 0] = inputs[:, 0].abs() + 1
    if rows > 1 and draw(st.booleans()):
        inputs[1] = inputs[0]
    weights = []
    for i in range(depth):
        weight = 2 * draw(lattices((widths[i + 1], widths[i]), 1))
        weight[:, 0] += 1
        weight[0] = weight[0].abs()
        if i == 0:
            weight[0, 1:] = 0  # inputs may be negative: the odd coordinate alone keeps unit 0 alive
        weights.append(weight)
    readout = draw(lattices((widths[-1],), 2))
    targets = draw(lattices((rows,), 3))
    return gated_network(weights, readout, inputs, targets)


@cache
def _masks(shape: tuple[int, ...]) -> st.SearchStrategy[Tensor]:
    """Zeros and ones."""
    bits = hnp.arrays("int64", shape, elements=st.integers(0, 1))
    return bits.map(lambda values: torch.as_tensor(values).double())


@st.composite
def free_gated_networks(draw: Callable[..., Any], depth: int | None = None) -> GatedNetwork:
    """Integer networks whose masks are data: any 0/1 pattern, so any two samples may differ in any
    unit.
    """
    depth = draw(span(1, 4, 6)) if depth is None else depth
    rows = draw(span(1, 4, 6))
    widths = [draw(st.integers(1, 3)) for _ in range(depth + 1)]
    weights = [draw(lattices((b, a), 2)) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    masks = [draw(_masks((rows, width))) for width in widths[1:]]
    inputs, targets = draw(lattices((rows, widths[0]), 2)), draw(lattices((rows,), 3))
    return gated_network(
        weights, draw(lattices((widths[-1],), 2)), inputs, targets, gate="data", masks=masks
    )


@st.composite
def seeded_gated_networks(
    draw: Callable[..., Any], depth: int | None = None, gate: str = "relu", largest: int = 16
) -> GatedNetwork:
    """Gaussian bias-free networks with one or several outputs (a row per output and sample)."""
    depth = draw(span(1, 4, 8)) if depth is None else depth
    widths = [draw(span(1, largest, largest + 8)) for _ in range(depth + 1)]
    samples, classes, seed = draw(span(1, 12, 16)), draw(span(1, 3, 5)), draw(SEEDS)
    source = generator(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source, dtype=torch.float64)

    weights = [normal(b, a) * (2 / a) ** 0.5 for a, b in zip(widths[:-1], widths[1:], strict=True)]
    inputs = normal(samples, widths[0])
    inputs[:, 0] = inputs[
        :, 0
    ].abs()  # unit 0 stays alive on every sample: a dead layer would sit on its switch
    weights[0][0, 1:] = 0
    for weight in weights:
        weight[0] = weight[0].abs()
    inputs = inputs.repeat_interleave(classes, 0)
    readout = normal(classes, widths[-1]).repeat(samples, 1)
    return gated_network(weights, readout, inputs, normal(samples * classes), gate=gate)


def gated_networks(depth: int | None = None) -> st.SearchStrategy[GatedNetwork]:
    """Lattice ReLU networks, integer networks with free masks, and seeded ReLU networks, of one
    depth or of 1 … 4.
    """
    return branches(
        lattice_gated_networks(depth), free_gated_networks(depth), seeded_gated_networks(depth)
    )


def activated_networks(depth: int | None = None) -> st.SearchStrategy[GatedNetwork]:
    """Those, and seeded tanh networks, whose slopes are no masks."""
    return branches(
        lattice_gated_networks(depth),
        free_gated_networks(depth),
        seeded_gated_networks(depth),
        tanh_networks(depth),
    )


def deep_gated_networks() -> st.SearchStrategy[GatedNetwork]:
    """Gated networks of depth 2 … 4, a few deeper ones in every run."""
    return span(2, 4, 7).flatmap(gated_networks)


def generic_gated_networks() -> st.SearchStrategy[GatedNetwork]:
    """Networks whose Gram terms act: positive integer ones, and seeded ones (all but never
    silent).
    """
    return branches(positive_gated_networks(), seeded_gated_networks())


@st.composite
def positive_gated_networks(draw: Callable[..., Any]) -> GatedNetwork:
    """Integer networks of depth 1 … 4 that carry every field: weights, inputs and readouts are
    positive, residuals not zero.
    """
    depth, rows = draw(span(1, 4, 6)), draw(span(1, 3, 5))
    widths = [draw(st.integers(1, 3)) for _ in range(depth + 1)]

    def positive(*shape: int) -> Tensor:
        return draw(lattices(shape, 1)) + 2

    weights = [positive(b, a) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    if draw(st.booleans()):
        weights[0][1:] *= -1  # dead units: only unit 0 of the first layer stays alive
    readout, inputs = positive(widths[-1]), positive(rows, widths[0])
    net = gated_network(weights, readout, inputs, torch.zeros(rows, dtype=torch.float64))
    return gated_network(
        weights, readout, inputs, draw(lattices((rows,), 3)) - net.residual.abs() - 4
    )


def silent_gated_networks() -> st.SearchStrategy[GatedNetwork]:
    """Networks of depth 2 … 4 that fit their targets: zero residuals, so no term of the hierarchy
    acts.
    """

    def fit(net: GatedNetwork) -> GatedNetwork:
        return gated_network(net.weights, net.readout, net.inputs, outputs(net, net.weights))

    return st.sampled_from([2, 3, 4]).flatmap(lattice_gated_networks).map(fit)


def tanh_networks(depth: int | None = None) -> st.SearchStrategy[GatedNetwork]:
    """Networks with tanh in place of ReLU: the hierarchy would need σ'' terms."""
    return seeded_gated_networks(depth, gate="tanh")


@st.composite
def switching_networks(draw: Callable[..., Any], depth: int | None = None) -> GatedNetwork:
    """ReLU networks with a sample exactly on a switch: one input row is zero."""
    net = draw(lattice_gated_networks(depth))
    inputs = net.inputs.clone()
    inputs[draw(st.integers(0, inputs.shape[0] - 1))] = 0
    return gated_network(net.weights, net.readout, inputs, net.residual)
