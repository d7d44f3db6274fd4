r"""How far the kernel of really learned weights is from that of its Gaussian equivalent, for σ =
cos + sin.

σ(u)σ(v) = cos(u − v) + sin(u + v), so for weights of symmetric law k(x, x') = E cos⟨w, δ⟩, δ = x −
x': a characteristic function. Given ς a weight is N(0, I/d + κ²ςςᵀ), κ = c₁η/(nm); with one more
Gaussian b, ς = Σ y_i x_i of independent samples,

.. math:: k_1^*(\delta) = e^{-\lVert\delta\rVert^2/2d}\, \mathbb E_b \left[\psi(\kappa b)^n\right],
          \qquad
    \psi(s) = \mathbb E_z \exp(i s g(z) z \delta_* - \tfrac12 s^2 g(z)^2 \lVert\delta_\perp\rVert^2)

which is exact: four nested Gauss quadratures and no expansion. The Gaussian equivalent is
:math:`k_1 = e^{-\delta^\top\Gamma\delta/2d}`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from theorems.impl.errors import require
from theorems.impl.function_space.gaussian_quadrature import chi_squared, normal, split_normal
from theorems.impl.function_space.links import link
from theorems.impl.instances.instance import Instance

Array = npt.NDArray[np.float64]
Profile = Callable[[Array, Array], Array]
"""A kernel as a function of δ_* (a, 1) and ‖δ_⊥‖² (1, b); (a, b)."""

_FINE = (32, 14, 32, 64)
_COARSE = (22, 10, 24, 48)
"""Numbers of nodes for δ_*, ‖δ_⊥‖², b and z."""


@dataclass(frozen=True, eq=False, kw_only=True)
class GapPoint(Instance):
    """One dimension: n = αd, m = βd, step size η.

    Raises:
        InputError: sizes below one or an unknown target.
    """

    dimension: int
    samples: int
    width: int
    rate: float
    target: str = "tanh"

    def __post_init__(self) -> None:
        """Refuse what has no kernel."""
        for name in ("dimension", "samples", "width"):
            require(
                getattr(self, name) >= 1,
                f"expected {name} of at least 1, got {name}={getattr(self, name)}",
            )
        link(self.target)

    @property
    def strength(self) -> float:
        """κ = c₁η/(nm) with c₁ = E σ' = e^{−½}."""
        return math.exp(-0.5) * self.rate / (self.samples * self.width)

    @cached_property
    def learned(self) -> dict[tuple[int, ...], Array]:
        """k₁* on the quadrature grid of δ, by numbers of nodes."""
        return {counts: self._learned(counts) for counts in (_COARSE, _FINE)}

    def _learned(self, counts: tuple[int, ...]) -> Array:
        along, across = self.grid(counts)
        b, b_weights = normal(counts[2])
        z, z_weights = split_normal(counts[3])  # a target may jump or bend at zero
        g = link(self.target)(torch.as_tensor(z)).numpy()
        out = np.empty((len(along), across.shape[1]))
        s = self.strength * np.abs(b)  # ψ(−s) is the conjugate of ψ(s), and b is symmetric
        for i, star in enumerate(along[:, 0]):
            phase = np.exp(1j * star * np.multiply.outer(s, g * z)) * z_weights  # (b, z)
            # of shape (across, b, z)
            decay = np.exp(-0.5 * np.multiply.outer(across[0], np.multiply.outer(s**2, g**2)))
            psi = np.einsum("bz,abz->ab", phase, decay)
            out[i] = ((psi**self.samples).real * b_weights).sum(-1)
        return np.asarray(out * np.exp(-(along**2 + across) / (2 * self.dimension)))

    def grid(self, counts: tuple[int, ...]) -> tuple[Array, Array]:
        """δ_* ~ N(0, 2) as (a, 1) and ‖δ_⊥‖² ~ 2χ²_{d−1} as (1, b)."""
        star, square = normal(counts[0])[0], chi_squared(counts[1], self.dimension - 1)[0]
        return math.sqrt(2) * star[:, None], 2 * square[None, :]

    def distance(self, kernel: Profile) -> tuple[float, float]:
        """‖T₁* − T‖_HS for the operator T of another kernel of δ, and an error estimate: fine
        against coarse quadrature.
        """
        found = []
        for counts, values in self.learned.items():
            weights = np.multiply.outer(
                normal(counts[0])[1], chi_squared(counts[1], self.dimension - 1)[1]
            )
            found.append(
                math.sqrt(float((weights * (values - kernel(*self.grid(counts))) ** 2).sum()))
            )
        # ψ is a sum of terms of modulus at most 1, rounded each, and raised to the n-th power
        rounding = self.samples * (sum(_FINE) + 16) * 2.0**-52
        return found[1], abs(found[1] - found[0]) + rounding


@dataclass(frozen=True, eq=False, kw_only=True)
class GapPath(Instance):
    """The same at growing dimension, η = η₀ d^ζ, n = αd, m = βd.

    Args:
        zeta: ζ in [½, 1].
        scale: η₀.
        target: g.
        alpha: n/d.
        beta: m/d.
        sizes: d; None for 100 … 6400, and up to 25600 where ζ >= 0.7: there corrections in (η/d)²
            are slow, and the gap still large enough to see.

    Raises:
        InputError: an exponent outside [½, 1], a scale that is not positive, sizes that do not
            increase, or αd, βd that are not whole.
    """

    zeta: float
    scale: float = 3.0
    target: str = "tanh"
    alpha: float = 1.0
    beta: float = 1.0
    sizes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what is no path."""
        require(0.5 <= self.zeta <= 1, f"expected ζ in [½, 1], got zeta={self.zeta}")
        require(
            math.isfinite(self.scale) and self.scale > 0,
            f"expected a positive scale, got scale={self.scale}",
        )
        require(
            list(self.dimensions) == sorted(set(self.dimensions)),
            f"expected increasing sizes, got {self.dimensions}",
        )
        for name in ("alpha", "beta"):
            for d in self.dimensions:
                whole = getattr(self, name) * d
                require(
                    whole == int(whole) >= 1,
                    f"expected {name}·d to be a whole number, got {whole} at d = {d}",
                )

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The sizes, chosen or given."""
        if self.sizes is not None:
            return self.sizes
        return tuple(100 * 2**k for k in range(9 if self.zeta >= 0.7 else 7))

    @cached_property
    def path(self) -> dict[int, tuple[GapPoint, ...]]:
        """One point per dimension: nothing is random."""
        return {
            d: (
                GapPoint(
                    dimension=d,
                    samples=int(self.alpha * d),
                    width=int(self.beta * d),
                    rate=self.scale * d**self.zeta,
                    target=self.target,
                ),
            )
            for d in self.dimensions
        }
