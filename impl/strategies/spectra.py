"""Hypothesis strategies for spectra, linear students and Gaussian teachers under powers of the
covariance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from theorems.impl.networks.spec import generator
from theorems.impl.preconditioning.aligned import AlignedTeacher
from theorems.impl.preconditioning.gaussian_teachers import GaussianTeacher, cubature
from theorems.impl.preconditioning.linear_students import (
    InitialisedPair,
    PoweredCovariance,
    reflections,
)
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.sizes import span, turn


def number(value: float) -> Tensor:
    """A float64 scalar."""
    return torch.tensor(float(value), dtype=torch.float64)


def normal(source: torch.Generator, *shape: int) -> Tensor:
    """Standard Gaussian numbers."""
    return torch.randn(shape, generator=source, dtype=torch.float64)


# -- the law of the start --------------------------------------------------------------------------


@st.composite
def matched_pairs(draw: Callable[..., Any], *, other_gram: bool = False) -> InitialisedPair:
    """W(0) ~ N(0, cP), zero included. Whole numbers and X' = XA, A unimodular; or Gaussian X, X'
    its columns permuted.

    Whole pairs are exact in float64; one or two steps. Seeded pairs take up to three.
    """
    if draw(st.booleans()):
        d = draw(span(1, 3, 5))
        rows = draw(st.integers(1, 3)) if turn() is None else d
        inputs, factor = (
            draw(lattices((rows, d), 2)),
            draw(lattices((d, draw(st.integers(1, d))), 1)),
        )
        lower = torch.eye(d, dtype=torch.float64) + torch.tril(draw(lattices((d, d), 1)), -1)
        back = torch.linalg.inv(lower).round()
        scale, rates, targets = (
            draw(st.integers(0, 2)),
            torch.ones(draw(span(1, 2, 4))).double(),
            draw(lattices((rows, 1), 3)),
        )
        root, c = float(scale), float(scale**2)
        twin, twin_factor = inputs @ lower, back @ factor
    else:
        source, rows, d = (
            generator(draw(SEEDS)),
            draw(span(1, 8, 12)),
            draw(span(1, 10, 22, above=20)),
        )
        rate = 0.1 if turn() is None else 2e-4  # larger ones would diverge
        inputs, factor = normal(source, rows, d), normal(source, d, draw(st.integers(1, d)))
        order = torch.randperm(d, generator=source)
        signs = torch.randint(0, 2, (d,), generator=source).double() * 2 - 1
        twin, twin_factor = (inputs * signs)[:, order], (factor * signs[:, None])[order]
        rates, targets = (
            torch.full((draw(span(1, 3, 14, above=13)),), rate).double(),
            normal(source, rows, 1),
        )
        root = draw(st.sampled_from([0.5, 2.0]))
        c = root * root
    if other_gram:
        inputs = inputs.clone()
        inputs[0, 0] += 5 - inputs[0, 0]
        factor = factor.clone()
        factor[0] = 0
        factor[0, 0] = 3
        twin_factor = twin_factor * 0
    return InitialisedPair(
        inputs,
        factor,
        factor * root,
        twin,
        twin_factor,
        twin_factor * root,
        targets,
        rates,
        number(c),
    )


def pairs_with_other_grams() -> st.SearchStrategy[InitialisedPair]:
    """The twin's P' is zero, the first one's is not."""
    return matched_pairs(other_gram=True)


@st.composite
def isotropic_pairs(draw: Callable[..., Any]) -> InitialisedPair:
    """N = d, P = (XᵀX)⁻¹: G_P = I for both, X unimodular, X Xᵀ ≠ X'X'ᵀ, and W(0) ~ N(0, I): exact
    counterexamples.
    """
    d = draw(span(2, 4, 6))

    def triangle(*, unit: bool) -> tuple[Tensor, Tensor]:
        below = torch.tril(draw(lattices((d, d), 1)), -1)
        if unit:
            below[1, 0] = 1.0 + below[1, 0].abs()
        matrix = torch.eye(d, dtype=torch.float64) + below
        return matrix, torch.linalg.inv(matrix).round()

    inputs, factor = torch.eye(d, dtype=torch.float64), torch.eye(d, dtype=torch.float64)
    if draw(st.booleans()):
        inputs, factor = (m.mT for m in triangle(unit=False))
        inputs[1:, 0] = 0
    twin, twin_factor = triangle(unit=True)
    if bool((inputs @ inputs.mT == twin @ twin.mT).all()):
        inputs, factor = torch.eye(d, dtype=torch.float64), torch.eye(d, dtype=torch.float64)
    start = torch.eye(d, dtype=torch.float64)
    rates = torch.full((draw(st.integers(1, 2)),), float(draw(st.sampled_from([2, 3])))).double()
    return InitialisedPair(
        inputs, factor, start, twin, twin_factor, start, draw(lattices((d, 1), 2)), rates, number(1)
    )


# -- powers of the covariance ----------------------------------------------------------------------


