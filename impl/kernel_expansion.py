r"""The kernel of spiked Gaussian weights as the spike grows from nothing, by two-dimensional quadrature.

Only inner products matter: the pre-activations (⟨w,x⟩, ⟨w,x'⟩) have the covariance (A⟨x,x'⟩ + B⟨w*,x⟩⟨w*,x'⟩)/d and so on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from impl.errors import require
from impl.gaussian_quadrature import normal
from impl.links import link
from impl.networks import generator
from impl.operands import Instance

_COARSE, _FINE = 72, 104


@dataclass(frozen=True, eq=False, kw_only=True)
class ExpansionPoint(Instance):
    """Two inputs, a teacher and Γ = A I + B w*w*ᵀ.

    Args:
        inputs: x and x', (2, d).
        teacher: w*, (d,).
        bulk: A.
        spike: B.
        activation: σ, a name in `impl.links.LINKS`.
    """

    inputs: Tensor
    teacher: Tensor
    bulk: float
    spike: float
    activation: str

    @property
    def dimension(self) -> int:
        """D."""
        return int(self.inputs.shape[1])

    @property
    def overlaps(self) -> Tensor:
        """⟨w*, x⟩ and ⟨w*, x'⟩, (2,)."""
        return self.inputs @ self.teacher

    def covariance(self, spike: float) -> Tensor:
        """Of the two pre-activations, (2, 2)."""
        return (
            self.bulk * self.inputs @ self.inputs.T + spike * torch.outer(self.overlaps, self.overlaps)
        ) / self.dimension

    @cached_property
    def kernel(self) -> tuple[float, float]:
        """k₁(x, x') and an error estimate."""
        return self.expect(0, 0, self.spike)

    def expect(self, left: int, right: int, spike: float) -> tuple[float, float]:
        """E σ^{(left)}(u) σ^{(right)}(v) under the covariance with this spike, and an error estimate: fine against coarse nodes."""
        return _expected(self, left, right, spike)

    def integrate(self, left: int, right: int, spike: float) -> tuple[float, float]:
        """What `expect` remembers."""
        if self.activation == "relu":
            return rectified(self.covariance(spike), left, right)
        values = [_smooth(self.activation, self.covariance(spike), left, right, count) for count in (_COARSE, _FINE)]
        return values[1], abs(values[1] - values[0]) + 1e-15


@lru_cache(maxsize=512)
def _expected(point: ExpansionPoint, left: int, right: int, spike: float) -> tuple[float, float]:
    """Kept, since the variants of a claim ask for the same."""
    return point.integrate(left, right, spike)


def derivative(activation: str, order: int) -> Callable[[Tensor], Tensor]:
    """σ^{(order)} by forward-mode differentiation."""
    function: Callable[[Tensor], Tensor] = link(activation).function
    for _ in range(order):
        function = _differentiated(function)
    return function


def _differentiated(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda z: torch.func.jvp(function, (z,), (torch.ones_like(z),))[1]


def _smooth(activation: str, covariance: Tensor, left: int, right: int, count: int) -> float:
    """Product Gauss quadrature in the coordinates of the Cholesky factor."""
    nodes, weights = (torch.as_tensor(part) for part in normal(count))
    a = covariance[0, 0].sqrt()
    b = covariance[0, 1] / a
    c = (covariance[1, 1] - b * b).clamp(min=0).sqrt()
    first = derivative(activation, left)(a * nodes) * weights
    second = derivative(activation, right)(b * nodes[:, None] + c * nodes[None, :]) @ weights
    return float(first @ second)


def rectified(covariance: Tensor, left: int, right: int) -> tuple[float, float]:
    """The same for ReLU, whose second derivative is a point mass at zero; orders (0,0), (1,1), (0,2), (2,0)."""
    uu, uv, vv = (float(covariance[i, j]) for i, j in ((0, 0), (0, 1), (1, 1)))
    area = math.sqrt(max(uu * vv - uv * uv, 0.0))
    if (left, right) == (0, 0):
        values = [_quadrant(uu, uv, vv, count) for count in (_COARSE, _FINE)]
        return values[1], abs(values[1] - values[0]) + 1e-15
    exact = {
        (1, 1): (math.pi - math.atan2(area, uv)) / (2 * math.pi),
        (0, 2): area / (2 * math.pi * vv),  # density of v at 0 times E (u)₊ given v = 0
        (2, 0): area / (2 * math.pi * uu),
    }
    return exact[left, right], 1e-15


@lru_cache(maxsize=4)
def _legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) * math.pi / 4, weights * math.pi / 4


def _quadrant(uu: float, uv: float, vv: float, count: int) -> float:
    """E (u)₊(v)₊ in polar form; see `impl.spiked_kernels`."""
    angle, weights = _legendre(count)
    determinant = uu * vv - uv * uv
    r = -uv / math.sqrt(uu * vv)
    sine = np.sin(2 * angle)
    area = float(weights @ (sine / (1 + r * sine) ** 2))
    return area * math.sqrt(determinant) ** 3 / (2 * math.pi * uu * vv)


@dataclass(frozen=True, eq=False, kw_only=True)
class ExpansionPath(Instance):
    """Spikes d/2, d/4, …: the "size" is d/B. Inputs of norm √d and the teacher are random, from the seed.

    Args:
        activation: σ.
        dimension: d.
        bulk: A.
        seed: of x, x' and w*.
        halvings: the exponents e of B = d/2^e.
    """

    activation: str = "relu"
    dimension: int = 3
    bulk: float = 1.0
    seed: int = 0
    halvings: tuple[int, ...] = (2, 3, 4, 5, 6)

    def __post_init__(self) -> None:
        """Refuse what has no expansion."""
        require(self.dimension >= 2, f"expected dimension of at least 2, got dimension={self.dimension}")
        require(self.bulk > 0, f"expected a positive bulk, got bulk={self.bulk}")
        link(self.activation)

    @cached_property
    def path(self) -> dict[float, tuple[ExpansionPoint, ...]]:
        """One point per spike: nothing is random but the inputs, which all points share."""
        source = generator(self.seed)
        inputs = torch.randn(2, self.dimension, generator=source, dtype=torch.float64)
        inputs = inputs / inputs.norm(dim=1, keepdim=True) * math.sqrt(self.dimension)
        teacher = torch.randn(self.dimension, generator=source, dtype=torch.float64)
        teacher = teacher / teacher.norm()
        return {
            2.0**e: (
                ExpansionPoint(
                    inputs=inputs,
                    teacher=teacher,
                    bulk=self.bulk,
                    spike=self.dimension / 2.0**e,
                    activation=self.activation,
                ),
            )
            for e in self.halvings
        }
