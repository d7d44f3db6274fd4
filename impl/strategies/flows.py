"""Hypothesis strategies for the kernel flow: points of it, labels with known spectra, and instances
that break one hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from theorems.impl.kernel_flows.flows import CoupledPoint, KernelPoint, coupled_point
from theorems.impl.kernel_flows.objectives import INTEGRAL, LOSSES
from theorems.impl.kernel_flows.spectral import SpectralTask
from theorems.impl.networks.spec import generator
from theorems.impl.strategies.layers import SEEDS, lattices

_SIZES = st.integers(1, 3)
_STRENGTHS = st.sampled_from([1.0, 0.5, 2.0, 3.0])


def number(value: float) -> Tensor:
    """A float64 scalar."""
    return torch.tensor(float(value), dtype=torch.float64)


def rational(values: Any) -> np.ndarray:
    """An object array of fractions; a single number becomes one without dimensions."""
    return np.array(values, dtype=object)


def gaussians(source: torch.Generator) -> Callable[..., Tensor]:
    """Draws float64 Gaussian tensors of a shape from one generator."""
    return lambda *shape: torch.randn(shape, generator=source, dtype=torch.float64)


# -- points of the flow with fast readout ----------------------------------------------------------


@st.composite
def lattice_points(draw: Callable[..., Any]) -> KernelPoint:
    """Small integer features and labels with λ, μ in {½, 1, 2, 3} (μ also 0), as exact numbers; N <
    C, P = 1, ties, zeros.
    """
    rows, width, classes = draw(_SIZES), draw(_SIZES), draw(_SIZES)
    targets = draw(lattices((rows, classes), 2))
    if classes > 1 and draw(st.booleans()):
        targets[:, 1] = targets[:, 0]
    decay = draw(_STRENGTHS | st.just(0.0))
    return KernelPoint(
        draw(lattices((rows, width), 2)),
        draw(lattices((rows, width), 2)),
        targets,
        number(draw(_STRENGTHS)),
        number(decay),
        torch.zeros(classes, width, dtype=torch.float64),
    ).exact()


@st.composite
def seeded_points(draw: Callable[..., Any]) -> KernelPoint:
    """Gaussian features and labels with N, P up to 8; λ and μ over three decades."""
    rows, width, classes = draw(st.integers(1, 8)), draw(st.integers(1, 8)), draw(st.integers(1, 4))
    normal = gaussians(generator(draw(SEEDS)))
    strengths = st.sampled_from([1.0, 0.1, 10.0])
    return KernelPoint(
        normal(rows, width),
        normal(rows, width),
        normal(rows, classes),
        number(draw(strengths)),
        number(draw(strengths)),
        torch.zeros(classes, width, dtype=torch.float64),
    )


def kernel_points() -> st.SearchStrategy[KernelPoint]:
    """Lattice points in exact arithmetic, and seeded ones."""
    return lattice_points() | seeded_points()


@st.composite
def unridged_points(draw: Callable[..., Any]) -> KernelPoint:
    """λ = 0: on an invertible kernel the readout interpolates and the task drives nothing; on a
    singular one it is not defined.
    """
    rows, classes = draw(_SIZES), draw(_SIZES)
    features = torch.tril(draw(lattices((rows, rows), 2)), -1) + torch.eye(
        rows, dtype=torch.float64
    )
    if draw(st.booleans()):
        features[-1] = 0
    targets = draw(lattices((rows, classes), 2))
    targets[0, 0] = 1
    zero = torch.zeros(classes, rows, dtype=torch.float64)
    return KernelPoint(features, features + 1, targets, number(0), number(1), zero).exact()


@st.composite
def lagging_points(draw: Callable[..., Any]) -> KernelPoint:
    """A readout that lags behind its ridge optimum."""
    point = draw(lattice_points())
    features, lag = point.features.copy(), point.lag.copy()
    features[0, 0], lag[0, 0] = 1, draw(st.integers(1, 3))
    return replace(point, features=features, lag=lag)


# -- points of the coupled flow --------------------------------------------------------------------


@st.composite
def lattice_coupled(
    draw: Callable[..., Any], *, equal: bool = True, speedup: float = 1.0
) -> CoupledPoint:
    """Small integer features and readouts with even decays, loss squared or Huber: autograd does
    not round.
    """
    rows, width, classes = draw(_SIZES), draw(_SIZES), draw(_SIZES)
    ridge = float(draw(st.sampled_from([2, 4, 6])))
    decay = ridge if equal else ridge + 2
    features, readout = draw(lattices((rows, width), 2)), draw(lattices((classes, width), 2))
    if not equal or speedup != 1.0:
        features[0, 0] = readout[0, 0] = 1
    targets = draw(lattices((rows, classes), 3))
    loss = draw(st.sampled_from(INTEGRAL)) if speedup == 1.0 else "squared"
    return coupled_point(
        features, readout, targets, ridge=ridge, decay=decay, loss=loss, speedup=speedup
    ).exact()


@st.composite
def seeded_coupled(draw: Callable[..., Any]) -> CoupledPoint:
    """Gaussian features and readouts up to 8 × 8, all four losses, λ = μ in {0.1, 1}."""
    rows, width, classes = draw(st.integers(1, 8)), draw(st.integers(1, 8)), draw(st.integers(1, 4))
    normal = gaussians(generator(draw(SEEDS)))
    loss, strength = draw(st.sampled_from(sorted(LOSSES))), draw(st.sampled_from([1.0, 0.1]))
    targets = torch.softmax(normal(rows, classes), -1)
    return coupled_point(
        normal(rows, width),
        normal(classes, width),
        targets,
        ridge=strength,
        decay=strength,
        loss=loss,
    )


def coupled_points() -> st.SearchStrategy[CoupledPoint]:
    """Lattice points in exact arithmetic, and seeded ones."""
    return lattice_coupled() | seeded_coupled()


def unequal_decays() -> st.SearchStrategy[CoupledPoint]:
    """λ ≠ μ."""
    return lattice_coupled(equal=False)


def unequal_rates() -> st.SearchStrategy[CoupledPoint]:
    """A readout that flows twice as fast as the features."""
    return lattice_coupled(speedup=2.0)


# -- labels with known spectra ---------------------------------------------------------------------


@st.composite
def rational_rotations(draw: Callable[..., Any], size: int) -> np.ndarray:
    """Orthogonal matrices of fractions: products of two reflections at small integer vectors."""
    out = np.eye(size, dtype=int).astype(object) * Fraction(1)
    for _ in range(2):
        v = rational([draw(st.integers(-2, 2)) for _ in range(size)])
        square = sum(v * v)
        if square:
            out = out - (out @ v)[:, None] * (v * Fraction(2, square))[None, :]
    return out


_RELATIVE = st.sampled_from(
    [
        Fraction(2),
        Fraction(3),
        Fraction(3, 2),
        Fraction(1),
        Fraction(1, 2),
        Fraction(0),
        Fraction(1, 10**6),
        Fraction(5),
        Fraction(5, 2),
    ]
)
"""s/√(λμ): above, at and below the threshold; repeated, zero and tiny values are likely."""


_FEW = st.sampled_from([1, 2, 2, 3, 3, 4])
"""Fractions are slow: four of anything comes up, but rarely."""


@st.composite
def rational_tasks(
    draw: Callable[..., Any], *, rows: int | None = None, classes: int | None = None
) -> SpectralTask:
    """Labels Y = U diag(s) Vᵀ of fractions with λ = μq²: every root of the water-filling law is
    rational.
    """
    rows = draw(_FEW) if rows is None else rows
    classes = draw(_FEW) if classes is None else classes
    decay = draw(st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(2)]))
    root = draw(st.sampled_from([Fraction(1), Fraction(2), Fraction(1, 2), Fraction(3, 2)]))
    modes = min(rows, classes)
    values = [draw(_RELATIVE) * decay * root for _ in range(modes)] + [Fraction(0)] * (rows - modes)
    right = np.zeros((classes, rows), dtype=object)
    right[:, :modes] = draw(rational_rotations(classes))[:, :modes]
    amplitudes = [
        draw(st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2), Fraction(2)]))
        for _ in range(rows)
    ]
    return SpectralTask(
        draw(rational_rotations(rows)),
        rational(values),
        right,
        rational(decay),
        rational(root),
        rational(amplitudes),
    )


@st.composite
def seeded_tasks(draw: Callable[..., Any], *, largest: int = 16) -> SpectralTask:
    """Gaussian labels' singular vectors, singular values around the threshold, N up to 16."""
    rows, classes = draw(st.integers(1, largest)), draw(st.integers(1, 5))
    source = generator(draw(SEEDS))
    normal = gaussians(source)
    decay, root = draw(st.sampled_from([1.0, 0.1, 3.0])), draw(st.sampled_from([1.0, 0.3, 2.0]))
    modes = min(rows, classes)
    values = torch.zeros(rows, dtype=torch.float64)
    values[:modes] = decay * root * 4 * torch.rand(modes, generator=source, dtype=torch.float64)
    right = torch.zeros(classes, rows, dtype=torch.float64)
    right[:, :modes] = torch.linalg.qr(normal(classes, classes))[0][:, :modes]
    left = torch.linalg.qr(normal(rows, rows))[0]
    return SpectralTask(left, values, right, number(decay), number(root), normal(rows).abs())


