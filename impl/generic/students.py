"""Generic linear students, powered covariances, Gaussian teachers, and the setting of the spike's moments."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from impl.aligned import AlignedTeacher
from impl.gaussian_teachers import GaussianTeacher, cubature
from impl.generic.source import Source
from impl.inverses import inverse
from impl.linear_students import InitialisedPair, LinearStudent, PoweredCovariance
from impl.operands import reciprocal, to_exact
from impl.spike_moments import SpikeSetting


def linear_student(source: Source) -> LinearStudent:
    """Everything drawn, one to three steps; or X = U diag(a) R⁻¹ and rates n/a_j², at which descent ends after d steps."""
    if source.shape % 2:
        d = source.size(1, 2)
        rows = d + source.size(0, 1)
        factor, sizes = source.entries(d, d), source.positive(d)
        inputs = (source.orthogonal(rows)[:, :d] * sizes) @ inverse(factor)
        rates = reciprocal(sizes * sizes) * rows
    else:
        rows, d = source.size(1, 3), source.size(1, 3)
        inputs, factor, rates = source.entries(rows, d), source.entries(d, d), source.positive(source.size(1, 3))
    return LinearStudent(inputs, source.entries(d, d), factor, source.entries(d, 1), source.positive(), rates)


def initialised_pair(source: Source) -> InitialisedPair:
    """X = X'M and R' = MR; starts matched to the preconditioner (cP, c a square), on odd shapes any."""
    rows, d, twin_d, rank = source.size(2, 3), source.size(2, 3), source.size(2, 3), source.size(1, 2)
    twin, change, factor = source.entries(rows, twin_d), source.entries(twin_d, d), source.entries(d, rank)
    root = source.positive()
    twin_factor = change @ factor
    starts = (factor * root, twin_factor * root)
    if source.shape % 2:
        starts = (source.entries(d, rank), source.entries(twin_d, rank))
    return InitialisedPair(
        twin @ change, factor, starts[0], twin, twin_factor, starts[1], source.entries(rows, 1),
        source.positive(source.size(1, 2)), np.array(root * root, dtype=object),
    )  # fmt: skip


def powered_covariance(source: Source) -> PoweredCovariance:
    """Scores and basis drawn; the spectrum 2^{2b} and the power are whole numbers of the shape. N ≤ d."""
    d = source.size(2, 3)
    return PoweredCovariance(
        source.entries(source.size(1, d), d), source.whole(-2, 2, d), source.orthogonal(d), source.whole(-3, 3)
    )


def gaussian_teacher(source: Source) -> GaussianTeacher:
    """β, h, the readout, the rate and the basis drawn; the population a cubature, spectrum and power of the shape."""
    d, rule, width = source.size(1, 2), source.size(1, 3), source.size(2, 3)
    nodes, masses = cubature(d, rule)
    logs = source.whole(-1, 2, d)
    return GaussianTeacher(
        nodes=to_exact(nodes), masses=to_exact(masses), root_logs=logs, basis=source.orthogonal(d),
        power=source.whole(-2, 2), teacher=source.entries(d, 1), polynomial=source.entries(rule + 1),
        readout=source.entries(width), start=np.zeros((width, d), dtype=object), rate=source.positive(),
        activation=source.choice(("identity", "quadratic")),
    )  # fmt: skip


def aligned_teacher(source: Source) -> AlignedTeacher:
    """The design drawn, orthonormal; the spectrum, the power and the teacher's eigenvector belong to the shape."""
    d = source.size(2, 3)
    rows = d + source.size(0, 1)
    place = source.size(0, d - 1)
    teacher = np.array([[int(i == place)] for i in range(d)], dtype=object)
    logs = np.array(source.order(5)[:d], dtype=object)
    return AlignedTeacher(source.orthogonal(rows)[:, :d], logs, teacher, source.whole(-1, 1))


def spike_setting(source: Source) -> SpikeSetting:
    """w* on the sphere by Cayley's transform; g of degree 0 … 2, noise, rate and c₁ drawn; all batches of 1 or 2 samples."""
    d, degree = source.size(1, 2), source.size(1, 2)
    noise, rate, slope = source.positive(3) * Fraction(1)
    return SpikeSetting(
        direction=source.orthogonal(d)[0], coefficients=source.entries(degree + 1) * Fraction(1), noise=noise,
        samples=1 if d * degree == 4 or source.shape % 3 == 1 else 2, width=source.size(1, 4), rate=rate, slope=slope,
    )  # fmt: skip
