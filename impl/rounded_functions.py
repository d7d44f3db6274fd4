"""Functions of balls: the center is what torch returns, the radius bounds its distance from the exact value for everything in the ball.

Monotone functions are enclosed by their values at both ends; torch's own are taken to be right to four units in the last place (its vector
libraries document at most two). Outside a domain (a logarithm that may be of zero) the radius is infinite, which proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from impl.torch_like import NotCarriedError, TorchLike, axes_of

_BITS = 128
"""Working precision of arb: far below the error that is measured."""

_UNIT = 2.0**-53


class OpenQuestionError(ArithmeticError):
    """A formula branches on a comparison that rounding leaves open."""


def _up(value: Tensor) -> Tensor:
    return torch.nextafter(value, torch.full_like(value, math.inf))


class BallFunctions(TorchLike):
    """What `impl.rounded.Ball` answers to besides arithmetic."""

    center: Tensor
    radius: Tensor | None
    unit: float

    def lifted(self, value: Any) -> Any:
        """A constant as an exact ball; a ball as it is."""
        found = self._lift(value)  # type: ignore[attr-defined]
        return value if found is None else found

    # -- monotone functions ------------------------------------------------------------------------------------

    def _monotone(
        self,
        function: Callable[[Tensor], Tensor],
        *,
        exact: Callable[[Tensor, Tensor], Tensor],
        least: float = -math.inf,
        open_end: bool = False,
    ) -> Any:
        """An increasing function, defined from ``least`` on (beyond it, if that is a pole); ``exact`` says where torch's value does not round."""
        from impl.rounded import underflow

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
        radius = (ends + slack + 8 * _UNIT * torch.maximum(at_low.abs(), at_high.abs())) * (1 + 8 * _UNIT)
        outside = low <= least if open_end else low < least
        radius = torch.where(outside | ~radius.isfinite(), math.inf, radius)
        return self._like(value, torch.where((self.radius == 0) & exact(self.center, value), 0.0, radius))  # type: ignore[attr-defined]

    def exp(self) -> Any:
        """The exponential; of zero exact."""
        return self._monotone(torch.exp, exact=lambda x, _: x == 0)

    def log(self) -> Any:
        """The logarithm; of one exact, with an infinite radius where the ball reaches zero."""
        return self._monotone(torch.log, exact=lambda x, _: x == 1, least=0.0, open_end=True)

    def sqrt(self) -> Any:
        """The square root; of squares exact, with an infinite radius where the ball reaches below zero."""
        return self._monotone(torch.sqrt, exact=_square, least=0.0)

    def _root(self) -> Any:
        """√x of something that is known not to be negative: what reaches below zero there is rounding."""
        from impl.rounded import Ball

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
        """Hyperbolic tangent: 1-Lipschitz; four units in the last place for the library's own error."""
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

    def _lipschitz(self, function: Callable[[Tensor], Tensor], slope: float = 1.0, *, zero: bool = False) -> Any:
        from impl.rounded import underflow

        center = function(self.center)
        fresh = 4 * self.unit * center.abs() + underflow(self.unit)
        if zero:
            fresh = torch.where(self.center == 0, 0.0, fresh)
        carried = 0.0 if self.radius is None else slope * self.radius
        radius = (carried + fresh) * (1 + 8 * _UNIT)
        return self._like(center, radius if bool(radius.any()) else None)  # type: ignore[attr-defined]

    def exp2(self) -> Any:
        """2^x entry by entry: the radius is the distance of what torch returns from arb's enclosure, rounded up."""
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

    # -- order ---------------------------------------------------------------------------------------------------

    def abs(self) -> Any:
        """Absolute value, exact."""
        return self._like(self.center.abs(), self.radius)  # type: ignore[attr-defined]

    def __abs__(self) -> Any:
        """Absolute value, exact."""
        return self._like(self.center.abs(), self.radius)  # type: ignore[attr-defined]

    def clamp(self, min: float | None = None, max: float | None = None) -> Any:  # noqa: A002, torch's own names
        """Min ≤ x ≤ max, exact and 1-Lipschitz."""
        return self._like(self.center.clamp(min=min, max=max), self.radius)  # type: ignore[attr-defined]

    def maximum(self, other: Any) -> Any:
        """The larger of two, entry by entry: off by no more than the larger radius."""
        right = self._lift(other)  # type: ignore[attr-defined]
        center = torch.maximum(self.center, right.center)
        if self.radius is None and right.radius is None:
            return self._like(center, None, right)  # type: ignore[attr-defined]
        return self._like(center, torch.maximum(self.error, right.error).expand_as(center), right)  # type: ignore[attr-defined]

    def minimum(self, other: Any) -> Any:
        """The smaller of two, entry by entry."""
        right = self._lift(other)  # type: ignore[attr-defined]
        return -((-self).maximum(-right))  # type: ignore[operator]

    def amax(self, axis: Any = None, keepdim: bool = False, *, dim: Any = None) -> Any:  # noqa: FBT002
        """The largest entry over some dimensions: off by no more than the largest radius there."""
        axes = axes_of(self.center.ndim, axis, dim)
        radius = None if self.radius is None else self.radius.amax(axes, keepdim=keepdim)
        return self._like(self.center.amax(axes, keepdim=keepdim), radius)  # type: ignore[attr-defined]

    def sign(self) -> Any:
        """−1, 0 or 1; off by up to 2 where the sign is open."""
        error = torch.zeros_like(self.center) if self.radius is None else self.radius
        known = (self.center.abs() > error) | (error == 0)
        radius = torch.where(known, 0.0, 1 + self.center.sign().abs())
        return self._like(self.center.sign(), radius if bool(radius.any()) else None)  # type: ignore[attr-defined]

    def _compared(self, other: Any, test: Callable[[Tensor], Tensor], *, boundary: bool) -> Any:
        right = self._lift(other)  # type: ignore[attr-defined]
        if right is None:
            return NotImplemented
        gap, error = self.center - right.center, self.error + right.error  # type: ignore[attr-defined]
        exact = (error == 0) & torch.isfinite(gap)
        del boundary
        return Truth(test(gap), exact | (gap.abs() > error * (1 + 4 * _UNIT)))

    def __gt__(self, other: Any) -> Any:
        """Where it is larger, as far as that is known."""
        return self._compared(other, lambda gap: gap > 0, boundary=False)

    def __lt__(self, other: Any) -> Any:
        """Where it is smaller, as far as that is known."""
        return self._compared(other, lambda gap: gap < 0, boundary=False)

    def __ge__(self, other: Any) -> Any:
        """Where it is at least as large, as far as that is known."""
        return self._compared(other, lambda gap: gap >= 0, boundary=True)

    def __le__(self, other: Any) -> Any:
        """Where it is at most as large, as far as that is known."""
        return self._compared(other, lambda gap: gap <= 0, boundary=True)

    def __eq__(self, other: object) -> Any:
        """Where it is equal, as far as that is known."""
        return self._compared(other, lambda gap: gap == 0, boundary=True)

    def __ne__(self, other: object) -> Any:
        """Where it differs, as far as that is known."""
        return self._compared(other, lambda gap: gap != 0, boundary=True)

    __hash__ = object.__hash__

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        """One of two, entry by entry; both, where the condition is open."""
        one, other = self._lift(yes), self._lift(no)  # type: ignore[attr-defined]
        truth = (
            condition
            if isinstance(condition, Truth)
            else Truth(torch.as_tensor(condition), torch.ones((), dtype=torch.bool))
        )
        center = torch.where(truth.yes, one.center, other.center)
        taken = torch.where(truth.yes, one.error, other.error)
        left = torch.where(
            truth.yes, (other.center - center).abs() + other.error, (one.center - center).abs() + one.error
        )
        radius = torch.where(truth.sure, taken, torch.maximum(taken, left * (1 + 4 * _UNIT)))
        return one._like(center, radius if bool(radius.any()) else None, other)

    # -- shapes --------------------------------------------------------------------------------------------------

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

    # -- matrices ------------------------------------------------------------------------------------------------

    def _matrix(self, name: str, *operands: Any) -> Any:
        from impl import rounded_matrices

        function, lift = getattr(rounded_matrices, name), self._lift  # type: ignore[attr-defined]
        return function(self, *(lift(torch.as_tensor(o) if isinstance(o, list) else o) for o in operands))

    def project(self, targets: Any) -> Any:
        """The targets projected on this matrix's column space; see `impl.rounded_matrices`."""
        return self._matrix("project", targets)

    def unexplained(self, targets: Any) -> Any:
        """The squared norm of what is left of the targets; see `impl.rounded_matrices`."""
        return self._matrix("unexplained", targets)

    def least_squares(self, targets: Any) -> Any:
        """The least-squares head on this matrix; see `impl.rounded_matrices`."""
        return self._matrix("least_squares", targets)

    def inverse(self) -> Any:
        """The inverse of every matrix in the ball; see `impl.rounded_matrices`."""
        return self._matrix("inverse")

    def __float__(self) -> float:
        """Refused: it would forget the radius."""
        raise NotCarriedError(
            "expected a formula that keeps its numbers, got float() or .item(), which forgets how they round"
        )

    item = __float__


