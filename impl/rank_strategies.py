"""Hypothesis strategies for the rank theorem and minibatch noise: free features, deep linear and real networks, trained or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor, nn

from impl.decayed import DecayedMatrix, decayed_layers, free_features
from impl.flow_strategies import gaussians
from impl.losses import half_squared_error
from impl.networks import NetworkSpec, build, generator
from impl.objectives import INTEGRAL, LOSSES, objective
from impl.strategies import _SEEDS, lattices
from impl.training import MinibatchNoise, feature_noise, minibatches, readout_noise

_SIZES = st.integers(1, 4)


def _labels(loss: str, rows: int, classes: int, source: torch.Generator) -> Tensor:
    """Targets that suit the loss: probabilities for softmax and logistic, Gaussian numbers otherwise."""
    raw = torch.randn(rows, classes, generator=source, dtype=torch.float64)
    return torch.softmax(2 * raw, -1) if loss == "softmax" else torch.sigmoid(raw) if loss == "logistic" else raw


@st.composite
def lattice_matrices(draw: Callable[..., Any]) -> DecayedMatrix:
    """Integer free features with an even decay, losses with integral gradients; N < C, P = 1, rank-deficient and zero labels."""
    rows, width, classes = draw(_SIZES), draw(_SIZES), draw(st.integers(1, 3))
    features, readout = draw(lattices((rows, width), 2)), draw(lattices((classes, width), 2))
    targets, loss = draw(lattices((rows, classes), 3)), draw(st.sampled_from(INTEGRAL))
    return free_features(features, readout, targets, loss=loss, decay=float(draw(st.sampled_from([2, 4]))))


@st.composite
def resting_matrices(draw: Callable[..., Any]) -> DecayedMatrix:
    """Integer free features that are exactly at rest: Y = F + μ(AAᵀ)⁻¹… by construction, so that G A = −μΦ and rank Φ ≤ C.

    With A of orthonormal integer rows (a signed permutation's), Φ = B A and Y = B + μB: G = F − Y = −μB and G A + μΦ = 0.
    """
    rows, classes, extra = draw(_SIZES), draw(st.integers(1, 3)), draw(st.integers(0, 3))
    order = draw(st.permutations(range(classes + extra)))
    readout = torch.zeros(classes, classes + extra, dtype=torch.float64)
    for row, column in enumerate(order[:classes]):
        readout[row, column] = draw(st.sampled_from([1.0, -1.0]))
    loadings, decay = draw(lattices((rows, classes), 3)), float(draw(st.sampled_from([2, 4])))
    return free_features(loadings @ readout, readout, loadings * (1 + decay), decay=decay)


@st.composite
def seeded_matrices(draw: Callable[..., Any], loss: str | None = None, *, small: int = 1) -> DecayedMatrix:
    """Gaussian free features under any of the four losses, N and P up to 12; ``small`` bounds them from below."""
    rows, width = draw(st.integers(small, 12)), draw(st.integers(small, 12))
    classes, kind = draw(st.integers(1 if loss != "softmax" else 2, 4)), draw(st.sampled_from(sorted(LOSSES))) if loss is None else loss
    source = generator(draw(_SEEDS))
    normal = gaussians(source)
    return free_features(
        normal(rows, width), normal(classes, width), _labels(kind, rows, classes, source), loss=kind,
        decay=draw(st.sampled_from([1.0, 0.1, 3.0])),
    )  # fmt: skip


def train_free_features(
    rows: int, width: int, classes: int, *, loss: str, decay: float, ridge: float, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Features and readout after L-BFGS on J, with their labels: near a steady state, how near the gradient tells."""
    source = generator(seed)
    normal = gaussians(source)
    targets = 2 * _labels(loss, rows, classes, source) if loss in ("squared", "huber") else _labels(loss, rows, classes, source)
    start = torch.cat([normal(rows * width), normal(classes * width)])
    cut = rows * width

    def value(flat: np.ndarray) -> tuple[float, np.ndarray]:
        leaf = torch.as_tensor(flat).requires_grad_()
        with torch.enable_grad():
            j = objective(leaf[:cut].reshape(rows, width), leaf[cut:].reshape(classes, width), targets, loss=loss, ridge=ridge, decay=decay)
            (grad,) = torch.autograd.grad(j, leaf)
        return float(j), grad.numpy()

    options = {"maxiter": 400, "ftol": 0.0, "gtol": 1e-10}
    end = torch.as_tensor(minimize(value, start.numpy(), jac=True, method="L-BFGS-B", options=options).x.copy())
    return end[:cut].reshape(rows, width), end[cut:].reshape(classes, width), targets


@st.composite
def trained_matrices(draw: Callable[..., Any], loss: str | None = None) -> DecayedMatrix:
    """Free features trained to (near) rest under one of the losses: eight configurations, since training costs."""
    kind = draw(st.sampled_from(sorted(LOSSES))) if loss is None else loss
    classes = draw(st.sampled_from([2, 3]))
    decay = 0.1
    phi, readout, targets = train_free_features(8, 6, classes, loss=kind, decay=decay, ridge=0.1, seed=draw(st.integers(0, 1)))
    return free_features(phi, readout, targets, loss=kind, decay=decay, ridge=0.1)


class _Linear(nn.Sequential):
    """A deep linear network with an optional nonlinear body in front."""

    def __init__(self, widths: list[int], *, body: bool, dtype: torch.dtype) -> None:
        front: list[nn.Module] = [nn.Linear(widths[0], widths[0], dtype=dtype), nn.Tanh()] if body else []
        linear = [nn.Linear(a, b, dtype=dtype) for a, b in zip(widths[:-1], widths[1:], strict=True)]
        super().__init__(*front, *linear)


@st.composite
def network_matrices(draw: Callable[..., Any], *, softmax: bool = False) -> DecayedMatrix:
    """The last or any linear layer before the readout of a real network (nonlinear body, deep linear end), float64 or float32."""
    widths = [draw(st.integers(2, 10)) for _ in range(draw(st.integers(2, 4)))] + [draw(st.integers(2 if softmax else 1, 3))]
    seed, dtype = draw(_SEEDS), draw(st.sampled_from([torch.float64, torch.float32]))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        body = draw(st.booleans())
        model = _Linear(widths, body=body, dtype=dtype)
    source = generator(seed)
    rows = draw(st.integers(1, 12))
    inputs = torch.randn(rows, widths[0], generator=source, dtype=torch.float64).to(dtype)
    if softmax:
        targets: Tensor = torch.randint(widths[-1], (rows,), generator=source)
        loss: Any = nn.functional.cross_entropy
    else:
        targets, loss = torch.randn(rows, widths[-1], generator=source, dtype=torch.float64).to(dtype), half_squared_error
    layers = decayed_layers(model, inputs, targets, loss, decay=0.25)
    names = sorted(layers)[1:] if body else sorted(layers)
    return layers[draw(st.sampled_from(names))]


def decayed_matrices() -> st.SearchStrategy[DecayedMatrix]:
    """Integer features anywhere and at rest, Gaussian ones under four losses, trained ones, linear layers of networks."""
    return lattice_matrices() | resting_matrices() | seeded_matrices() | trained_matrices() | network_matrices()


def softmax_matrices() -> st.SearchStrategy[DecayedMatrix]:
    """Gaussian, trained and network instances under softmax cross-entropy."""
    return seeded_matrices("softmax") | seeded_matrices("softmax", small=5) | trained_matrices("softmax") | network_matrices(softmax=True)


def squared_matrices() -> st.SearchStrategy[DecayedMatrix]:
    """Squared loss with more samples and width than classes: the gradient's rows do not sum to zero."""
    return seeded_matrices("squared", small=5)


@st.composite
def nonlinear_layers(draw: Callable[..., Any]) -> DecayedMatrix:
    """The layer below a nonlinearity: decay of its parameters is not decay of its features."""
    spec = NetworkSpec(
        widths=(draw(st.integers(5, 8)), draw(st.integers(5, 8))), activation=draw(st.sampled_from(["tanh", "gelu", "silu"])),
        batch=draw(st.integers(6, 9)), classes=draw(st.integers(1, 2)), seed=draw(_SEEDS),
    )  # fmt: skip
    source = generator(spec.seed)
    inputs = torch.randn(spec.batch, spec.widths[0], generator=source, dtype=torch.float64)
    targets = torch.randn(spec.batch, spec.classes, generator=source, dtype=torch.float64)
    return decayed_layers(build(spec), inputs, targets, half_squared_error, decay=0.5)["fc1"]


@st.composite
def trained_without_decay(draw: Callable[..., Any]) -> DecayedMatrix:
    """μ = 0: the directions of Φ(0) survive training."""
    phi, readout, targets = train_free_features(8, 6, 2, loss="squared", decay=0.0, ridge=0.1, seed=draw(st.integers(0, 1)))
    return free_features(phi, readout, targets, decay=0.0, ridge=0.1)


@st.composite
def bare_gradients(draw: Callable[..., Any]) -> DecayedMatrix:
    """The gradient of the loss alone, the decay forgotten."""
    point = draw(seeded_matrices("squared", small=5))
    return replace(point, gradient=point.gradient - point.decay * point.matrix)


# -- minibatch noise -----------------------------------------------------------------------------------------------


def _counts(draw: Callable[..., Any], rows: int) -> Tensor:
    """Up to four batches of one size 1 … N, with or without replacement."""
    size, number = draw(st.integers(1, rows)), draw(st.integers(1, 4))
    return minibatches(rows, size, number, replacement=draw(st.booleans()), seed=draw(_SEEDS))


@st.composite
def lattice_noises(draw: Callable[..., Any]) -> MinibatchNoise:
    """Integer features, readouts and labels under losses with integral gradients, N up to 7; N < 2C included."""
    rows, width, classes = draw(st.integers(1, 7)), draw(_SIZES), draw(st.integers(1, 3))
    features, readout = draw(lattices((rows, width), 2)), draw(lattices((classes, width), 2))
    if rows > 1 and draw(st.booleans()):
        features[1] = features[0]
    loss = draw(st.sampled_from(INTEGRAL))
    return feature_noise(features, readout, draw(lattices((rows, classes), 3)), _counts(draw, rows), loss=loss)


@st.composite
def seeded_noises(draw: Callable[..., Any], loss: str | None = None) -> MinibatchNoise:
    """Gaussian features under any of the four losses, N up to 16."""
    rows, width, classes = draw(st.integers(1, 16)), draw(st.integers(1, 12)), draw(st.integers(1, 3))
    kind, source = draw(st.sampled_from(sorted(LOSSES))) if loss is None else loss, generator(draw(_SEEDS))
    normal = gaussians(source)
    targets = _labels(kind, rows, classes, source)
    return feature_noise(normal(rows, width), normal(classes, width), targets, _counts(draw, rows), loss=kind)


@st.composite
def network_noises(draw: Callable[..., Any]) -> MinibatchNoise:
    """The readout of a ReLU network under cross-entropy or squared loss, mean or sum, float64."""
    spec = NetworkSpec(
        widths=(draw(st.integers(1, 6)), draw(st.integers(1, 12))), bias=draw(st.booleans()), batch=draw(st.integers(1, 12)),
        classes=draw(st.integers(2, 3)), seed=draw(_SEEDS),
    )  # fmt: skip
    source = generator(spec.seed)
    inputs = torch.randn(spec.batch, spec.widths[0], generator=source, dtype=torch.float64)
    counts = _counts(draw, spec.batch)
    if draw(st.booleans()):
        labels = torch.randint(spec.classes, (spec.batch,), generator=source)
        return readout_noise(build(spec), inputs, labels, nn.functional.cross_entropy, counts)
    targets = torch.randn(spec.batch, spec.classes, generator=source, dtype=torch.float64)
    return readout_noise(build(spec), inputs, targets, half_squared_error, counts, reduction="sum")


def minibatch_noises() -> st.SearchStrategy[MinibatchNoise]:
    """Integer and Gaussian free features, and readouts of real networks."""
    return lattice_noises() | seeded_noises() | network_noises()


@st.composite
def nonlinear_readouts(draw: Callable[..., Any]) -> MinibatchNoise:
    """Features read out by tanh units before the C-dimensional sum: the noise leaves row(A)."""
    rows, width = draw(st.integers(6, 10)), draw(st.integers(6, 10))
    normal = gaussians(generator(draw(_SEEDS)))
    features, inner, readout, targets = normal(rows, width), normal(width, width), normal(1, width), normal(rows, 1)
    noise = feature_noise(features, readout, targets, _counts(draw, rows))
    phi = features.clone().requires_grad_()
    with torch.enable_grad():
        (grad,) = torch.autograd.grad(half_squared_error(torch.tanh(phi @ inner) @ readout.mT, targets), phi)
    batch = noise.counts[..., None] * rows * grad
    return replace(noise, batch_grad=batch, full_grad=grad, flaw="the features reach the outputs through a nonlinear layer")


@st.composite
def many_singles(draw: Callable[..., Any]) -> MinibatchNoise:
    """Every batch of one sample, N well above 2C: enough to average over."""
    rows, classes = draw(st.integers(8, 20)), draw(st.integers(1, 2))
    normal = gaussians(generator(draw(_SEEDS)))
    counts = torch.eye(rows, dtype=torch.float64)
    return feature_noise(normal(rows, 6), normal(classes, 6), normal(rows, classes), counts)


@st.composite
def _tall_noises(draw: Callable[..., Any]) -> MinibatchNoise:
    """Gaussian features with N and P well above C: outputs and readout have full rank C."""
    classes = draw(st.integers(1, 2))
    rows, width = draw(st.integers(2 * classes + 1, 10)), draw(st.integers(2 * classes + 1, 10))
    kind, source = draw(st.sampled_from(sorted(LOSSES))), generator(draw(_SEEDS))
    normal = gaussians(source)
    targets = _labels(kind, rows, classes, source)
    return feature_noise(normal(rows, width), normal(classes, width), targets, _counts(draw, rows), loss=kind)


def projectable_noises() -> st.SearchStrategy[MinibatchNoise]:
    """Integer noises of any rank in exact arithmetic, Gaussian ones of full rank."""
    return lattice_noises().map(lambda noise: noise.exact()) | _tall_noises()
