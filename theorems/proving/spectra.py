"""Symbolic instances given by their spectra: modes of labels, kernel regressions."""

from __future__ import annotations

from theorems.impl.kernel_flows.spectral import Regression, SpectralTask
from theorems.impl.symbolic.source import SymbolicSource


def spectral_task(source: SymbolicSource) -> SpectralTask:
    """Any modes: U orthogonal, V orthonormal where s is not zero, any λ = μq² with μ and q above
    zero.
    """
    size, classes = source.size(1, 3), source.size(1, 3)
    values, right = source.modes(size, classes)
    return SpectralTask(
        source.orthogonal(size),
        values,
        right,
        source.positive(),
        source.positive(),
        source.entries(size),
    )


def regression(source: SymbolicSource) -> Regression:
    """Any spectrum k and basis, ridge, signal and noise of covariance σ²I."""
    size = source.size(1, 3)
    return Regression(
        source.orthogonal(size),
        source.entries(size),
        source.positive(),
        source.entries(size),
        source.positive(),
        source.entries(size),
    )