def _square(x: Tensor, root: Tensor) -> Tensor:
    """Where a root is exact: whole, and its square below 2^53 is the number."""
    return (root == root.round()) & (root * root == x) & (x < 2.0**53)


class Truth(TorchLike):
    """A comparison of balls: yes, no, or open.

    Args:
        yes: what the centers say.
        sure: where that is beyond doubt.
    """

    def __init__(self, yes: Tensor, sure: Tensor) -> None:
        """Two boolean tensors that broadcast."""
        self.yes, self.sure = torch.broadcast_tensors(yes, sure)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of both."""
        return tuple(self.yes.shape)

    def double(self) -> Any:
        """One for yes and zero for no; off by one where it is open."""
        from impl.rounded import Ball

        radius = (~self.sure).double()
        return Ball(self.yes.double(), radius if bool(radius.any()) else None)

    float = int = long = double

    def to(self, *_: Any, **__: Any) -> Any:
        """As numbers."""
        return self.double()

    def lifted(self, value: Any) -> Any:
        """A constant as a ball."""
        return self.double().lifted(value)

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        """One of two."""
        return self.double().where(condition, yes, no)

    def __bool__(self) -> bool:
        """What is beyond doubt.

        Raises:
            OpenQuestionError: where it is not.
        """
        if not bool(self.sure.all()):
            raise OpenQuestionError("expected a comparison that rounding leaves decided, got one that is open")
        return bool(self.yes)

    def all(self, *_: Any) -> Truth:
        """Whether every entry is."""
        no = bool((~self.yes & self.sure).any())
        return Truth(self.yes.all(), self.sure.all() | no)

    def any(self, *_: Any) -> Truth:
        """Whether some entry is."""
        found = bool((self.yes & self.sure).any())
        return Truth(self.yes.any(), self.sure.all() | found)

    def __invert__(self) -> Truth:
        """Not."""
        return Truth(~self.yes, self.sure)

    def __and__(self, other: Any) -> Truth:
        """And."""
        right = other if isinstance(other, Truth) else Truth(other, torch.ones((), dtype=torch.bool))
        sure = (self.sure & right.sure) | (self.sure & ~self.yes) | (right.sure & ~right.yes)
        return Truth(self.yes & right.yes, sure)

    __rand__ = __and__

    def __or__(self, other: Any) -> Truth:
        """Or."""
        return ~(~self & ~(other if isinstance(other, Truth) else Truth(other, torch.ones((), dtype=torch.bool))))

    __ror__ = __or__

    def __getitem__(self, index: Any) -> Truth:
        """A part."""
        return Truth(self.yes[index], self.sure[index])

    def sum(self, axis: Any = None, keepdim: bool = False, *, dim: Any = None) -> Any:  # noqa: FBT002
        """How many."""
        return self.double().sum(axis, keepdim=keepdim, dim=dim)

    def __mul__(self, other: Any) -> Any:
        """As a mask."""
        return self.double() * other

    __rmul__ = __mul__

    def __add__(self, other: Any) -> Any:
        """As a number."""
        return self.double() + other

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        """As a number."""
        return self.double() - other

    def __rsub__(self, other: Any) -> Any:
        """As a number."""
        return other - self.double()

    def __matmul__(self, other: Any) -> Any:
        """As numbers."""
        return self.double() @ other

    def __neg__(self) -> Any:
        """As numbers."""
        return -self.double()
