r"""The operator of the spiked ReLU kernel on functions ‖x‖h(⟨w*, x⟩/‖x‖): its Galerkin matrix in
zonal harmonics.

By Fubini, ⟨φ_k, T₁φ_l⟩ = d μ_kμ_l E_{w∼N(0,Γ/d)} ‖w‖² φ_k(ŵ)φ_l(ŵ), with Funk and Hecke's μ_k; all
integrals over one coordinate of the sphere, by Gauss quadrature of the exact weight. No
perturbation theory enters. Nothing loses digits at any dimension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from theorems.impl.errors import require
from theorems.impl.function_space.gaussian_quadrature import (
    mean_coordinate,
    sphere_coordinate,
    zonal_recurrence,
)
from theorems.impl.instances.instance import Instance

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class ZonalPoint(Instance):
    """The kernel in one dimension.

    Args:
        dimension: d >= 2.
        bulk: A.
        spike: B.
    """

    dimension: int
    bulk: float
    spike: float

    def __post_init__(self) -> None:
        """Refuse what is no kernel."""
        require(
            self.dimension >= 2, f"expected dimension of at least 2, got dimension={self.dimension}"
        )
        require(
            self.bulk > 0 and self.bulk + self.spike > 0,
            f"expected a positive definite covariance, got A = {self.bulk} and A + B = "
            f"{self.bulk + self.spike}",
        )

    @cached_property
    def top_mode(self) -> dict[str, tuple[float, float]]:
        """Top eigenvalue and the eigenfunction's shares of degree 1 and 2 relative to degree 0,
        each with an error estimate.

        The estimate is the change from half the degrees and half the nodes to all of them, plus
        rounding.
        """
        coarse, fine = self._solve(16, 96), self._solve(32, 192)
        return {
            name: (
                fine[name],
                abs(fine[name] - coarse[name]) + 1e-13 * max(1.0, fine["eigenvalue"]),
            )
            for name in fine
        }

    def _solve(self, degrees: int, nodes: int) -> dict[str, float]:
        values, vectors = np.linalg.eigh(galerkin(self, degrees, nodes))
        top = vectors[:, -1] / vectors[0, -1]
        return {
            "eigenvalue": float(values[-1]),
            "degree 1": float(top[1]),
            "degree 2": float(top[2]),
        }


def harmonic_values(arguments: Array, degrees: int, dimension: int) -> Array:
    """φ_0 … φ_{degrees−1}, orthonormal on the sphere, at the coordinates (n,); (degrees, n)."""
    b = zonal_recurrence(degrees + 1, dimension)
    out = np.ones((degrees, len(arguments)))
    out[1] = arguments / b[1]
    for k in range(2, degrees):
        out[k] = (arguments * out[k - 1] - b[k - 1] * out[k - 2]) / b[k]
    return out


def funk_hecke(degrees: int, dimension: int) -> Array:
    """μ_k = E (t)₊ P_k(t) for k < degrees: μ_0 = E (t)₊, μ_1 = ½ E t² and μ_{k+2}/μ_k = −(k − 1)/(k
    + d + 1) (Rodrigues), 0 for odd k ≥ 3.
    """
    out = np.zeros(degrees)
    out[0] = mean_coordinate(dimension) / 2
    out[1] = 1 / (2 * dimension)
    for k in range(0, degrees - 2, 2):
        out[k + 2] = -out[k] * (k - 1) / (k + dimension + 1)
    return out


def galerkin(point: ZonalPoint, degrees: int, nodes: int) -> Array:
    """The matrix of T₁ in the first zonal harmonics, (degrees, degrees)."""
    d, low, high = point.dimension, point.bulk, point.bulk + point.spike
    # the direction of a standard Gaussian; w is its stretched image
    t, weights = sphere_coordinate(nodes, d)
    square = high * t**2 + low * (1 - t**2)
    values = harmonic_values(math.sqrt(high) * t / np.sqrt(square), degrees, d)
    mu = funk_hecke(degrees, d)
    out: Array = d * np.multiply.outer(mu, mu) * ((values * (weights * square)) @ values.T)
    return out


@dataclass(frozen=True, eq=False, kw_only=True)
class ZonalPath(Instance):
    """Kernels with A fixed and B = B₀ d^growth at growing dimension.

    Args:
        bulk: A.
        spike: B₀.
        growth: exponent of B; 2ζ − 1 for a step size η of order d^ζ.
        sizes: d.
    """

    bulk: float = 1.0
    spike: float = 1.0
    growth: float = 0.0
    sizes: tuple[int, ...] = (64, 256, 1024, 4096, 16384, 65536)

    @cached_property
    def path(self) -> dict[int, tuple[ZonalPoint, ...]]:
        """One kernel per dimension: nothing is random."""
        return {
            d: (ZonalPoint(dimension=d, bulk=self.bulk, spike=self.spike * d**self.growth),)
            for d in self.sizes
        }
