"""Hypothesis strategies for minibatch noise: integer and Gaussian free features, readouts of real
networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from theorems.impl.kernel_flows.minibatches import (
    MinibatchNoise,
    feature_noise,
    minibatches,
    readout_noise,
)
from theorems.impl.kernel_flows.objectives import INTEGRAL, LOSSES
from theorems.impl.networks.losses import half_squared_error
from theorems.impl.networks.spec import NetworkSpec, build, generator
from theorems.impl.strategies.flows import gaussians
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.ranks import whole_numbers
from theorems.impl.strategies.trained import suited_labels

_SIZES = st.integers(1, 4)


def _counts(draw: Callable[..., Any], rows: int) -> Tensor:
    """Up to four batches of one size 1 … N, with or without replacement."""
    size, number = draw(st.integers(1, rows)), draw(st.integers(1, 4))
    return minibatches(rows, size, number, replacement=draw(st.booleans()), seed=draw(SEEDS))


def _uneven_counts(draw: Callable[..., Any], rows: int) -> Tensor:
    """As `_counts` for N ≥ 2, but no batch weighs all samples alike: that has no noise, and floats
    would show rounding only.
    """
    counts = _counts(draw, rows)
    alike = (counts == counts[:, :1]).all(1)
    counts[alike] = 0
    counts[alike, 0] = counts.sum(1).max() if not bool(alike.all()) else 1
    return counts


@st.composite
def lattice_noises(draw: Callable[..., Any]) -> MinibatchNoise:
    """Integer features, readouts and labels under losses with integral gradients, N up to 7; N < 2C
    included.
    """
    rows, width, classes = draw(st.integers(1, 7)), draw(_SIZES), draw(st.integers(1, 3))
    features, readout = draw(lattices((rows, width), 2)), draw(lattices((classes, width), 2))
    if rows > 1 and draw(st.booleans()):
        features[1] = features[0]
    loss = draw(st.sampled_from(INTEGRAL))
    return feature_noise(
        features, readout, draw(lattices((rows, classes), 3)), _counts(draw, rows), loss=loss
    )


@st.composite
def tall_lattice_noises(draw: Callable[..., Any]) -> MinibatchNoise:
    """Whole numbers from a seed with N > 2C samples and P ≥ C features, some samples more than once
    in a batch: nothing caps the rank but C.
    """
    classes = draw(st.sampled_from([1, 2, 3, 3]))
    rows, width = 2 * classes + draw(st.integers(1, 4)), classes + draw(st.integers(0, 3))
    source = generator(draw(SEEDS))
    size = draw(st.integers(1, rows))
    counts = minibatches(rows, size, 3, replacement=draw(st.booleans()), seed=draw(SEEDS))
    counts[0] = 0
    counts[0, 0], counts[0, 1] = (size + 1) // 2, size // 2  # two samples, repeated
    loss = draw(st.sampled_from([*INTEGRAL, "contrast"] if classes > 1 else INTEGRAL))
    return feature_noise(
        whole_numbers(source, rows, width),
        whole_numbers(source, classes, width),
        whole_numbers(source, rows, classes),
        counts,
        loss=loss,
    )


@st.composite
def seeded_noises(draw: Callable[..., Any], loss: str | None = None) -> MinibatchNoise:
    """Gaussian features under any of the four losses, N up to 16."""
    kind, source = (
        draw(st.sampled_from(sorted(LOSSES))) if loss is None else loss,
        generator(draw(SEEDS)),
    )
    rows, width = draw(st.integers(2, 16)), draw(st.integers(1, 12))
    classes = draw(st.integers(2 if kind == "softmax" else 1, 3))
    normal = gaussians(source)
    targets = suited_labels(kind, rows, classes, source)
    return feature_noise(
        normal(rows, width), normal(classes, width), targets, _uneven_counts(draw, rows), loss=kind
    )


@st.composite
def network_noises(draw: Callable[..., Any]) -> MinibatchNoise:
    """The readout of a ReLU network under cross-entropy or squared loss, mean or sum, float64."""
    spec = NetworkSpec(
        widths=(draw(st.integers(1, 6)), draw(st.integers(1, 12))),
        bias=draw(st.booleans()),
        batch=draw(st.integers(2, 12)),
        classes=draw(st.integers(2, 3)),
        seed=draw(SEEDS),
    )
    source = generator(spec.seed)
    inputs = torch.randn(spec.batch, spec.widths[0], generator=source, dtype=torch.float64)
    counts = _uneven_counts(draw, spec.batch)
    if draw(st.booleans()):
        labels = torch.randint(spec.classes, (spec.batch,), generator=source)
        return readout_noise(build(spec), inputs, labels, nn.functional.cross_entropy, counts)
    targets = torch.randn(spec.batch, spec.classes, generator=source, dtype=torch.float64)
    return readout_noise(build(spec), inputs, targets, half_squared_error, counts, reduction="sum")


def minibatch_noises() -> st.SearchStrategy[MinibatchNoise]:
    """Integer and Gaussian free features, and readouts of real networks."""
    return (
        lattice_noises()
        | tall_lattice_noises()
        | tall_lattice_noises()
        | seeded_noises()
        | network_noises()
    )


@st.composite
def nonlinear_readouts(draw: Callable[..., Any]) -> MinibatchNoise:
    """Features read out by tanh units before the C-dimensional sum: the noise leaves row(A)."""
    rows, width = draw(st.integers(6, 10)), draw(st.integers(6, 10))
    normal = gaussians(generator(draw(SEEDS)))
    features, inner, readout, targets = (
        normal(rows, width),
        normal(width, width),
        normal(1, width),
        normal(rows, 1),
    )
    noise = feature_noise(features, readout, targets, _counts(draw, rows))
    phi = features.clone().requires_grad_()
    with torch.enable_grad():
        (grad,) = torch.autograd.grad(
            half_squared_error(torch.tanh(phi @ inner) @ readout.mT, targets), phi
        )
    batch = noise.counts[..., None] * rows * grad
    return replace(
        noise,
        batch_grad=batch,
        full_grad=grad,
        flaw="the features reach the outputs through a nonlinear layer",
    )


@st.composite
def many_singles(draw: Callable[..., Any]) -> MinibatchNoise:
    """Every batch of one sample, N well above 2C: enough to average over."""
    rows, classes = draw(st.integers(8, 20)), draw(st.integers(1, 2))
    normal = gaussians(generator(draw(SEEDS)))
    counts = torch.eye(rows, dtype=torch.float64)
    return feature_noise(normal(rows, 6), normal(classes, 6), normal(rows, classes), counts)


@st.composite
def _tall_noises(draw: Callable[..., Any]) -> MinibatchNoise:
    """Gaussian features with N and P well above C: outputs and readout have full rank C."""
    classes = draw(st.integers(2, 3))
    rows, width = draw(st.integers(2 * classes + 1, 12)), draw(st.integers(2 * classes + 1, 12))
    kind, source = draw(st.sampled_from(sorted(LOSSES))), generator(draw(SEEDS))
    normal = gaussians(source)
    targets = suited_labels(kind, rows, classes, source)
    return feature_noise(
        normal(rows, width), normal(classes, width), targets, _uneven_counts(draw, rows), loss=kind
    )


def projectable_noises() -> st.SearchStrategy[MinibatchNoise]:
    """Integer noises of any rank in exact arithmetic, Gaussian ones of full rank."""
    return (lattice_noises() | tall_lattice_noises()).map(
        lambda noise: noise.exact()
    ) | _tall_noises()