@st.composite
def powered_covariances(draw: Callable[..., Any], *, crowded: bool = False) -> PoweredCovariance:
    """Whole logarithms and powers on fractions (N ≤ d ≤ 3), or drawn spectra with N ≤ d ≤ 16; p in
    [−3, 3].
    """
    if draw(st.booleans()):
        d = draw(span(1, 3, 6))
        rows = d + 1 if crowded else draw(st.integers(1, d))
        scores = draw(lattices((rows, d), 2))
        scores[:d, :d] = torch.tril(scores[:d, :d], -1) + torch.eye(
            min(rows, d), d, dtype=torch.float64
        )
        basis = torch.eye(d, dtype=torch.float64)[draw(st.permutations(range(d)))]
        return PoweredCovariance(
            scores, draw(lattices((d,), 2)), basis, number(draw(st.integers(-3, 3)))
        ).exact()
    source, d = generator(draw(SEEDS)), draw(span(1, 16, 24, above=20))
    rows = d + 2 if crowded else draw(st.integers(1, max(1, d // 2)))
    power = draw(st.sampled_from([-3.0, -1.5, -1.0, -0.5, 0.0, 0.3, 1.0, 2.0, 3.0]))
    logs = torch.rand(d, generator=source, dtype=torch.float64) * 3 - 1.5
    return PoweredCovariance(normal(source, rows, d), logs, reflections(d, source), number(power))


def crowded_covariances() -> st.SearchStrategy[PoweredCovariance]:
    """More samples than dimensions."""
    return powered_covariances(crowded=True)


# -- one step --------------------------------------------------------------------------------------


@st.composite
def gaussian_teachers(draw: Callable[..., Any], *, broken: str = "") -> GaussianTeacher:
    """Polynomial teachers of degree 1 … 6: whole spectra in up to three dimensions (exact for p ≥
    0), or drawn ones in up to four.

    Four, since in fewer every `reflections` has its eigenvectors on the axes.
    """
    whole = draw(st.booleans())
    source = generator(draw(SEEDS))
    d, k = (
        draw(st.integers(2 if broken == "moments" else 1, 3 if whole else 4)),
        draw(st.integers(1, 3)),
    )
    rule = 1 if broken == "moments" else draw(st.sampled_from([2, 3]))
    degree = 3 if broken == "moments" else draw(st.integers(1, 2 * rule))
    nodes, masses = cubature(d, rule)
    polynomial = draw(lattices((degree + 1,), 2))
    polynomial[1] = 1 + polynomial[1].abs()
    polynomial[3:4] = polynomial[3:4].abs() + (broken == "moments")
    polynomial[5:6] = polynomial[5:6].abs()
    names = (
        ["relu"]
        if broken == "kink"
        else ["identity", "quadratic", "tanh", "sigmoid", "gelu", "silu"]
    )
    readout = draw(lattices((k,), 2))
    readout[0] = 2
    if whole and broken != "moments":
        logs, basis = (
            draw(lattices((d,), 1)).abs(),
            torch.eye(d, dtype=torch.float64)[draw(st.permutations(range(d)))],
        )
        power, teacher = draw(st.sampled_from([0, 1, 2, -1])), draw(lattices((d, 1), 1))
        teacher[0] = 1
    else:
        logs = torch.rand(d, generator=source, dtype=torch.float64) * 2 - 1
        basis = torch.eye(d, dtype=torch.float64) if broken == "moments" else reflections(d, source)
        power, teacher = draw(st.floats(-3, 3)), normal(source, d, 1)
        if broken == "moments":  # β⁠³ must not be parallel to β
            logs, teacher = logs * 0, torch.arange(1.0, d + 1).double()[:, None]
    start = torch.zeros(k, d, dtype=torch.float64) + (broken == "start")
    return GaussianTeacher(
        nodes, masses, logs, basis, number(power), teacher, polynomial, readout, start, number(1),
        activation=draw(st.sampled_from(names)),
    )  # fmt: skip


def started_teachers() -> st.SearchStrategy[GaussianTeacher]:
    """W(0) is one everywhere."""
    return gaussian_teachers(broken="start")


def kinked_teachers() -> st.SearchStrategy[GaussianTeacher]:
    """A ReLU student, which has no slope at zero."""
    return gaussian_teachers(broken="kink")


def coin_teachers() -> st.SearchStrategy[GaussianTeacher]:
    """A cubic teacher on independent signs: the Gaussian's moments to degree three only."""
    return gaussian_teachers(broken="moments")


# -- alignment -------------------------------------------------------------------------------------


@st.composite
def aligned_teachers(draw: Callable[..., Any], *, mixed: bool = False) -> AlignedTeacher:
    """Whole spectra on fractions (ties, a single eigenvalue, d = 1), or drawn ones in 2 … 200
    dimensions; p in [−3, 3].
    """
    if draw(st.booleans()):
        d = draw(span(2 if mixed else 1, 4, 24))
        logs, power = draw(lattices((d,), 2)), draw(st.integers(-3, 3))
        if mixed:
            logs[:2] = torch.tensor([-1.0, 2.0])
        design = torch.eye(d, dtype=torch.float64)[draw(st.permutations(range(d)))]
        return AlignedTeacher(design, logs, _teacher(draw, d, mixed=mixed), number(power)).exact()
    source = generator(draw(SEEDS))
    d = draw(st.integers(2, 12) | st.sampled_from([50, 200]))
    logs = torch.randn(d, generator=source, dtype=torch.float64).sort(descending=True).values
    power = draw(st.floats(-3, 3))
    return AlignedTeacher(
        reflections(d, source), logs, _teacher(draw, d, mixed=mixed), number(power)
    )


def _teacher(draw: Callable[..., Any], d: int, *, mixed: bool) -> Tensor:
    teacher = torch.zeros(d, 1, dtype=torch.float64)
    if mixed:
        teacher[:2] = 1
        return teacher
    teacher[draw(st.sampled_from([0, d // 2, d - 1]))] = 1
    return teacher


def mixed_teachers() -> st.SearchStrategy[AlignedTeacher]:
    """A teacher on two eigenvectors of different eigenvalues."""
    return aligned_teachers(mixed=True)
