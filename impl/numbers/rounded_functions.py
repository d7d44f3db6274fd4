"""Functions of balls: the center is what torch returns, the radius bounds its distance from the
exact value for everything in the ball.

Monotone functions are enclosed by their values at both ends; torch's own are taken to be right to
four units in the last place (its vector libraries document at most two). Outside a domain (a
logarithm that may be of zero) the radius is infinite, which proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from theorems.impl.numbers.rounded_order import BallOrder
from theorems.impl.numbers.torch_like import NotCarriedError

_BITS = 128
"""Working precision of arb: far below the error that is measured."""

_UNIT = 2.0**-53


def _up(value: Tensor) -> Tensor:
    return torch.nextafter(value, torch.full_like(value, math.inf))


class BallFunctions(BallOrder):
    """What `impl.numbers.rounded.Ball` answers to besides arithmetic."""

    center: Tensor
    radius: Tensor | None
    unit: float

    def lifted(self, value: Any) -> Any:
        """A constant as an exact ball; a ball as it is."""
        found = self._lift(value)  # type: ignore[attr-defined]
        return value if found is None else found

    # -- monotone functions ------------------------------------------------------------------------

    def _monotone(
        self,
        function: Callable[[Tensor], Tensor],
        *,
        exact: Callable[[Tensor, Tensor], Tensor],
        least: float = -math.inf,
        open_end: bool = False,
    ) -> Any:
        """An increasing function, defined from ``least`` on (beyond it, if that is a pole);
        ``exact`` says where torch's value does not round.
        """
        from theorems.impl.numbers.rounded import underflow

        value = function(self.center)
        slack = 4 * self.unit * value.abs() + underflow(self.unit)
        if self.radius is None:
            outside = self.center <= least if open_end else self.center < least
            slack = torch.where(exact(self.center, value), 0.0, slack)
            radius = torch.where(outside, math.inf, slack)
            return self._like(value, radius if bool(radius.any()) else None)  # type: ignore[attr-defined]
        low, high = -_up(self.radius - self.center), _up(self.center + self.radius)
        at_low, at_high = function(low.clamp(min=least)), function(high)
        ends = torch.maximum((at_high - value).abs(), (value - at_low).abs())
        radius = (ends + slack + 8 * _UNIT * torch.maximum(at_low.abs(), at_high.abs())) * (
            1 + 8 * _UNIT
        )
        outside = low <= least if open_end else low < least
        radius = torch.where(outside | ~radius.isfinite(), math.inf, radius)
        return self._like(  # type: ignore[attr-defined]
            value, torch.where((self.radius == 0) & exact(self.center, value), 0.0, radius)
        )

    def exp(self) -> Any:
        """The exponential; of zero exact."""
        return self._monotone(torch.exp, exact=lambda x, _: x == 0)

    def log(self) -> Any:
        """The logarithm; of one exact, with an infinite radius where the ball reaches zero."""
        return self._monotone(torch.log, exact=lambda x, _: x == 1, least=0.0, open_end=True)

    def sqrt(self) -> Any:
        """The square root; of squares exact, with an infinite radius where the ball reaches below
        zero.
        """
        return self._monotone(torch.sqrt, exact=_square, least=0.0)

    def _root(self) -> Any:
        """√x of something that is known not to be negative: what reaches below zero there is
        rounding.
        """
        from theorems.impl.numbers.rounded import Ball

        if self.radius is None:
            return self.sqrt()
        middle = self.center.clamp(min=0)
        high = _up(torch.maximum(self.center, middle) + self.radius)
        value = torch.sqrt(middle)
        low = torch.sqrt((middle - self.radius).clamp(min=0))
        radius = torch.maximum(torch.sqrt(high) - value, value - low)
        radius = (radius + 8 * max(self.unit, _UNIT) * torch.sqrt(high)) * (1 + 8 * _UNIT)
        exact = (self.radius == 0) & _square(middle, value)
        return Ball(value, torch.where(exact, 0.0, radius), self.unit)

    def tanh(self) -> Any:
        """Hyperbolic tangent: 1-Lipschitz; four units in the last place for the library's own
        error.
        """
        return self._lipschitz(torch.tanh, zero=True)

    def sin(self) -> Any:
        """Sine: 1-Lipschitz."""
        return self._lipschitz(torch.sin, zero=True)

    def cos(self) -> Any:
        """Cosine: 1-Lipschitz."""
        return self._lipschitz(torch.cos)

    def erf(self) -> Any:
        """The error function: its slope is at most 2/√π."""
        return self._lipschitz(torch.erf, slope=1.1283791671, zero=True)

    def sigmoid(self) -> Any:
        """1/(1 + exp(−x)): its slope is at most a quarter."""
        return self._lipschitz(torch.sigmoid, slope=0.25)

    def _lipschitz(
        self, function: Callable[[Tensor], Tensor], slope: float = 1.0, *, zero: bool = False
    ) -> Any:
        from theorems.impl.numbers.rounded import underflow

        center = function(self.center)
        fresh = 4 * self.unit * center.abs() + underflow(self.unit)
        if zero:
            fresh = torch.where(self.center == 0, 0.0, fresh)
        carried = 0.0 if self.radius is None else slope * self.radius
        radius = (carried + fresh) * (1 + 8 * _UNIT)
        return self._like(center, radius if bool(radius.any()) else None)  # type: ignore[attr-defined]

    def exp2(self) -> Any:
        """2^x entry by entry: the radius is the distance of what torch returns from arb's
        enclosure, rounded up.
        """
        import flint

        center = torch.exp2(self.center)
        radii: list[float] = []
        before, flint.ctx.prec = flint.ctx.prec, _BITS
        error = torch.zeros_like(center) if self.radius is None else self.radius
        try:
            parts = (t.reshape(-1).tolist() for t in (center, self.center, error))
            for value, exponent, off in zip(*parts, strict=True):
                gap = flint.arb(2) ** flint.arb(exponent, off) - flint.arb(value)
                least = 0.0 if gap == 0 else 5e-324  # what is too small for a float is not zero
                radii.append(float(gap.abs_upper()) * (1 + 2.0**-50) + least)
        finally:
            flint.ctx.prec = before
        radius = torch.tensor(radii, dtype=torch.float64).reshape(center.shape)
        return self._like(center, radius if bool(radius.any()) else None)  # type: ignore[attr-defined]

    def __pow__(self, exponent: Any) -> Any:
        """Powers: products for whole exponents, roots for halves, exp(p log x) for others."""
        if isinstance(exponent, int) or (isinstance(exponent, float) and exponent.is_integer()):
            count = int(exponent)
            if count < 0:
                return 1 / self**-count
            out: Any = self * 0 + 1 if count == 0 else self  # type: ignore[operator]
            for _ in range(count - 1):
                out = out * self
            return out
        if exponent == 0.5:
            return self.sqrt()
        if isinstance(exponent, float):
            return (self.log() * exponent).exp()
        return NotImplemented

    def __rpow__(self, base: Any) -> Any:
        """Powers of a positive number."""
        if isinstance(base, int | float) and base > 0:
            return self.exp2() if base == 2 else (self * math.log(base)).exp()  # type: ignore[operator, attr-defined]
        return NotImplemented

    # -- shapes ------------------------------------------------------------------------------------

    def _shaped(self, change: Callable[[Tensor], Tensor]) -> Any:
        return self._like(change(self.center), None if self.radius is None else change(self.radius))  # type: ignore[attr-defined]

    def permute(self, *axes: int) -> Any:
        """Dimensions in another order."""
        return self._shaped(lambda t: t.permute(*axes))

    def reshape(self, *shape: Any) -> Any:
        """Another shape."""
        return self._shaped(lambda t: t.reshape(*shape))

    def squeeze(self, *dims: int) -> Any:
        """Without dimensions of size one."""
        return self._shaped(lambda t: t.squeeze(*dims))

    def expand_as(self, other: Any) -> Any:
        """Broadcast to another shape."""
        return self._shaped(lambda t: t.expand(tuple(other.shape)))

    def _gathered(self, parts: list[Any], join: Callable[[list[Tensor]], Tensor]) -> Any:
        radius = None if all(p.radius is None for p in parts) else join([p.error for p in parts])
        return type(self)(join([p.center for p in parts]), radius, max(p.unit for p in parts))  # type: ignore[call-arg]

    def stacked(self, parts: list[Any], dim: int = 0) -> Any:
        """Along a new dimension."""
        return self._gathered(parts, lambda tensors: torch.stack(tensors, dim))

    def joined(self, parts: list[Any], dim: int = 0) -> Any:
        """Along a dimension."""
        return self._gathered(parts, lambda tensors: torch.cat(tensors, dim))

    # -- matrices ----------------------------------------------------------------------------------

    def _matrix(self, name: str, *operands: Any) -> Any:
        from theorems.impl.numbers import rounded_matrices

        function, lift = getattr(rounded_matrices, name), self._lift  # type: ignore[attr-defined]
        return function(
            self, *(lift(torch.as_tensor(o) if isinstance(o, list) else o) for o in operands)
        )

    def project(self, targets: Any) -> Any:
        """The targets projected on this matrix's column space; see
        `impl.numbers.rounded_matrices`.
        """
        return self._matrix("project", targets)

    def unexplained(self, targets: Any) -> Any:
        """The squared norm of what is left of the targets; see `impl.numbers.rounded_matrices`."""
        return self._matrix("unexplained", targets)

    def least_squares(self, targets: Any) -> Any:
        """The least-squares head on this matrix; see `impl.numbers.rounded_matrices`."""
        return self._matrix("least_squares", targets)

    def inverse(self) -> Any:
        """The inverse of every matrix in the ball; see `impl.numbers.rounded_matrices`."""
        return self._matrix("inverse")

    def __float__(self) -> float:
        """Refused: it would forget the radius."""
        raise NotCarriedError(
            "expected a formula that keeps its numbers, got float() or .item(), which "
            "forgets how they round"
        )

    item = __float__


def _square(x: Tensor, root: Tensor) -> Tensor:
    """Where a root is exact: whole, and its square below 2^53 is the number."""
    return (root == root.round()) & (root * root == x) & (x < 2.0**53)
