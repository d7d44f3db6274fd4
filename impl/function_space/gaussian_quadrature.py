"""Gauss quadrature for the laws that Gaussian inputs bring: normal, chi-squared, a coordinate on
the sphere.

All by Golub and Welsch from the recurrence coefficients, with weights normalised to probability:
nothing overflows at any dimension.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from flint import arb, ctx
from torch import Tensor

Nodes = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


_DENSE = 128
"""Nodes up to which a dense solver is quicker than the import of scipy's."""


def _golub_welsch(diagonal: npt.NDArray[np.float64], off: npt.NDArray[np.float64]) -> Nodes:
    if len(diagonal) <= _DENSE:
        # the lower half is what is read
        nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, -1))
        return nodes, vectors[0] ** 2
    from scipy.linalg import eigh_tridiagonal

    nodes, vectors = eigh_tridiagonal(diagonal, off)
    return nodes, vectors[0] ** 2


@lru_cache(maxsize=64)
def normal(count: int) -> Nodes:
    """Nodes and weights of N(0, 1), exact for polynomials of degree below 2·count."""
    nodes, weights = _golub_welsch(np.zeros(count), np.sqrt(np.arange(1.0, count)))
    return (nodes - nodes[::-1]) / 2, (weights + weights[::-1]) / 2


_FAR = 9.5
"""Standard deviations up to which `split_normal` integrates; 2e-21 of the mass lies beyond."""


@lru_cache(maxsize=64)
def split_normal(count: int) -> Nodes:
    """Nodes and weights of N(0, 1) for functions that are analytic on each side of zero: Gauss and
    Legendre on both halves.
    """
    half, weights = np.polynomial.legendre.leggauss(count // 2)
    z = (half + 1) * _FAR / 2
    weights = weights * np.exp(-(z**2) / 2)
    return np.concatenate([-z[::-1], z]), np.concatenate([weights[::-1], weights]) / (
        2 * weights.sum()
    )


@lru_cache(maxsize=64)
def chi_squared(count: int, degrees: int) -> Nodes:
    """Nodes and weights of χ² with ``degrees`` degrees of freedom; a point mass at zero for
    none.
    """
    if degrees == 0:
        return np.zeros(1), np.ones(1)
    k = np.arange(float(count))
    shape = degrees / 2
    nodes, weights = _golub_welsch(2 * k + shape, np.sqrt(k[1:] * (k[1:] + shape - 1)))
    return 2 * nodes, weights


@lru_cache(maxsize=64)
def sphere_coordinate(count: int, dimension: int) -> Nodes:
    """Nodes and weights of one coordinate of a uniform point on the unit sphere in ``dimension`` >=
    2 dimensions.
    """
    nodes, weights = _golub_welsch(np.zeros(count), zonal_recurrence(count, dimension)[1:])
    return (nodes - nodes[::-1]) / 2, (weights + weights[::-1]) / 2


@lru_cache(maxsize=64)
def mean_coordinate(dimension: int) -> float:
    """E |t| = Γ(d/2)/(√π Γ((d+1)/2)) of one coordinate of a uniform point on the unit sphere,
    rounded once: lgamma loses digits as d grows.
    """
    with ctx.workprec(128):
        d = arb(dimension)
        return float(((d / 2).lgamma() - ((d + 1) / 2).lgamma()).exp() / arb.pi().sqrt())


def zonal_recurrence(count: int, dimension: int) -> npt.NDArray[np.float64]:
    """b_0 = 0, b_1, … of t φ_k = b_{k+1} φ_{k+1} + b_k φ_{k−1}, φ orthonormal under the law of a
    sphere's coordinate.
    """
    k = np.arange(2.0, count)
    first = np.array([0.0, 1 / dimension])[:count]
    return (
        np.concatenate(
            [first, k * (k + dimension - 3) / ((2 * k + dimension - 2) * (2 * k + dimension - 4))]
        )
        ** 0.5
    )


def expectation(function: Callable[[Tensor], Tensor], count: int = 128) -> float:
    """E f(z), z ~ N(0, 1), of a function that is analytic near the real line; its error falls as
    exp(−c√count).
    """
    nodes, weights = normal(count)
    return float(function(torch.as_tensor(nodes)) @ torch.as_tensor(weights))
