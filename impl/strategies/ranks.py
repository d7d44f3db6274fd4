"""Hypothesis strategies for the rank theorem: free features, deep linear and real networks, trained
or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from theorems.impl.kernel_flows.decayed import (
    DecayedMatrix,
    NonlinearFeatures,
    decayed_layers,
    free_features,
)
from theorems.impl.kernel_flows.objectives import INTEGRAL, LOSSES, SHIFT_FREE
from theorems.impl.networks.losses import half_squared_error
from theorems.impl.networks.spec import NetworkSpec, build, generator
from theorems.impl.strategies.flows import gaussians
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.trained import suited_labels, train_free_features, train_softplus

_SIZES = st.integers(1, 4)


def whole_numbers(source: torch.Generator, *shape: int, top: int = 3) -> Tensor:
    """Integers in −top … top from a seed: of the rank that matrices have as a rule, where entries
    that shrink are mostly zero.
    """
    return torch.randint(-top, top + 1, shape, generator=source).double()


@st.composite
def lattice_matrices(draw: Callable[..., Any]) -> DecayedMatrix:
    """Integer free features with an even decay, losses with integral gradients; N < C, P = 1,
    rank-deficient and zero labels.
    """
    rows, width, classes = draw(_SIZES), draw(_SIZES), draw(st.integers(1, 3))
    features, readout = draw(lattices((rows, width), 2)), draw(lattices((classes, width), 2))
    targets, loss = draw(lattices((rows, classes), 3)), draw(st.sampled_from(INTEGRAL))
    return free_features(
        features, readout, targets, loss=loss, decay=float(draw(st.sampled_from([2, 4])))
    )


@st.composite
def resting_matrices(draw: Callable[..., Any]) -> DecayedMatrix:
    """Integer free features that are exactly at rest: Y = F + μ(AAᵀ)⁻¹… by construction, so that G
    A = −μΦ and rank Φ ≤ C.

    With A of orthonormal integer rows (a signed permutation's), Φ = B A and Y = B + μB: G = F − Y =
    −μB and G A + μΦ = 0.
    """
    classes, decay = draw(st.sampled_from([1, 2, 3, 4, 4])), float(draw(st.sampled_from([2, 4])))
    readout, loadings = draw(_signed_selections(classes)), draw(_loadings(classes))
    return free_features(loadings @ readout, readout, loadings * (1 + decay), decay=decay)


@st.composite
def _signed_selections(draw: Callable[..., Any], classes: int) -> Tensor:
    """A (C, P) of orthonormal rows: some rows of a signed permutation."""
    order = draw(st.permutations(range(classes + draw(st.integers(0, 3)))))
    readout = torch.zeros(classes, len(order), dtype=torch.float64)
    for row, column in enumerate(order[:classes]):
        readout[row, column] = draw(st.sampled_from([1.0, -1.0]))
    return readout


@st.composite
def _loadings(draw: Callable[..., Any], classes: int) -> Tensor:
    """Integers (N, C) that shrink, or from a seed, with N ≥ C and of full rank as a rule."""
    if draw(st.integers(0, 3)) == 0:
        return draw(lattices((draw(_SIZES), classes), 3))
    return whole_numbers(generator(draw(SEEDS)), classes + draw(st.integers(0, 2)), classes)


@st.composite
def seeded_matrices(
    draw: Callable[..., Any], loss: str | None = None, *, small: int = 1
) -> DecayedMatrix:
    """Gaussian free features under any of the four losses, N and P up to 12; ``small`` bounds them
    from below.
    """
    rows, width = draw(st.integers(small, 12)), draw(st.integers(small, 12))
    classes, kind = (
        draw(st.integers(1 if loss != "softmax" else 2, 4)),
        draw(st.sampled_from(sorted(LOSSES))) if loss is None else loss,
    )
    source = generator(draw(SEEDS))
    normal = gaussians(source)
    return free_features(
        normal(rows, width),
        normal(classes, width),
        suited_labels(kind, rows, classes, source),
        loss=kind,
        decay=draw(st.sampled_from([1.0, 0.1, 3.0])),
    )


@st.composite
def trained_matrices(draw: Callable[..., Any], loss: str | None = None) -> DecayedMatrix:
    """Free features trained to (near) rest under one of the losses: eight configurations, since
    training costs.
    """
    kind = draw(st.sampled_from(sorted(LOSSES))) if loss is None else loss
    classes = draw(st.sampled_from([2, 3]))
    decay = 0.1
    phi, readout, targets = train_free_features(
        8, 6, classes, loss=kind, decay=decay, ridge=0.1, seed=draw(st.integers(0, 1))
    )
    return free_features(phi, readout, targets, loss=kind, decay=decay, ridge=0.1)


class _Linear(nn.Sequential):
    """A deep linear network with an optional nonlinear body in front."""

    def __init__(self, widths: list[int], *, body: bool, dtype: torch.dtype) -> None:
        front: list[nn.Module] = (
            [nn.Linear(widths[0], widths[0], dtype=dtype), nn.Tanh()] if body else []
        )
        linear = [
            nn.Linear(a, b, dtype=dtype) for a, b in zip(widths[:-1], widths[1:], strict=True)
        ]
        super().__init__(*front, *linear)


@st.composite
def network_matrices(draw: Callable[..., Any], *, softmax: bool = False) -> DecayedMatrix:
    """The last or any linear layer before the readout of a real network (nonlinear body, deep
    linear end), float64 or float32.
    """
    widths = [draw(st.integers(2, 10)) for _ in range(draw(st.integers(2, 4)))] + [
        draw(st.integers(2 if softmax else 1, 3))
    ]
    seed, dtype = draw(SEEDS), draw(st.sampled_from([torch.float64, torch.float32]))
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
        targets, loss = (
            torch.randn(rows, widths[-1], generator=source, dtype=torch.float64).to(dtype),
            half_squared_error,
        )
    layers = decayed_layers(model, inputs, targets, loss, decay=0.25)
    names = sorted(layers)[1:] if body else sorted(layers)
    return layers[draw(st.sampled_from(names))]


@st.composite
def tight_matrices(draw: Callable[..., Any]) -> DecayedMatrix:
    """A = 0 on features with equal singular values: σ_{C+1} = ‖∇J‖/μ exactly, nothing can be
    tightened.
    """
    classes = draw(st.sampled_from([1, 2, 3, 4, 4]))
    features = draw(_scaled_permutations(classes + draw(st.integers(1, 2))))
    targets = draw(lattices((len(features), classes), 3))
    readout = torch.zeros(classes, len(features), dtype=torch.float64)
    return free_features(features, readout, targets, decay=float(draw(st.sampled_from([2, 4]))))


@st.composite
def _scaled_permutations(draw: Callable[..., Any], size: int) -> Tensor:
    """Whole multiples of a permutation: all singular values are equal."""
    features = torch.zeros(size, size, dtype=torch.float64)
    features[range(size), draw(st.permutations(range(size)))] = float(draw(st.integers(1, 3)))
    return features


def decayed_matrices() -> st.SearchStrategy[DecayedMatrix]:
    """Integer features anywhere and at rest, Gaussian ones under four losses, trained ones, linear
    layers of networks.
    """
    return (
        lattice_matrices()
        | resting_matrices()
        | resting_matrices()
        | tight_matrices()
        | tight_matrices()
        | seeded_matrices()
        | trained_matrices()
        | network_matrices()
    )


@st.composite
def tight_softmax_matrices(draw: Callable[..., Any]) -> DecayedMatrix:
    """A = 0 on features with equal singular values, C at least: σ_C = ‖∇J‖/μ exactly."""
    classes = draw(st.integers(2, 5))
    features = draw(_scaled_permutations(classes + draw(st.integers(0, 1))))
    targets = draw(lattices((len(features), classes), 3)).abs()
    readout = torch.zeros(classes, len(features), dtype=torch.float64)
    loss = draw(st.sampled_from(SHIFT_FREE))
    return free_features(
        features, readout, targets, loss=loss, decay=float(draw(st.sampled_from([2, 4])))
    )


@st.composite
def lattice_contrasts(draw: Callable[..., Any]) -> DecayedMatrix:
    """Whole numbers under a loss that does not see a shift of a sample's outputs: nothing rounds,
    and ranks are exact.
    """
    rows, width, classes = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(2, 5))
    numbers = generator(draw(SEEDS))
    return free_features(
        whole_numbers(numbers, rows, width),
        whole_numbers(numbers, classes, width),
        whole_numbers(numbers, rows, classes),
        loss="contrast",
        decay=float(draw(st.sampled_from([2, 4]))),
    )


@st.composite
def resting_contrasts(draw: Callable[..., Any]) -> DecayedMatrix:
    """The same exactly at rest: with A of orthonormal rows and F = ZDᵀ (D takes differences), Y =
    FD + μZ leaves G = −μF.

    Then G A = −μΦ for Φ = F A, whose rank is C − 1 wherever Z allows it.
    """
    classes, decay = draw(st.integers(2, 5)), float(draw(st.sampled_from([2, 4])))
    readout, slack = draw(_signed_selections(classes)), draw(_loadings(classes))
    outputs = slack - slack.roll(1, -1)
    targets = outputs - outputs.roll(-1, -1) + decay * slack
    return free_features(outputs @ readout, readout, targets, loss="contrast", decay=decay)


def softmax_matrices() -> st.SearchStrategy[DecayedMatrix]:
    """Gaussian, trained and network instances under softmax cross-entropy; whole numbers under a
    loss that sees shifts as little, some at rest.
    """
    return (
        resting_contrasts()
        | resting_contrasts()
        | lattice_contrasts()
        | tight_softmax_matrices()
        | tight_softmax_matrices()
        | seeded_matrices("softmax")
        | seeded_matrices("softmax", small=5)
        | trained_matrices("softmax")
        | network_matrices(softmax=True)
    )


def squared_matrices() -> st.SearchStrategy[DecayedMatrix]:
    """Squared loss with more samples and width than classes: the gradient's rows do not sum to
    zero.
    """
    return seeded_matrices("squared", small=5)


@st.composite
def nonlinear_layers(draw: Callable[..., Any], *, softmax: bool = False) -> DecayedMatrix:
    """The layer below a nonlinearity: decay of its parameters is not decay of its features."""
    spec = NetworkSpec(
        widths=(draw(st.integers(5, 8)), draw(st.integers(5, 8))),
        activation=draw(st.sampled_from(["tanh", "gelu", "silu"])),
        batch=draw(st.integers(6, 9)),
        classes=2,
        seed=draw(SEEDS),
    )
    source = generator(spec.seed)
    inputs = torch.randn(spec.batch, spec.widths[0], generator=source, dtype=torch.float64)
    if softmax:
        labels = torch.randint(spec.classes, (spec.batch,), generator=source)
        return decayed_layers(build(spec), inputs, labels, nn.functional.cross_entropy, decay=0.5)[
            "fc1"
        ]
    targets = torch.randn(spec.batch, spec.classes, generator=source, dtype=torch.float64)
    return decayed_layers(build(spec), inputs, targets, half_squared_error, decay=0.5)["fc1"]


@st.composite
def resting_without_decay(draw: Callable[..., Any], *, loss: str = "squared") -> DecayedMatrix:
    """μ = 0, exactly at rest with more directions than classes: any features are, once they fit the
    labels (softmax: labels of no weight).
    """
    classes = draw(st.integers(2 if loss == "softmax" else 1, 3))
    size = classes + draw(st.integers(1, 2))
    features = torch.eye(size, dtype=torch.float64) + torch.tril(
        draw(lattices((size, size), 2)), -1
    )
    readout = draw(lattices((classes, size), 2))
    targets = (
        features @ readout.mT
        if loss == "squared"
        else torch.zeros(size, classes, dtype=torch.float64)
    )
    return free_features(features, readout, targets, loss=loss, decay=0.0)


def softplus_features() -> st.SearchStrategy[NonlinearFeatures]:
    """One trained softplus network: a counterexample needs no more."""
    return st.builds(train_softplus, st.just(0))


@st.composite
def bare_gradients(draw: Callable[..., Any], *, loss: str = "squared") -> DecayedMatrix:
    """The gradient of the loss alone, the decay forgotten."""
    point = draw(seeded_matrices(loss, small=5))
    return replace(point, gradient=point.gradient - point.decay * point.matrix)


def nonlinear_softmax_layers() -> st.SearchStrategy[DecayedMatrix]:
    """`nonlinear_layers` under cross-entropy."""
    return nonlinear_layers(softmax=True)


def resting_softmax_without_decay() -> st.SearchStrategy[DecayedMatrix]:
    """`resting_without_decay` under cross-entropy."""
    return resting_without_decay(loss="softmax")


def bare_softmax_gradients() -> st.SearchStrategy[DecayedMatrix]:
    """`bare_gradients` under cross-entropy."""
    return bare_gradients(loss="softmax")
