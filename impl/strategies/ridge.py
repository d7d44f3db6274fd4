"""Hypothesis strategies for kernel ridge regression and graph Laplacians; see
`impl.strategies.flows`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from theorems.impl.kernel_flows.spectral import LaplacianTask, Regression
from theorems.impl.networks.spec import generator
from theorems.impl.strategies.flows import gaussians, number, rational, rational_rotations
from theorems.impl.strategies.layers import SEEDS

_SIZES = st.integers(1, 3)
_STRENGTHS = st.sampled_from([1.0, 0.5, 2.0, 3.0])


@st.composite
def regressions(draw: Callable[..., Any]) -> Regression:
    """Fixed designs with a rational spectrum, or Gaussian ones up to 12 samples; zero and repeated
    eigenvalues.
    """
    if draw(st.booleans()):
        rows = draw(st.integers(1, 4))
        level = st.sampled_from(
            [Fraction(1), Fraction(0), Fraction(2), Fraction(1, 3), Fraction(5)]
        )
        vector = [[draw(level) for _ in range(rows)] for _ in range(2)]
        signal = [Fraction(draw(st.integers(-2, 2))) for _ in range(rows)]
        ridge, noise = (
            draw(st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(3)])),
            draw(st.sampled_from([Fraction(1), Fraction(4)])),
        )
        return Regression(
            draw(rational_rotations(rows)),
            rational(vector[0]),
            rational(ridge),
            rational(signal),
            rational(noise),
            rational(vector[1]),
        )
    rows = draw(st.integers(1, 12))
    normal = gaussians(generator(draw(SEEDS)))
    left = torch.linalg.qr(normal(rows, rows))[0]
    return Regression(
        left,
        normal(rows) ** 2,
        number(draw(_STRENGTHS)),
        normal(rows),
        number(draw(_STRENGTHS)),
        normal(rows) ** 2,
    )


@st.composite
def misjudged_noise(draw: Callable[..., Any]) -> Regression:
    """Correlated noise: the same error at every design point, although σ²I is assumed."""
    rows = draw(st.integers(2, 4))
    levels = [Fraction(draw(st.integers(1, 3))) for _ in range(rows)]
    signal = rational([Fraction(draw(st.integers(-2, 2))) for _ in range(rows)])
    covariance = 3 * np.ones((rows, rows), dtype=int).astype(object)
    return Regression(
        draw(rational_rotations(rows)),
        rational(levels),
        rational(Fraction(1)),
        signal,
        rational(Fraction(1)),
        rational(levels),
        covariance,
    )


@st.composite
def rational_laplacians(draw: Callable[..., Any], *, least: int = 1) -> LaplacianTask:
    """Rational spectra on both sides of the cut β/ε − μ, which is positive as a rule, with zero,
    repeated frequencies and some exactly at the cut.
    """
    rows = draw(st.integers(least, 4))
    decay, floor = (
        draw(st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(2)])) for _ in range(2)
    )
    cut = draw(st.sampled_from([Fraction(1), Fraction(2), Fraction(3, 2), Fraction(5), -decay / 2]))
    passing = [Fraction(0), max(cut, Fraction(1)) / 2, max(cut, Fraction(1)) / 3]
    choices = st.sampled_from([*passing, max(cut, Fraction(0)), cut + decay, Fraction(3)])
    values = [draw(choices) for _ in range(rows)]
    if rows > 1 and draw(st.booleans()):
        values[1] = values[0] = draw(st.sampled_from(passing))
    if draw(st.integers(0, 2)) == 0:
        values[-1] = max(cut, Fraction(0))
    drive = floor * (decay + cut)
    return LaplacianTask(
        draw(rational_rotations(rows)),
        rational(values),
        rational(decay),
        rational(drive),
        rational(floor),
    )


def stretched_laplacians() -> st.SearchStrategy[LaplacianTask]:
    """Eigenvectors of length 2: not orthonormal; at least one mode passes."""

    def stretch(task: LaplacianTask) -> LaplacianTask:
        left, low = task.left * 2, task.frequencies * 0
        left[:, -1] = left[:, 0]
        return replace(
            task,
            left=left,
            frequencies=low,
            drive=rational(Fraction(3)),
            decay=rational(Fraction(1)),
            floor=rational(Fraction(1)),
        )

    return rational_laplacians(least=2).map(stretch)


def laplacians() -> st.SearchStrategy[LaplacianTask]:
    """Rational spectra, and Laplacians of Gaussian similarity graphs."""
    return rational_laplacians() | graph_laplacians()


@st.composite
def graph_laplacians(draw: Callable[..., Any]) -> LaplacianTask:
    """The Laplacian of a Gaussian similarity graph of up to 12 nodes, or of two copies of one, all
    of whose frequencies are double.

    In two of three draws some frequencies pass, but not all.
    """
    twice = draw(st.booleans())
    rows = draw(st.integers(1, 6 if twice else 12))
    normal = gaussians(generator(draw(SEEDS)))
    places = normal(rows, 2)
    weights = torch.exp(-((places[:, None] - places[None]) ** 2).sum(-1))
    values, left = torch.linalg.eigh(torch.diag(weights.sum(1)) - weights)
    if twice:
        values, left = values.repeat(2), torch.block_diag(left, left)
    decay, drive, floor = (draw(_STRENGTHS) for _ in range(3))
    share = draw(st.sampled_from([0.3, 0.7, None]))
    if share is not None:  # the cut β/ε − μ between two frequencies, if there are two
        between = torch.quantile(values, share, interpolation="midpoint")
        drive = floor * (decay + float(between) + 0.1)
    return LaplacianTask(left, values.clamp(min=0), number(decay), number(drive), number(floor))
