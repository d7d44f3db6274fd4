"""Hypothesis strategies for deep linear networks in training; see `impl.strategies` for their two
kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st

from theorems.impl.feature_learning.linear_networks import LinearNetwork, linear_network
from theorems.impl.networks.spec import generator
from theorems.impl.numbers.operands import is_exact, to_tensor
from theorems.impl.strategies.grams import balanced_chains
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.sizes import branches, span


@st.composite
def lattice_linear_networks(draw: Callable[..., Any]) -> LinearNetwork:
    """Integer networks of depth 2 … 4 and width 1 … 3, balanced or not as it happens: nothing
    rounds. Any rank, zero included.
    """
    depth, rows = draw(span(2, 4, 6)), draw(span(1, 3, 5))
    widths = [draw(st.integers(1, 3)) for _ in range(depth + 1)]
    weights = [draw(lattices((b, a), 2)) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    return linear_network(
        weights, draw(lattices((rows, widths[0]), 2)), draw(lattices((rows, widths[-1]), 3))
    )


@st.composite
def seeded_linear_networks(draw: Callable[..., Any]) -> LinearNetwork:
    """Gaussian networks of depth 2 … 4 and width up to 12; only their spec shrinks."""
    depth, rows = draw(span(2, 4, 7)), draw(span(1, 12, 16))
    widths, source = (
        [draw(span(1, 12, 24, above=20)) for _ in range(depth + 1)],
        generator(draw(SEEDS)),
    )

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=source, dtype=torch.float64)

    weights = [normal(b, a) / a**0.5 for a, b in zip(widths[:-1], widths[1:], strict=True)]
    return linear_network(weights, normal(rows, widths[0]), normal(rows, widths[-1]))


@st.composite
def balanced_linear_networks(draw: Callable[..., Any]) -> LinearNetwork:
    """Integer networks with W_{l+1}ᵀW_{l+1} = W_l W_lᵀ for every l, exactly: depth 2 … 4, any
    targets.
    """
    chain = draw(balanced_chains(least_depth=2, largest=3))
    weights = [to_tensor(weight) if is_exact(weight) else weight for weight in chain.weights]
    inputs = to_tensor(chain.inputs) if is_exact(chain.inputs) else chain.inputs
    return linear_network(weights, inputs, draw(lattices((len(inputs), len(weights[-1])), 3)))


def unbalanced_linear_networks() -> st.SearchStrategy[LinearNetwork]:
    """Balanced ones whose first matrix is doubled: they violate the hypothesis "balanced"."""
    doubled = balanced_linear_networks().filter(lambda net: bool(net.weights[0].any()))
    return doubled.map(
        lambda n: linear_network((n.weights[0] * 2, *n.weights[1:]), n.inputs, n.targets)
    )


@st.composite
def single_linear_layers(draw: Callable[..., Any]) -> LinearNetwork:
    """Integer networks of one layer: they violate the hypothesis "at least two layers"."""
    inputs, outputs, rows = (draw(st.integers(1, 3)) for _ in range(3))
    weight = draw(lattices((outputs, inputs), 2))
    return linear_network(
        [weight], draw(lattices((rows, inputs), 2)), draw(lattices((rows, outputs), 3))
    )


def deep_linear_networks() -> st.SearchStrategy[LinearNetwork]:
    """Deep linear networks with the velocity of every weight: integer ones, Gaussian ones, and
    balanced ones among them.
    """
    return branches(lattice_linear_networks(), seeded_linear_networks(), balanced_linear_networks())
