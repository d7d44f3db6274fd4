r"""Zonal harmonics on the sphere S^{d−1} and what ReLU kernels do to them, in ball arithmetic.

P_k is the Gegenbauer polynomial with P_k(1) = 1. Funk and Hecke: :math:`\mathbb E_s\,(\hat w \cdot
s)_+ Y_k(s) = \mu_k Y_k(\hat w)` with :math:`\mu_k = \mathbb E\,(t)_+ P_k(t)`, t one coordinate of a
uniform point; so T₀ has the eigenvalue d μ_k² on ‖x‖Y_k.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flint import acb, arb, ctx

from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance


@dataclass(frozen=True, eq=False)
class Harmonic(Instance):
    """A degree of harmonics in one dimension.

    Args:
        dimension: d.
        degree: k; on S⁰ (d = 1) only 0 and 1 exist.
        activation: "relu", or "abs" for σ = |·|.
    """

    dimension: int
    degree: int
    activation: str = "relu"

    def __post_init__(self) -> None:
        """Refuse what does not exist."""
        require(
            self.dimension >= 1, f"expected dimension of at least 1, got dimension={self.dimension}"
        )
        require(
            self.activation in ("relu", "abs"),
            f"expected the activation relu or abs, got {self.activation!r}",
        )
        require(self.degree >= 0, f"expected degree of at least 0, got degree={self.degree}")
        require(
            self.dimension > 1 or self.degree <= 1,
            "expected degree 0 or 1 in dimension 1, where the sphere is two points, got "
            f"degree={self.degree}",
        )

    @cached_property
    def eigenvalue(self) -> arb:
        """D μ_k², μ_k by rigorous quadrature over the sphere."""
        d, k = self.dimension, self.degree
        if d == 1:
            other = 0 if self.activation == "relu" else (-1) ** k
            return arb((1 + other) ** 2) / 4  # μ = ½σ(1)P(1) + ½σ(−1)P(−1)

        def density(angle: acb) -> acb:
            return angle.sin() ** (d - 2)

        def integrand(angle: acb) -> acb:
            return angle.cos() * legendre(d, k, angle.cos()) * density(angle)

        # cosine positive on (0, π/2); the whole sphere by symmetry twice the same interval
        quarter = arb.pi() / 2
        relative, absolute = 2.0 ** -(ctx.prec * 15 // 32), 2.0 ** -(ctx.prec * 45 // 64)
        mu = acb.integral(
            lambda z, _: integrand(z), 0, quarter, rel_tol=relative, abs_tol=absolute
        ).real
        total = (
            2
            * acb.integral(
                lambda z, _: density(z), 0, quarter, rel_tol=relative, abs_tol=absolute
            ).real
        )
        if self.activation == "abs":
            mu = mu * (1 + (-1) ** k)
        # a power would take the logarithm of a ball around zero
        return d * (mu / total) * (mu / total)


def legendre(dimension: int, degree: int, argument: acb) -> acb:
    """P_k in d >= 2 dimensions with P_k(1) = 1, by the three-term recurrence (k + d − 2) P_{k+1} =
    (2k + d − 2) t P_k − k P_{k−1}.
    """
    before, now = acb(1), argument
    if degree == 0:
        return before
    for k in range(1, degree):
        before, now = (
            now,
            ((2 * k + dimension - 2) * argument * now - k * before) / (k + dimension - 2),
        )
    return now
