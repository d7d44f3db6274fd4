r"""The kernel of spiked Gaussian weights as the spike grows from nothing, by two-dimensional
quadrature.

Only inner products matter: the pre-activations (⟨w,x⟩, ⟨w,x'⟩) have the covariance (A⟨x,x'⟩ +
B⟨w*,x⟩⟨w*,x'⟩)/d and so on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.function_space.gaussian_quadrature import normal
from theorems.impl.function_space.links import link
from theorems.impl.instances.instance import Instance
from theorems.impl.networks.spec import generator

_COARSE, _FINE = 128, 192
_KINKS = {"relu": ((1.0, 1),), "abs": ((1.0, 1), (1.0, -1))}
"""Activations that bend at zero, as sums of c · relu(s t): their second derivative is a point mass,
which no node sees.
"""


@dataclass(frozen=True, eq=False, kw_only=True)
class ExpansionPoint(Instance):
    """Two inputs, a teacher and Γ = A I + B w*w*ᵀ.

    Args:
        inputs: x and x', (2, d).
        teacher: w*, (d,).
        bulk: A.
        spike: B.
        activation: σ, a name in `impl.function_space.links.LINKS`.
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
            self.bulk * self.inputs @ self.inputs.T
            + spike * torch.outer(self.overlaps, self.overlaps)
        ) / self.dimension

    @cached_property
    def kernel(self) -> tuple[float, float]:
        """k₁(x, x') and an error estimate."""
        return self.expect(0, 0, self.spike)

    def expect(self, left: int, right: int, spike: float) -> tuple[float, float]:
        """E σ^{(left)}(u) σ^{(right)}(v) under the covariance with this spike, and an error
        estimate: fine against coarse nodes.
        """
        c = self.covariance(spike)
        return _expected(
            self.activation, (float(c[0, 0]), float(c[0, 1]), float(c[1, 1])), left, right
        )


@lru_cache(maxsize=512)
def _expected(
    activation: str, covariance: tuple[float, float, float], left: int, right: int
) -> tuple[float, float]:
    """Kept, since the variants of a claim, and the points of a path at spike zero, ask for the
    same.
    """
    uu, uv, vv = covariance
    if activation in _KINKS:
        return bent(activation, uu, uv, vv, left, right)
    values = [_smooth(activation, uu, uv, vv, left, right, count) for count in (_COARSE, _FINE)]
    return values[1], abs(values[1] - values[0]) + 1e-15


def derivative(activation: str, order: int) -> Callable[[Tensor], Tensor]:
    """σ^{(order)} by reverse-mode differentiation, entry by entry."""
    function: Callable[[Tensor], Tensor] = link(activation).function

    def differentiated(at: Tensor) -> Tensor:
        leaf = at.detach().requires_grad_()
        with torch.enable_grad():
            value = function(leaf)
            for _ in range(order):
                if not value.requires_grad:  # a constant
                    return torch.zeros_like(leaf)
                (value,) = torch.autograd.grad(value.sum(), leaf, create_graph=True)
        return value.detach()

    return differentiated


def _smooth(
    activation: str, uu: float, uv: float, vv: float, left: int, right: int, count: int
) -> float:
    """Product Gauss quadrature in the coordinates of the Cholesky factor."""
    nodes, weights = (torch.as_tensor(part) for part in normal(count))
    a = math.sqrt(uu)
    b = uv / a
    c = math.sqrt(max(vv - b * b, 0.0))
    first = derivative(activation, left)(a * nodes) * weights
    second = derivative(activation, right)(b * nodes[:, None] + c * nodes[None, :]) @ weights
    return float(first @ second)


def bent(
    activation: str, uu: float, uv: float, vv: float, left: int, right: int
) -> tuple[float, float]:
    """The same for a sum of c · relu(s t), term by term; a derivative of order k brings s^k."""
    value = error = 0.0
    for (c, s), (c2, s2) in itertools.product(_KINKS[activation], repeat=2):
        part, blur = rectified(uu, s * s2 * uv, vv, left, right)
        value, error = value + c * c2 * s**left * s2**right * part, error + blur
    return value, error


def rectified(uu: float, uv: float, vv: float, left: int, right: int) -> tuple[float, float]:
    """The same for ReLU, whose second derivative is a point mass at zero, in closed form; orders
    (0,0), (1,1), (0,2), (2,0).
    """
    area = math.sqrt(max(uu * vv - uv * uv, 0.0))
    opening = math.pi - math.atan2(area, uv)
    exact = {
        (0, 0): (area + opening * uv) / (2 * math.pi),
        (1, 1): opening / (2 * math.pi),
        (0, 2): area / (2 * math.pi * vv),  # density of v at 0 times E (u)₊ given v = 0
        (2, 0): area / (2 * math.pi * uu),
    }
    # the area loses half its digits where u and v are almost one
    return exact[left, right], 1e-15 * max(
        1.0, math.sqrt(uu * vv) / area if area > 0 else 1.0
    ) * max(1.0, math.sqrt(uu * vv))


@dataclass(frozen=True, eq=False, kw_only=True)
class ExpansionPath(Instance):
    """Spikes A/2, A/4, …: the "size" is d/B. Inputs of different norms and the teacher are random,
    from the seed.

    Args:
        activation: σ.
        dimension: d.
        bulk: A.
        seed: of x, x' and w*.
        halvings: the exponents e of B = A/2^e.
        stretch: ‖x'‖/‖x‖; ‖x‖‖x'‖ = d.
    """

    activation: str = "relu"
    dimension: int = 3
    bulk: float = 1.0
    seed: int = 0
    halvings: tuple[int, ...] = (3, 4, 5, 6, 7)
    stretch: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what has no expansion."""
        require(
            self.dimension >= 2, f"expected dimension of at least 2, got dimension={self.dimension}"
        )
        require(self.bulk > 0, f"expected a positive bulk, got bulk={self.bulk}")
        require(self.stretch > 0, f"expected a positive stretch, got stretch={self.stretch}")
        link(self.activation)

    @cached_property
    def path(self) -> dict[float, tuple[ExpansionPoint, ...]]:
        """One point per spike: nothing is random but the inputs, which all points share."""
        source = generator(self.seed)
        inputs = torch.randn(2, self.dimension, generator=source, dtype=torch.float64)
        norms = torch.tensor([[1 / self.stretch], [self.stretch]], dtype=torch.float64).sqrt()
        inputs = inputs / inputs.norm(dim=1, keepdim=True) * norms * math.sqrt(self.dimension)
        teacher = torch.randn(self.dimension, generator=source, dtype=torch.float64)
        teacher = teacher / teacher.norm()
        return {
            self.dimension / self.bulk * 2.0**e: (
                ExpansionPoint(
                    inputs=inputs,
                    teacher=teacher,
                    bulk=self.bulk,
                    spike=self.bulk / 2.0**e,
                    activation=self.activation,
                ),
            )
            for e in self.halvings
        }
