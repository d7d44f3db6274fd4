"""Generic linear students, powered covariances, Gaussian teachers, and the setting of the spike's
moments.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from theorems.impl.function_space.spike_moments import SpikeSetting
from theorems.impl.generic.source import Source
from theorems.impl.numbers.inverses import inverse
from theorems.impl.numbers.operands import reciprocal, to_exact
from theorems.impl.preconditioning.aligned import AlignedTeacher
from theorems.impl.preconditioning.gaussian_teachers import GaussianTeacher, cubature
from theorems.impl.preconditioning.linear_students import (
    InitialisedPair,
    LinearStudent,
    PoweredCovariance,
)

_SPIKES = ((2, 1, 2), (1, 2, 2), (2, 2, 1), (2, 2, 2), (1, 3, 2), (1, 1, 3), (3, 1, 1), (2, 3, 1))
"""Dimension, degree and samples of each shape: as large as all batches can be enumerated at
once.
"""


def linear_student(source: Source, *, patient: bool = False) -> LinearStudent:
    """R = BBᵀ, all else drawn, one to three steps; or X = U diag(a) R⁻¹ and rates n/a_j², at which
    descent ends after d steps.

    If ``patient`` always the latter, with more samples than dimensions, and any start on some
    shapes.
    """
    start = None
    if patient or source.shape % 2:
        d = source.size(1, 2)
        rows = d + source.size(1 if patient else 0, 1)
        start = source.entries(1, d) if patient and source.shape % 2 else None
        root, sizes = source.entries(d, d), source.positive(d)
        factor = root @ root.mT
        inputs = (source.orthogonal(rows)[:, :d] * sizes) @ inverse(factor)
        rates = reciprocal(sizes * sizes) * rows
    else:
        rows, d = source.size(1, 3), source.size(1, 3)
        inputs, root, rates = (
            source.entries(rows, d),
            source.entries(d, d),
            source.positive(source.size(1, 3)),
        )
        factor = root @ root.mT
    return LinearStudent(
        inputs, source.entries(d, d), factor, source.entries(d, 1), source.positive(), rates, start
    )


def matched_pair(source: Source, *, square: bool = True) -> InitialisedPair:
    """X = X'M and R' = MR; starts matched to the preconditioner: cP, c a square; one rate. M is
    square or has a row more.
    """
    rows, d, rank = source.size(2, 3), source.size(2, 3), source.size(1, 2)
    twin_d = d if square else d + 1
    twin, change, factor = (
        source.entries(rows, twin_d),
        source.entries(twin_d, d),
        source.entries(d, rank),
    )
    root = source.positive()
    twin_factor = change @ factor
    return InitialisedPair(
        twin @ change,
        factor,
        factor * root,
        twin,
        twin_factor,
        twin_factor * root,
        source.entries(rows, 1),
        _constant(source),
        np.array(root * root, dtype=object),
    )


def isotropic_pair(source: Source) -> InitialisedPair:
    """X with ones on the diagonal and zeros below, X' with zeros above, R = X⁻¹ and R' = X'⁻¹: both
    Gram matrices are I; W(0) ~ N(0, I).
    """
    d = source.size(2, 3)
    start = np.eye(d, dtype=int).astype(object)
    inputs, twin = (
        np.triu(source.entries(d, d), 1) + start,
        np.tril(source.entries(d, d), -1) + start,
    )
    return InitialisedPair(
        inputs, inverse(inputs), start, twin, inverse(twin), start, source.entries(d, 1),
        _constant(source), np.array(1, dtype=object),
    )  # fmt: skip


def _constant(source: Source) -> np.ndarray:
    """One rate for one step or two."""
    return np.stack([source.positive()] * source.size(1, 2))


def powered_covariance(source: Source) -> PoweredCovariance:
    """Scores and basis drawn; the spectrum 2^{2b} and the power are whole numbers of the shape. N ≤
    d.
    """
    d = source.size(2, 3)
    return PoweredCovariance(
        source.entries(source.size(1, d), d),
        source.whole(-2, 2, d),
        source.orthogonal(d),
        source.whole(-3, 3),
    )


def gaussian_teacher(source: Source, *, any_rate: bool = False) -> GaussianTeacher:
    """β, h with rising odd parts, the readout, the basis and perhaps the rate drawn; the population
    a cubature, spectrum and power of the shape.
    """
    d, rule, width = source.size(1, 2), source.size(1, 3), source.size(2, 3)
    nodes, masses = cubature(d, rule)
    logs, polynomial, readout = (
        source.whole(-1, 2, d),
        source.entries(rule + 1),
        source.entries(width),
    )
    polynomial[1::2], readout[:1] = source.positive(len(polynomial[1::2])), source.positive(1)
    return GaussianTeacher(
        nodes=to_exact(nodes),
        masses=to_exact(masses),
        root_logs=logs,
        basis=source.orthogonal(d),
        power=source.whole(-2, 2),
        teacher=source.entries(d, 1),
        polynomial=polynomial,
        readout=readout,
        start=np.zeros((width, d), dtype=object),
        rate=source.positive() if any_rate else np.array(1, dtype=object),
        activation=source.choice(("identity", "quadratic")),
    )


def aligned_teacher(source: Source) -> AlignedTeacher:
    """The design drawn, orthogonal; the spectrum, the power and the teacher's eigenvector belong to
    the shape.

    On some shapes eigenvalues may be equal.
    """
    d = source.size(2, 3)
    place = source.size(0, d - 1)
    teacher = np.array([[int(i == place)] for i in range(d)], dtype=object)
    logs = (
        source.whole(-2, 2, d)
        if source.shape % 3 == 2
        else np.array(source.order(5)[:d], dtype=object)
    )
    return AlignedTeacher(source.orthogonal(d), logs, teacher, source.whole(-1, 1))


def spike_setting(source: Source) -> SpikeSetting:
    """w* on the sphere by Cayley's transform; g, noise, rate and c₁ drawn; all batches of n
    samples: (d, deg g, n) of the shape.

    Among them is (2, 2, 2): curvature of the teacher, pairs of samples and a direction across w* at
    once.
    """
    d, degree, samples = _SPIKES[source.shape % len(_SPIKES)]
    noise, rate, slope = source.positive(3) * Fraction(1)
    return SpikeSetting(
        direction=source.orthogonal(d)[0],
        coefficients=source.entries(degree + 1) * Fraction(1),
        noise=noise,
        samples=samples,
        width=source.size(1, 4),
        rate=rate,
        slope=slope,
    )
