"""Hypothesis strategies for linear students under preconditioned descent: in fractions, and drawn
ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from theorems.impl.networks.spec import generator
from theorems.impl.numbers.operands import to_exact
from theorems.impl.preconditioning.linear_students import LinearStudent, reflections
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.sizes import branches, span, turn
from theorems.impl.strategies.spectra import normal, number


@st.composite
def _whole_students(draw: Callable[..., Any]) -> LinearStudent:
    """Whole numbers as fractions: any X (rank-deficient, zero, n < d), rates 1/2^k that change,
    also too large ones; up to 12 steps.
    """
    n, d = draw(span(1, 4, 6)), draw(span(1, 3, 5))
    factor = torch.eye(d, dtype=torch.float64) * draw(st.integers(1, 2)) + torch.tril(
        draw(lattices((d, d), 1)), -1
    )
    few, many = (1, 12) if turn() is None else (13, 16)
    rates = torch.tensor(
        draw(st.lists(st.sampled_from([1.0, 0.5, 0.125]), min_size=few, max_size=many))
    ).double()
    return LinearStudent(
        draw(lattices((n, d), 2)), draw(lattices((d, d), 1)), factor, draw(lattices((d, 1), 2)),
        number(draw(st.integers(0, 2))), rates,
    ).exact()  # fmt: skip


@st.composite
def _seeded_students(draw: Callable[..., Any]) -> LinearStudent:
    """Gaussian designs of a drawn spectrum, n and d up to 24, P = Σ^p with p in [−3, 3], η up to
    ¾/‖S‖; up to 12 steps.
    """
    source, n = generator(draw(SEEDS)), draw(span(1, 24, 32))
    d = (
        draw(st.integers(1, 6) | st.integers(7, 24))
        if turn() is None
        else draw(st.integers(25, 28))
    )
    return _student(
        source, n, d, power=draw(st.floats(-3, 3)), steps=draw(span(1, 12, 20)), spread=2.0
    )


def _student(
    source: torch.Generator, n: int, d: int, *, power: float, steps: int, spread: float
) -> LinearStudent:
    basis = reflections(d, source)
    eigenvalues = torch.exp2(spread * (torch.rand(d, generator=source, dtype=torch.float64) - 0.5))
    inputs = normal(source, n, d) @ (basis * eigenvalues.sqrt()).mT
    factor = (basis * eigenvalues ** (power / 2)) @ basis.mT
    rate = 0.75 / float(torch.linalg.matrix_norm(inputs @ factor, 2) ** 2 / n)
    return LinearStudent(
        inputs, (basis * eigenvalues.sqrt()) @ basis.mT, factor, normal(source, d, 1),
        torch.rand((), generator=source, dtype=torch.float64) + 0.1,
        rate * (1 + torch.rand(steps, generator=source, dtype=torch.float64)) / 2,
    )  # fmt: skip


def students() -> st.SearchStrategy[LinearStudent]:
    """Linear students in exact arithmetic, and seeded ones."""
    return branches(_whole_students(), _seeded_students())


def started_students() -> st.SearchStrategy[LinearStudent]:
    """Students that start from one everywhere and take a step that is too small to forget it."""

    def move(s: LinearStudent) -> LinearStudent:
        root = torch.eye(s.inputs.shape[1], dtype=torch.float64)
        return dataclasses.replace(
            s, start=torch.ones_like(s.inputs[:1]), covariance_root=root, teacher=s.teacher * 0
        )

    return _seeded_students().map(move)


@st.composite
def _finished_students(draw: Callable[..., Any]) -> LinearStudent:
    """Orthogonal columns of whole numbers, P diagonal, rates 1/s_j: the filter is exactly zero
    after d steps.
    """
    d = draw(span(1, 3, 6))
    inputs = np.full((d + draw(st.integers(0, 2)) + 1, d), 0, dtype=object)
    for j in range(d):
        inputs[j, j] = draw(st.sampled_from([1, 2, 3]))
    if draw(st.booleans()):
        inputs[d, 0] = 1
    factor = [draw(st.sampled_from([1, 2, Fraction(1, 2), 3])) for _ in range(d)]
    n = len(inputs)
    sizes = [sum(v * v for v in inputs[:, j]) * factor[j] ** 2 for j in range(d)]
    diagonal = np.full((d, d), 0, dtype=object)
    diagonal[range(d), range(d)] = factor
    rates = np.array([Fraction(n) / size for size in sizes], dtype=object)
    return LinearStudent(
        inputs, to_exact(draw(lattices((d, d), 1))), diagonal, to_exact(draw(lattices((d, 1), 2))),
        np.array(draw(st.integers(0, 2)), dtype=object), rates, to_exact(draw(lattices((1, d), 2))),
    )  # fmt: skip


@st.composite
def _patient(draw: Callable[..., Any], *, steps: int = 48) -> LinearStudent:
    """N > d, a nearly isotropic design, any Σ, p in [−3, 2], 48 steps of constant rate: r(S) falls
    below 2⁻⁵³.
    """
    source, d = generator(draw(SEEDS)), draw(st.integers(1, 5))
    n, power = (
        d + draw(st.integers(1, 6)),
        draw(st.sampled_from([-3.0, -2.0, -1.0, -0.5, 0.0, 1.0, 2.0])),
    )
    student = _student(source, n, d, power=power, steps=steps, spread=0.4)
    columns = torch.linalg.qr(normal(source, n, d))[0] * n**0.5
    inputs = columns @ student.covariance_root
    size = float(torch.linalg.matrix_norm(inputs @ student.factor, 2) ** 2 / n)
    rates = torch.full((steps,), 1.25 / size).double()
    root, start = normal(source, d, d), normal(source, 1, d) if draw(st.booleans()) else None
    return dataclasses.replace(
        student, inputs=inputs, covariance_root=root, rates=rates, start=start
    )


def patient_students() -> st.SearchStrategy[LinearStudent]:
    """Students that are trained to the end."""
    return _finished_students() | _patient()


def impatient_students() -> st.SearchStrategy[LinearStudent]:
    """Two steps of forty-eight."""
    return _patient(steps=2)


@st.composite
def poor_students(draw: Callable[..., Any]) -> LinearStudent:
    """Fewer samples than dimensions."""
    source, d = generator(draw(SEEDS)), draw(st.integers(2, 5))
    return _student(
        source, draw(st.integers(1, d - 1)), d, power=draw(st.floats(-2, 2)), steps=4, spread=2.0
    )
