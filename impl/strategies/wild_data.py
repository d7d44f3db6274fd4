"""Hypothesis strategies for wild instances of data alone, and of measurements on them; see
`impl.strategies.wild`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import torch
from hypothesis import strategies as st
from torch import Tensor

from theorems.impl.feature_learning.collapse import LabelledFeatures
from theorems.impl.feature_learning.decoders import Decoder
from theorems.impl.feature_learning.features import FeatureSet
from theorems.impl.feature_learning.linear_networks import LinearNetwork, linear_network
from theorems.impl.feature_learning.readouts import ReadoutEnsemble, all_signs, readout_ensemble
from theorems.impl.feature_learning.whitening import (
    WeightMotion,
    WeightStep,
    weight_motion,
    weight_step,
)
from theorems.impl.instances.instance import Instance
from theorems.impl.kernel_flows.flows import CoupledPoint, KernelPoint, coupled_point
from theorems.impl.kernel_flows.objectives import LOSSES
from theorems.impl.kernel_flows.spectral import LaplacianTask, Regression, SpectralTask
from theorems.impl.preconditioning.aligned import AlignedTeacher
from theorems.impl.preconditioning.gaussian_teachers import GaussianTeacher
from theorems.impl.preconditioning.linear_students import (
    InitialisedPair,
    LinearStudent,
    PoweredCovariance,
    reflections,
)
from theorems.impl.strategies import (
    alignment,
    spectra,
)
from theorems.impl.strategies.trained import suited_labels
from theorems.impl.strategies.wild import Numbers, Refusal, refusing


def _scalar(value: float) -> Tensor:
    return torch.tensor(float(value), dtype=torch.float64)


def _sizes(draw: Callable[..., Any], count: int, most: int = 8) -> list[int]:
    return [draw(st.integers(1, most)) for _ in range(count)]


def _frame(numbers: Numbers, size: int) -> Tensor:
    return torch.linalg.qr(numbers.normal(size, size))[0]


def _positive(numbers: Numbers, size: int) -> Tensor:
    return numbers.matrix(1, size)[0].double().abs()


@st.composite
@refusing
def kernel_points(draw: Callable[..., Any], kind: str, dtype: torch.dtype) -> KernelPoint | Refusal:
    """Wild features, labels, ridge and decay."""
    numbers, (n, p, c) = Numbers(draw, kind, dtype), _sizes(draw, 3, 6)
    lag = torch.zeros(c, p, dtype=dtype)
    return KernelPoint(
        numbers.matrix(n, p),
        numbers.matrix(n, p),
        numbers.matrix(n, c),
        _scalar(numbers.strength()),
        _scalar(numbers.strength()),
        lag,
    )


@st.composite
@refusing
def coupled_points(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> CoupledPoint | Refusal:
    """Wild features and readouts under the four losses, equal decays."""
    numbers, (n, p, c) = Numbers(draw, kind, torch.float64), _sizes(draw, 3, 6)
    loss, strength = draw(st.sampled_from(sorted(LOSSES))), numbers.strength()
    targets = (
        numbers.matrix(n, c)
        if loss in ("squared", "huber")
        else suited_labels(loss, n, c, numbers.source)
    )
    features, readout = (
        numbers.matrix(n, p).to(dtype).double(),
        numbers.matrix(c, p).to(dtype).double(),
    )
    return coupled_point(features, readout, targets, ridge=strength, decay=strength, loss=loss)


@st.composite
@refusing
def spectral_tasks(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> SpectralTask | Refusal:
    """Wild singular values, decays and roots on Gaussian frames."""
    numbers, (n, c) = Numbers(draw, kind, dtype), _sizes(draw, 2)
    modes = min(n, c)
    values, right = torch.zeros(n, dtype=torch.float64), torch.zeros(c, n, dtype=torch.float64)
    values[:modes], right[:, :modes] = _positive(numbers, modes), _frame(numbers, c)[:, :modes]
    decay, root = numbers.strength(), numbers.strength()
    if draw(st.booleans()):  # singular values around the threshold, whatever its size
        values[:modes] = (
            decay * root * 4 * torch.rand(modes, generator=numbers.source, dtype=torch.float64)
        )
    return SpectralTask(
        _frame(numbers, n), values, right, _scalar(decay), _scalar(root), _positive(numbers, n)
    )


@st.composite
@refusing
def regressions(draw: Callable[..., Any], kind: str, dtype: torch.dtype) -> Regression | Refusal:
    """Wild spectra, signals, ridges and noises."""
    numbers, (n,) = Numbers(draw, kind, dtype), _sizes(draw, 1)
    return Regression(
        _frame(numbers, n),
        _positive(numbers, n),
        _scalar(numbers.strength()),
        numbers.matrix(1, n)[0].double(),
        _scalar(numbers.strength()),
        _positive(numbers, n),
    )


@st.composite
@refusing
def laplacians(draw: Callable[..., Any], kind: str, dtype: torch.dtype) -> LaplacianTask | Refusal:
    """Wild frequencies and strengths."""
    numbers, (n,) = Numbers(draw, kind, dtype), _sizes(draw, 1)
    return LaplacianTask(
        _frame(numbers, n), _positive(numbers, n), *(_scalar(numbers.strength()) for _ in range(3))
    )


@st.composite
@refusing
def feature_sets(draw: Callable[..., Any], kind: str, dtype: torch.dtype) -> FeatureSet | Refusal:
    """Wild features, targets and maps."""
    numbers, rows, (d, c) = Numbers(draw, kind, dtype), draw(st.integers(2, 16)), _sizes(draw, 2)
    return FeatureSet(
        numbers.matrix(rows, d),
        numbers.matrix(rows, c),
        numbers.matrix(d, d),
        numbers.matrix(d, max(1, d // 2)),
        numbers.matrix(d, c),
        torch.tensor(draw(st.sampled_from([1.0, 0.25, 1.75])), dtype=dtype),
    )


@st.composite
@refusing
def linear_students(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> LinearStudent | Refusal:
    """Wild designs, covariances, preconditioners and teachers; rates that suit S, or do not."""
    numbers, n, (d,) = Numbers(draw, kind, dtype), draw(st.integers(1, 8)), _sizes(draw, 1, 5)
    inputs, factor, root = (
        numbers.matrix(n, d).double(),
        numbers.matrix(d, d).double(),
        numbers.matrix(d, d).double(),
    )
    largest = float(torch.linalg.matrix_norm(inputs @ factor, 2) ** 2 / n) or 1.0
    rate = (
        draw(st.sampled_from([0.75, 1.25])) / largest
        if draw(st.integers(0, 3))
        else numbers.strength()
    )
    rates = torch.full((draw(st.sampled_from([1, 3, 8, 48])),), rate, dtype=torch.float64)
    return LinearStudent(
        inputs, root, factor, numbers.matrix(d, 1).double(), _scalar(numbers.strength()), rates
    )


Made = TypeVar("Made", bound=Instance)


def _in_floats(instance: Made) -> Made:
    """An exact instance in float64; one in float64 as it is."""
    return instance.map(lambda v: v if isinstance(v, Tensor) else torch.as_tensor(v.astype(float)))


@st.composite
@refusing
def initialised_pairs(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> InitialisedPair | Refusal:
    """Drawn pairs with both data sets and the targets multiplied by powers of two, so that the Gram
    matrices stay equal.
    """
    numbers, pair = Numbers(draw, kind, dtype), _in_floats(draw(spectra.matched_pairs()))
    size = _power_of_two(numbers.size())
    return replace(
        pair,
        inputs=pair.inputs * size,
        twin_inputs=pair.twin_inputs * size,
        targets=pair.targets * _power_of_two(numbers.size()),
    )


def _power_of_two(value: float) -> float:
    return float(2.0 ** round(torch.log2(_scalar(value)).item()))


@st.composite
@refusing
def powered_covariances(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> PoweredCovariance | Refusal:
    """Spectra over up to forty powers of ten, wild scores."""
    numbers, (d,) = Numbers(draw, kind, dtype), _sizes(draw, 1)
    reach = draw(st.sampled_from([1, 10, 40])) if kind != "tame" else 1
    logs = (torch.rand(d, generator=numbers.source, dtype=torch.float64) * 2 - 1) * reach
    n = draw(st.integers(1, max(1, d // 2)))
    return PoweredCovariance(
        numbers.matrix(n, d).double(),
        logs,
        reflections(d, numbers.source),
        _scalar(draw(st.floats(-3, 3))),
    )


@st.composite
@refusing
def gaussian_teachers(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> GaussianTeacher | Refusal:
    """Drawn teachers with wild polynomials, readouts and rates."""
    numbers, teacher = Numbers(draw, kind, dtype), draw(spectra.gaussian_teachers())
    return replace(
        teacher,
        polynomial=teacher.polynomial * numbers.size(),
        readout=teacher.readout * numbers.size(),
        rate=teacher.rate * numbers.size(),
        root_logs=teacher.root_logs * draw(st.sampled_from([1, 1, 10])),
    )


@st.composite
@refusing
def aligned_teachers(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> AlignedTeacher | Refusal:
    """Spectra over up to forty powers of ten, ties included."""
    numbers, d = Numbers(draw, kind, dtype), draw(st.integers(3, 12))
    reach = draw(st.sampled_from([1, 10, 60])) if kind != "tame" else 1
    logs = (
        ((torch.rand(d, generator=numbers.source, dtype=torch.float64) * 2 - 1) * reach)
        .to(dtype)
        .double()
    )
    logs[1] = logs[0]
    teacher = torch.zeros(d, 1, dtype=torch.float64)
    teacher[draw(st.sampled_from([0, d // 2, d - 1]))] = 1
    return AlignedTeacher(
        reflections(d, numbers.source), logs, teacher, _scalar(draw(st.floats(-3, 3)))
    )


@st.composite
@refusing
def weight_steps(draw: Callable[..., Any], kind: str, dtype: torch.dtype) -> WeightStep | Refusal:
    """Wild weights before and after."""
    numbers, (rows, columns) = Numbers(draw, kind, dtype), _sizes(draw, 2)
    before = numbers.matrix(rows, columns)
    after = (
        before + draw(st.sampled_from([0.1, 1.0])) * numbers.matrix(rows, columns)
        if draw(st.booleans())
        else numbers.matrix(rows, columns)
    )
    return weight_step(before, after, seed=numbers.seed)


@st.composite
@refusing
def weight_motions(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> WeightMotion | Refusal:
    """Wild weights and velocities."""
    numbers, (rows, columns) = Numbers(draw, kind, dtype), _sizes(draw, 2)
    return weight_motion(
        numbers.matrix(rows, columns).double(), numbers.matrix(rows, columns).double()
    )


@st.composite
@refusing
def ensembles(draw: Callable[..., Any], kind: str, dtype: torch.dtype) -> ReadoutEnsemble | Refusal:
    """Wild features, weights, targets and rates behind all signs."""
    numbers, (n, d) = Numbers(draw, kind, dtype), _sizes(draw, 2, 4)
    classes, width = draw(st.sampled_from([(1, 1), (2, 1), (1, 3), (2, 2)]))
    data = [numbers.matrix(*shape).double() for shape in ((n, d), (width, d), (n, classes))]
    h, w, y = data
    return readout_ensemble(
        h, w, y, all_signs(classes, width), variance=_scalar(1), rate=_scalar(numbers.strength())
    )


@st.composite
@refusing
def labelled_features(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> LabelledFeatures | Refusal:
    """Batches collapsed on wild means."""
    numbers, classes = Numbers(draw, kind, dtype), draw(st.integers(2, 8))
    labels = torch.eye(classes, dtype=torch.float64).repeat_interleave(
        torch.randint(1, 6, (classes,), generator=numbers.source), 0
    )
    return LabelledFeatures(labels @ numbers.matrix(classes, classes).double(), labels)


@st.composite
@refusing
def decoders(draw: Callable[..., Any], kind: str, dtype: torch.dtype) -> Decoder | Refusal:
    """Drawn decoders with last layers (and the points with them) multiplied by a power of two."""
    numbers, decoder = Numbers(draw, kind, dtype), _in_floats(draw(alignment.affine_decoders()))
    size = _power_of_two(numbers.size())
    return replace(
        decoder,
        points=decoder.points * size,
        weights=(*decoder.weights[:-1], decoder.weights[-1] * size),
        biases=(*decoder.biases[:-1], decoder.biases[-1] * size),
    )


@st.composite
@refusing
def linear_networks(
    draw: Callable[..., Any], kind: str, dtype: torch.dtype
) -> LinearNetwork | Refusal:
    """Deep linear networks of wild weights, inputs and targets; their velocities measured by
    autograd.
    """
    numbers, rows = Numbers(draw, kind, dtype), draw(st.integers(1, 6))
    widths = [draw(st.integers(1, 6)) for _ in range(draw(st.integers(2, 4)) + 1)]
    weights = [numbers.matrix(b, a) for a, b in itertools.pairwise(widths)]
    return linear_network(
        weights, numbers.matrix(rows, widths[0]), numbers.matrix(rows, widths[-1])
    )
