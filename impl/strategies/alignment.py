"""Hypothesis strategies for random readouts, collapsed batches and decoders: valid ones, and
violations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from theorems.impl.feature_learning.collapse import LabelledFeatures
from theorems.impl.feature_learning.decoders import Decoder
from theorems.impl.feature_learning.readouts import (
    RandomReadout,
    ReadoutEnsemble,
    all_signs,
    coordinate_readouts,
    noise_rate,
    readout_ensemble,
)
from theorems.impl.networks.spec import generator
from theorems.impl.numbers.differentiation import gradient
from theorems.impl.numbers.linalg import squared_norm
from theorems.impl.numbers.operands import Operand
from theorems.impl.strategies.grams import signed_permutations
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.sizes import branches, span


def _normal(source: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=source, dtype=torch.float64)


def _scalar(value: float) -> Tensor:
    return torch.tensor(float(value), dtype=torch.float64)


# -- random readouts -------------------------------------------------------------------------------


@st.composite
def readout_ensembles(draw: Callable[..., Any]) -> ReadoutEnsemble:
    """White finite ensembles, all signs or ± all coordinates; integer data (K = 1, m = 1, N = 1,
    zero weights included), or Gaussian.
    """
    classes, width = draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2), (1, 4), (3, 1)]))
    rows, d = draw(span(1, 3, 6)), draw(span(1, 3, 20))
    signs = draw(st.booleans())
    readouts = (
        all_signs(classes, width)
        if signs
        else coordinate_readouts(classes, width) * (classes * width)
    )
    variance = _scalar(1 if signs else classes * width)
    shapes = (rows, d), (width, d), (rows, classes)
    if draw(st.booleans()):
        data, rate = [draw(lattices(shape, 2)) for shape in shapes], draw(st.integers(1, 2))
    else:
        source, rate = generator(draw(SEEDS)), 0.5
        data = [_normal(source, *shape) for shape in shapes]
    h, w, y = data
    return readout_ensemble(h, w, y, readouts, variance=variance, rate=_scalar(rate))


@st.composite
def skewed_ensembles(draw: Callable[..., Any]) -> ReadoutEnsemble:
    """The right second moment around a mean that is not zero: coordinates without their negatives,
    and positive data.
    """
    classes, width, rows, d = (draw(st.integers(1, 2)) for _ in range(4))
    half = coordinate_readouts(classes, width)[: classes * width] * (classes * width)
    data = [
        draw(lattices(shape, 1)).abs() + 1 for shape in ((rows, d), (width, d), (rows, classes))
    ]
    h, w, y = data
    return readout_ensemble(h, w, y, half, variance=_scalar(classes * width), rate=_scalar(1))


@st.composite
def full_loss_ensembles(draw: Callable[..., Any]) -> ReadoutEnsemble:
    """Gradients of ½‖Y − F‖_F² where F is not zero, all sizes 1: the growth is off by w²((1 − h²)²
    − 1) for sure.
    """
    h, w, y = (_scalar(draw(st.sampled_from([1, 2, 3]))).reshape(1, 1) for _ in range(3))
    ensemble = readout_ensemble(h, w, y, all_signs(1, 1), variance=_scalar(1), rate=_scalar(1))

    def loss(weights: Tensor) -> Operand:
        return squared_norm(h @ weights.mT @ ensemble.readouts.mT - y) / 2

    (grads,) = gradient(loss, (w + ensemble.readouts * 0,))
    return replace(ensemble, weight_grads=grads)


@st.composite
def random_readouts(draw: Callable[..., Any], spread: float = 1.0) -> RandomReadout:
    """A few Gaussian configurations; η such that the mean growth is no smaller than its noise by
    more than a small factor.
    """
    rows, d, classes = (
        draw(st.sampled_from([1, 3, 8])),
        draw(st.sampled_from([1, 3])),
        draw(st.integers(1, 3)),
    )
    width, seed = draw(st.sampled_from([1, 4, 16])), draw(st.integers(0, 9))
    source = generator(seed)
    features, weight, targets = (
        _normal(source, rows, d),
        _normal(source, width, d),
        _normal(source, rows, classes),
    )
    rate = noise_rate(features, weight, targets) * draw(st.sampled_from([0.5, 1.0, 2.0]))
    return RandomReadout(
        features, weight, targets, rate, seed=seed, replicates=4_000, spread=spread
    )


def odd_readouts() -> st.SearchStrategy[RandomReadout]:
    """Readouts of three times the variance."""
    return random_readouts(spread=3.0)


# -- collapsed batches -----------------------------------------------------------------------------


def _labels(sizes: list[int]) -> Tensor:
    """One-hot labels of classes of these sizes, (N, K)."""
    return torch.eye(len(sizes), dtype=torch.float64).repeat_interleave(torch.tensor(sizes), 0)


def _sizes(classes: int, *, unequal: bool = False) -> st.SearchStrategy[list[int]]:
    sizes = st.lists(st.integers(1, 4), min_size=classes, max_size=classes)
    return sizes.map(lambda n: [n[0] + (len(set(n)) == 1), *n[1:]]) if unequal else sizes


@st.composite
def simplex_batches(
    draw: Callable[..., Any], *, balanced: bool | None = None, least: int = 1
) -> LabelledFeatures:
    """Exact batches collapsed on a simplex K I − 11ᵀ, turned by a signed permutation, maybe with a
    feature that is zero.
    """
    classes = draw(span(2, 4, 7))
    sizes = (
        [draw(st.integers(least, 3))] * classes
        if balanced
        else draw(_sizes(classes, unequal=balanced is False))
    )
    means = classes * torch.eye(classes, dtype=torch.float64) - 1
    means = means @ draw(signed_permutations(classes)) * draw(st.integers(1, 2))
    if draw(st.booleans()):
        means = torch.nn.functional.pad(means, (0, 1))
    labels = _labels(sizes)
    return LabelledFeatures(labels @ means, labels).exact()


@st.composite
def full_rank_batches(draw: Callable[..., Any], *, unequal: bool = True) -> LabelledFeatures:
    """Exact batches collapsed on integer means of rank K, with more features than classes in half
    of the draws.
    """
    classes = draw(span(2, 4, 6))
    eye = torch.eye(classes, dtype=torch.float64)
    lower = torch.tril(draw(lattices((classes, classes), 1)), -1) + eye
    upper = torch.triu(draw(lattices((classes, classes), 1)), 1) + eye
    means = lower @ upper
    if draw(st.booleans()):
        means = torch.cat([means, draw(lattices((classes, 1), 2))], 1)
    labels = _labels(draw(_sizes(classes, unequal=unequal)))
    return LabelledFeatures(labels @ means, labels).exact()


@st.composite
def seeded_batches(draw: Callable[..., Any]) -> LabelledFeatures:
    """Float batches collapsed on Gaussian means of rank K = d, up to 8 classes of up to 9
    samples.
    """
    classes, source = draw(span(2, 8, 24)), generator(draw(SEEDS))
    labels = _labels(torch.randint(1, 10, (classes,), generator=source).tolist())
    return LabelledFeatures(labels @ _normal(source, classes, classes), labels)


def collapsed_batches() -> st.SearchStrategy[LabelledFeatures]:
    """Means of rank K, exact and Gaussian, and balanced simplices."""
    return branches(
        full_rank_batches(unequal=False), simplex_batches(balanced=True), seeded_batches()
    )


def imbalanced_simplices() -> st.SearchStrategy[LabelledFeatures]:
    """Collapsed on a simplex, classes of unequal sizes: target linearity below 1."""
    return simplex_batches(balanced=False)


@st.composite
def uncollapsed_batches(draw: Callable[..., Any]) -> LabelledFeatures:
    """One-hot features, but one sample of a class of two or more has its first feature moved:
    target linearity below 1.
    """
    classes = draw(st.integers(2, 4))
    sizes = draw(_sizes(classes))
    sizes[0] += 1
    labels = _labels(sizes)
    features = labels.clone()
    features[0, 0] += draw(st.sampled_from([1, 2, -3]))
    return LabelledFeatures(features, labels).exact()


@st.composite
def uncollapsed_simplices(draw: Callable[..., Any]) -> LabelledFeatures:
    """Collapsed on a simplex but for the second sample of the first class, stretched along its
    mean: no new direction helps to explain it.
    """
    batch = draw(simplex_batches(balanced=True, least=2))
    features = batch.features.copy()
    features[1] = features[1] * draw(st.sampled_from([2, 3, -1]))
    return replace(batch, features=features)


# -- decoders --------------------------------------------------------------------------------------


def _affine_layers(
    codes: Tensor,
    widths: list[int],
    entries: Callable[[tuple[int, int]], Tensor],
    margins: list[int],
) -> Any:
    """Layers whose ReLUs are each open at all codes (margin ≥ 0) or closed at all of them (margin <
    0).
    """
    weights, biases, z = [], [], codes
    for i, width in enumerate(widths):
        weight = entries((width, z.shape[-1]))
        h = z @ weight.mT
        margin = torch.tensor(
            [margins[(i + j) % len(margins)] for j in range(width)], dtype=torch.float64
        )
        bias = torch.where(margin >= 0, margin - h.amin(0), margin - h.amax(0))
        weights.append(weight)
        biases.append(bias)
        z = h + bias if i == len(widths) - 1 else (h + bias).clamp(min=0)
    return tuple(weights), tuple(biases), z


def _mixtures(eighths: list[list[int]], count: int) -> Tensor:
    """Convex weights that are multiples of 1/8: all of one point, half of each of the first two,
    and where each eighth goes.
    """
    rows = [
        torch.eye(count, dtype=torch.float64)[0],
        torch.eye(count, dtype=torch.float64)[[0, count > 1]].mean(0),
    ]
    rows += [
        torch.bincount(torch.tensor(places) % count, minlength=count).double() / 8
        for places in eighths
    ]
    return torch.stack(rows)


_EIGHTHS = st.lists(st.lists(st.integers(0, 7), min_size=8, max_size=8), min_size=1, max_size=3)


@st.composite
def affine_decoders(draw: Callable[..., Any]) -> Decoder:
    """Decoders of one to three layers none of whose ReLUs switches between the codes; exact, or
    integers in float64.
    """
    rows, k = draw(span(1, 4, 8)), draw(span(1, 3, 20))
    margins = draw(st.lists(st.integers(-2, 3), min_size=1, max_size=3))
    mixtures = _mixtures(draw(_EIGHTHS), rows)
    if draw(st.booleans()):
        widths = [draw(st.integers(1, 3)) for _ in range(draw(span(1, 3, 6)))]
        codes = draw(lattices((rows, k), 2))
        weights, biases, points = _affine_layers(
            codes, widths, lambda shape: draw(lattices(shape, 2)), margins
        )
        return Decoder(points, codes, weights, biases, mixtures).exact()
    source, widths = (
        generator(draw(SEEDS)),
        [draw(st.integers(1, 12)) for _ in range(draw(span(1, 3, 6)))],
    )
    codes = torch.randint(-9, 10, (rows, k), generator=source).double()

    def entries(shape: tuple[int, int]) -> Tensor:
        return torch.randint(-9, 10, shape, generator=source).double()

    weights, biases, points = _affine_layers(codes, widths, entries, margins)
    return Decoder(points, codes, weights, biases, mixtures)


@st.composite
def inexact_decoders(draw: Callable[..., Any]) -> Decoder:
    """The first point is missed by one."""
    decoder: Decoder = draw(affine_decoders())
    miss = (decoder.codes[:, :1] * 0 + 1) * (decoder.mixtures[0][:, None] != 0)
    return replace(decoder, points=decoder.points + miss)


@st.composite
def switching_decoders(draw: Callable[..., Any]) -> Decoder:
    """One hidden layer with a ReLU that is open at one code, closed at another, and seen by every
    output.
    """
    rows, k, out = draw(st.integers(2, 4)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    codes = draw(lattices((rows, k), 2))
    codes[0, 0], codes[1, 0] = -1, 1
    weight = torch.cat([torch.eye(k, dtype=torch.float64)[:1], draw(lattices((1, k), 1)) * 0])
    weights = (weight, draw(lattices((out, 2), 2)))
    weights[1][:, 0] = weights[1][:, 0].abs() + 1
    biases = (torch.zeros(2, dtype=torch.float64), draw(lattices((out,), 2)))
    points = (codes @ weight.mT).clamp(min=0) @ weights[1].mT + biases[1]
    decoder: Decoder = Decoder(
        points, codes, weights, biases, _mixtures(draw(_EIGHTHS), rows)
    ).exact()
    return decoder