def spectral_tasks() -> st.SearchStrategy[SpectralTask]:
    """Rational tasks, and seeded ones."""
    return rational_tasks() | seeded_tasks()


def path_tasks() -> st.SearchStrategy[SpectralTask]:
    """Rational tasks, and a few seeded ones: differentiating along every symmetric direction takes
    N² of them.
    """
    return rational_tasks() | rational_tasks() | rational_tasks() | seeded_tasks(largest=5)


def active_tasks() -> st.SearchStrategy[SpectralTask]:
    """Tasks with at least one active mode, none at the threshold: rational ones, some with all of
    four modes active, and a few seeded ones.
    """
    few = st.one_of(*[_active_rationals() for _ in range(4)])
    return few | _four_active() | _four_active() | active_seeded()


@st.composite
def _four_active(draw: Callable[..., Any]) -> SpectralTask:
    """Four active modes and no other: fifteen subsets. Floats, which ball arithmetic judges sooner
    than fractions of their length.
    """
    normal = gaussians(generator(draw(SEEDS)))
    decay, root = draw(st.sampled_from([1.0, 0.1, 3.0])), draw(st.sampled_from([0.3, 2.0]))
    values = torch.tensor(
        [draw(st.sampled_from([2.0, 3.0, 1.5, 2.5])) for _ in range(4)], dtype=torch.float64
    )
    left, right = (torch.linalg.qr(normal(4, 4))[0] for _ in range(2))
    return SpectralTask(
        left, values * (decay * root), right, number(decay), number(root), normal(4).abs()
    )


