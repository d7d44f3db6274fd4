r"""Gaussian averages of one coordinate and their Taylor terms as its variance grows from γ₁ to γ₁ +
γ₂, in ball arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import acb, arb, ctx

from theorems.impl.errors import require
from theorems.impl.function_space.spiked_kernels import arb_of
from theorems.impl.instances.instance import Instance

_CUT = 40
"""Standard deviations up to which a Gaussian average is integrated; what lies beyond is bounded."""

_EVALUATIONS = 20_000


@dataclass(frozen=True, eq=False)
class SpikedSeries(Instance):
    """w ~ N(0, γ₁I + γ₂uuᵀ), ‖u‖ = 1, and G(w) = h(⟨u, w⟩).

    Args:
        bulk: γ₁ > 0.
        spike: γ₂ > 0.
        kind: "power" for h = ∣t∣^p with p odd, "cosine" for h = cos t, "polynomial".
        numbers: (p,), () or the coefficients from the constant on.
        orders: up to which the series is summed, increasing.
    """

    bulk: Fraction
    spike: Fraction
    kind: str = "power"
    numbers: tuple[int, ...] = (1,)
    orders: tuple[int, ...] = (5, 10, 20, 40)

    def __post_init__(self) -> None:
        """Refuse what the statement does not speak of."""
        require(
            self.bulk > 0 and self.spike > 0,
            f"expected γ₁, γ₂ > 0, got {self.bulk} and {self.spike}",
        )
        require(
            self.kind in ("power", "cosine", "polynomial"),
            f"expected power, cosine or polynomial, got {self.kind!r}",
        )
        if self.kind == "power":
            require(
                len(self.numbers) == 1 and self.numbers[0] % 2 == 1 and 0 < self.numbers[0] <= 15,
                f"expected one odd power up to 15, got {self.numbers}",
            )

    def value(self) -> arb:
        """E G(w): rigorous quadrature over ⟨u, w⟩ ~ N(0, γ₁ + γ₂)."""
        scale = arb_of(self.bulk + self.spike).sqrt()

        def mirrored(z: acb) -> acb:
            return (self._function(scale * z) + self._function(-scale * z)) * (-z * z / 2).exp()

        # the tail below is known to about 2^-1000 of the integrand; digits beyond that cost time
        # and tell nothing
        tolerance = 2.0 ** -min(3 * ctx.prec // 4, 900)
        # what oscillates too fast for this many evaluations comes back wide, and is left undecided
        body = acb.integral(
            lambda z, _: mirrored(z),
            0,
            _CUT,
            rel_tol=tolerance,
            abs_tol=tolerance,
            eval_limit=_EVALUATIONS,
        ).real
        top = max(self.numbers[0] if self.kind == "power" else len(self.numbers), 1)
        largest = sum((abs(c) for c in self.numbers), 1) * (1 + scale) ** top
        # ∫_L^∞ z^p e^{−z²/2} ≤ 2 L^p e^{−L²/2} for p < L
        tail = 4 * largest * arb(_CUT) ** top * (-(arb(_CUT) ** 2) / 2).exp()
        return (body + arb(0, tail.upper())) / (2 * arb.pi()).sqrt()

    def size(self) -> arb:
        """Σ |c_k| γ₁^{k/2} of a polynomial, whose average may be zero; zero for the other
        functions, whose average is not.
        """
        if self.kind != "polynomial":
            return arb(0)
        return sum(
            (abs(c) * arb_of(self.bulk).sqrt() ** k for k, c in enumerate(self.numbers)), arb(0)
        )

    def _function(self, t: acb) -> acb:
        if self.kind == "cosine":
            return t.cos()
        if self.kind == "power":  # integrated over z >= 0 only, where |t| = ±t is analytic
            power = t ** self.numbers[0]
            return power if t.real > 0 else -power
        out = acb(0)
        for c in reversed(self.numbers):
            out = out * t + c
        return out

    def hermite_mean(self, order: int) -> arb:
        """E h(√γ₁ z) He_order(z): by parts, γ₁^{order/2} times the mean of the derivative of that
        order, in the weak sense.
        """
        if self.kind == "cosine":
            if order % 2:
                return arb(0)
            return (-arb_of(self.bulk)) ** (order // 2) * (-arb_of(self.bulk) / 2).exp()
        terms = {self.numbers[0]: 1} if self.kind == "power" else dict(enumerate(self.numbers))
        out, root = arb(0), arb_of(self.bulk).sqrt()
        for exponent, c in terms.items():
            if (c and (exponent + order) % 2 == 0) or self.kind == "power":
                out += (
                    c
                    * root**exponent
                    * _absolute_hermite(exponent, order, folded=self.kind == "power")
                )
        return out


def _absolute_hermite(exponent: int, order: int, *, folded: bool) -> arb:
    """E |z|^p He_k(z) (folded), or E z^p He_k(z); by the coefficients of He_k."""
    if not folded and exponent < order:
        return arb(0)
    out, coefficient = arb(0), 1
    for j in range(order // 2 + 1):  # He_k = Σ_j (−1)^j k!/(j!(k−2j)!2^j) z^{k−2j}
        out += coefficient * _absolute_moment(exponent + order - 2 * j)
        left = order - 2 * j
        coefficient = -coefficient * left * (left - 1) // (2 * (j + 1))
    return out


def _absolute_moment(order: int) -> arb:
    """E |z|^k = 2^{k/2} Γ((k+1)/2)/√π."""
    half = arb(order + 1) / 2
    moment: arb = arb(2) ** (arb(order) / 2) * half.gamma() / arb.pi().sqrt()
    return moment