@st.composite
def active_seeded(draw: Callable[..., Any], *, largest: int = 4) -> SpectralTask:
    """Seeded tasks with one to three active modes: every subset of them has a kernel of its own."""
    task = draw(seeded_tasks(largest=largest))
    ratio = torch.cat([torch.tensor([1.5, 3.0, 2.5]), torch.full((len(task.values),), 0.4)])[
        : len(task.values)
    ]
    return replace(task, values=torch.where(task.values > 0, task.threshold[0] * ratio, 0.0))


@st.composite
def _active_rationals(draw: Callable[..., Any]) -> SpectralTask:
    task = draw(rational_tasks())
    values = task.values.copy()
    threshold = task.threshold[0]
    values[0] = threshold * draw(st.sampled_from([Fraction(2), Fraction(3), Fraction(3, 2)]))
    off = [v * Fraction(3, 4) if v == threshold else v for v in values]
    return replace(task, values=rational(off))


@st.composite
def threshold_tasks(draw: Callable[..., Any]) -> SpectralTask:
    """A mode exactly at the threshold s = √(λμ) that the claims about strict stability must
    decline.
    """
    task = draw(rational_tasks(rows=draw(st.integers(2, 3)), classes=2))
    values = task.values.copy()
    values[0], values[1] = task.threshold[0], task.threshold[0] * 2
    return replace(task, values=values)


@st.composite
def inactive_tasks(draw: Callable[..., Any]) -> SpectralTask:
    """All modes below the threshold."""
    task = draw(rational_tasks())
    return replace(task, values=rational([v * Fraction(1, 8) for v in task.values]))


def stretched_tasks() -> st.SearchStrategy[SpectralTask]:
    """Labels' modes of length 2: not orthonormal."""
    return _active_rationals().map(
        lambda task: replace(task, left=task.left * 2, amplitudes=task.amplitudes + 1)
    )


# -- kernel regression and Laplacians --------------------------------------------------------------
