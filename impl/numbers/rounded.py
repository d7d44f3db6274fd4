r"""Where every numerical bound comes from: running error analysis of the claim's own formula.

A `Ball` is a computed tensor with a proved bound on its distance from the exact result. Running a
formula on balls instead of tensors bounds the rounding error of that very formula from its shapes
and magnitudes, with the textbook model :math:`|\mathrm{fl}(x^\top y) - x^\top y| \le \gamma_n
\sum_i |x_i y_i|`, :math:`\gamma_n = nu/(1-nu)` (Higham, *Accuracy and Stability of Numerical
Algorithms*, ch. 3), which holds for every order of summation. Where all operands are integers and
Σ|terms| < 2^53 (2^24 in float32), nothing rounds and the radius is exactly zero: that is how a
verdict earns the grade EXACT.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

import torch
from torch import Tensor

from theorems.impl.numbers.rounded_functions import BallFunctions
from theorems.impl.numbers.torch_like import axes_of
from theorems.impl.numbers.truth import Truth

UNIT = 2.0**-53
"""Unit roundoff of float64, in which every formula is evaluated."""

_SINGLE = 2.0**-24
_TINY = torch.finfo(torch.float64).tiny
_UNDERFLOW = {
    _SINGLE: torch.finfo(torch.float32).tiny,
    2.0**-8: torch.finfo(torch.bfloat16).tiny,
    2.0**-11: 2.0**-24,
}
"""What one operation may lose by underflow, by unit roundoff, flushing to zero included; float64
loses ``_TINY``.
"""
# autocast, see `impl.networks.tracing.unit_of`
_UNDERFLOW |= {u * (2 + u): lost for u, lost in _UNDERFLOW.items()}


def underflow(unit: float) -> float:
    """What one operation may lose by underflow in the format of this unit roundoff."""
    return _UNDERFLOW.get(unit, _TINY)


CAST = {2.0**-11 * (2 + 2.0**-11): 2.0**-24}
"""What casting a factor of a product loses by underflow, by unit roundoff: autocast to float16,
whose range is small.
"""


def gamma(terms: int, unit: float = UNIT) -> float:
    """γ_k = ku/(1−ku): the relative rounding error of k operations; infinite from ku ≥ ½ on, where
    it proves nothing.

    Formats narrower than float32 accumulate in float32 and round once more at the end.
    """
    if unit > _SINGLE:
        return unit + gamma(terms, _SINGLE) * (1 + unit)
    return terms * unit / (1 - terms * unit) if terms * unit < 0.5 else math.inf


def _integral(values: Tensor) -> bool:
    return bool((values == values.round()).all())


Other: TypeAlias = "Ball | Tensor | float | int"

_zero_divisors: ContextVar[list[str] | None] = ContextVar("zero divisors", default=None)


@contextmanager
def zero_divisors() -> Iterator[list[str]]:
    """Collects an entry for every division of balls by an exact zero inside the block."""
    seen: list[str] = []
    token = _zero_divisors.set(seen)
    try:
        yield seen
    finally:
        _zero_divisors.reset(token)


def _note_zero_divisor() -> None:
    seen = _zero_divisors.get()
    if seen is not None:
        seen.append("a denominator is zero")


class Ball(BallFunctions):
    """A float64 tensor and an entrywise bound on its error: supports the operators that formulas
    are written with.

    Args:
        center: what was computed.
        radius: of the same shape, or None for exactly zero.
        unit: unit roundoff of the arithmetic to be bounded, if it was not float64.
    """

    __array_priority__ = 500

    def __init__(
        self,
        center: Tensor,
        radius: Tensor | None = None,
        unit: float = UNIT,
        *,
        whole: bool | None = None,
    ) -> None:
        """Wrap a tensor; ``radius=None`` says that it is exact, ``whole`` that its entries are
        known to be integers, or that one is not.
        """
        self.center = center if center.dtype is torch.float64 else center.double()
        self.radius = radius
        self.unit = unit
        self._whole = whole

    # -- reading -----------------------------------------------------------------------------------

    @property
    def whole(self) -> bool:
        """Whether the center is a tensor of integers; looked at once."""
        if self._whole is None:
            self._whole = _integral(self.center)
        return self._whole

    @property
    def error(self) -> Tensor:
        """The radius as a tensor."""
        return torch.zeros_like(self.center) if self.radius is None else self.radius

    @property
    def magnitude(self) -> Tensor:
        """The largest absolute value inside the ball."""
        return self.center.abs() if self.radius is None else self.center.abs() + self.radius

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the center."""
        return tuple(self.center.shape)

    @property
    def mT(self) -> Ball:  # noqa: N802
        """Transpose of the last two dimensions."""
        radius = None if self.radius is None else self.radius.mT
        return Ball(self.center.mT, radius, self.unit, whole=self._whole)

    def __getitem__(self, index: Any) -> Ball:
        """Index center and radius alike."""
        return self._like(self.center[index], None if self.radius is None else self.radius[index])

    # -- arithmetic --------------------------------------------------------------------------------

    def _like(self, center: Tensor, radius: Tensor | None, other: Ball | None = None) -> Ball:
        return Ball(center, radius, self.unit if other is None else max(self.unit, other.unit))

    def _lift(self, other: Any) -> Ball | None:
        if isinstance(other, Ball):
            return other
        if isinstance(other, Truth):
            return other.double()
        if isinstance(other, int | float):
            center = torch.tensor(float(other), dtype=torch.float64, device=self.center.device)
            # an int beyond 2^53 may round
            return Ball(center, None if float(other) == other else center.abs() * UNIT)
        return Ball(other) if isinstance(other, Tensor) else None

    def _rounded(
        self,
        center: Tensor,
        terms: int,
        sizes: Tensor,
        carried: list[Tensor],
        other: Ball | None,
        *,
        product: Any = None,
    ) -> Ball:
        """The result ``center`` of ``terms`` operations on exact operands whose absolute terms sum
        to ``sizes``.
        """
        unit = self.unit if other is None else max(self.unit, other.unit)
        exact = self._exact(sizes, other, unit)
        if exact and not carried:
            return Ball(center, None, unit, whole=True)
        fresh: Tensor | None = None
        if not exact:
            # the radius is itself computed in float64: the last factor covers its own rounding
            wider = 1 + 4 * (terms + 4) * UNIT
            rate, lost = gamma(terms, unit) * wider, terms * underflow(unit) * wider
            if bool(sizes.all()):
                fresh = sizes * rate + lost
            elif product is not None and other is not None:
                # nothing is lost of what is zero: a closed gate stays closed
                open_ = self._terms(other, product)
                if bool(open_.any()):
                    fresh = torch.add(sizes * rate, open_.sign(), alpha=lost)
            elif bool(sizes.any()):
                fresh = sizes * rate + lost
        elif product is not None and other is not None and len(carried) == 2:
            # the product of two radii may underflow
            fresh = self._terms(other, product).sign() * (terms * underflow(unit))
        # operands that are off by their radii round off by as much more
        more = 1 + 4 * gamma(terms + 4, unit)
        for part in carried:
            fresh = part * more if fresh is None else torch.add(fresh, part, alpha=more)
        return Ball(center, fresh, unit, whole=exact or None)

    def _exact(self, sizes: Tensor, other: Ball | None, unit: float) -> bool:
        """Whether sums and products of these integers stay below 1/u, so that no order of
        evaluation rounds; they are integers then.
        """
        if not self.whole or not (other is None or other.whole):
            return False
        return sizes.numel() == 0 or float(sizes.max()) < 1 / unit

    def _terms(self, other: Ball, product: Any) -> Tensor:
        """How many products of factors that are not zero each entry sums: what is none of them
        cannot underflow.
        """
        counted: Tensor = product((self.magnitude != 0).double(), (other.magnitude != 0).double())
        return counted

    def __matmul__(self, other: Other) -> Ball:
        """Matrix product: γ_n |A||B| plus what the operands carry."""
        right = self._lift(other)
        if right is None:
            return NotImplemented
        mine, its = self.center.abs(), right.center.abs()
        return self._rounded(
            self.center @ right.center,
            self.center.shape[-1] + 1,
            mine @ its,
            self._carried(right, mine, its, torch.matmul),
            right,
            product=torch.matmul,
        )

    def _carried(self, other: Ball, mine: Tensor, its: Tensor, product: Any) -> list[Tensor]:
        """The errors that a bilinear operation carries on from its operands, whose absolute values
        are given.
        """
        out = []
        if other.radius is not None:
            out.append(product(mine, other.radius))
        if self.radius is not None:
            out.append(product(self.radius, its if other.radius is None else its + other.radius))
        return out

    def __rmatmul__(self, other: Other) -> Ball:
        """Matrix product with a tensor on the left."""
        left = self._lift(other)
        return NotImplemented if left is None else left @ self

    def __mul__(self, other: Other) -> Ball:
        """Hadamard product."""
        right = self._lift(other)
        if right is None:
            return NotImplemented
        center, carried = self.center * right.center, []
        if self.radius is not None or right.radius is not None:
            mine, its = self.center.abs(), right.center.abs()
            carried = self._carried(right, mine, its, torch.mul)
        return self._rounded(center, 1, center.abs(), carried, right, product=torch.mul)

    __rmul__ = __mul__

    def __truediv__(self, other: Other) -> Ball:
        """Quotient; infinite radius where the divisor may be zero."""
        right = self._lift(other)
        if right is None:
            return NotImplemented
        unit = max(self.unit, right.unit)
        if bool(((right.center == 0) & (right.error == 0)).any()):
            _note_zero_divisor()
        center = self.center / right.center
        # an integer product below 2^53: not rounded itself
        whole = center * right.center == self.center
        if (
            self.radius is None
            and right.radius is None
            and bool(whole.all())
            and right._exact(self.center.abs(), self, unit)
            and _integral(center)
        ):
            # whole quotients of integers do not round
            return Ball(center, None, unit, whole=True)
        low = right.center.abs() - right.error
        carried = (self.error + center.abs() * right.error) / low.clamp(min=0)
        fresh = 3 * unit * center.abs() + underflow(unit)
        radius = torch.where(low > 0, carried * (1 + 4 * unit) + fresh, math.inf) * (1 + 16 * UNIT)
        return self._like(center, radius, right)

    def __rtruediv__(self, other: Other) -> Ball:
        """Quotient with a number on the left."""
        left = self._lift(other)
        return NotImplemented if left is None else left / self

    def __add__(self, other: Other) -> Ball:
        """Sum."""
        right = self._lift(other)
        return NotImplemented if right is None else self._summed(right, self.center + right.center)

    __radd__ = __add__

    def _summed(self, right: Ball, center: Tensor) -> Ball:
        """A sum or a difference: ``center`` was computed of both centers."""
        carried = [r.expand_as(center) for r in (self.radius, right.radius) if r is not None]
        sizes = center.abs()
        if not self._exact(sizes, right, max(self.unit, right.unit)):
            alone = (self.center == 0) | (right.center == 0)
            if bool(alone.all()):
                sizes = torch.zeros_like(center)  # adding zero never rounds
        return self._rounded(center, 1, sizes, carried, right)

    def __neg__(self) -> Ball:
        """Negation, exact."""
        return Ball(-self.center, self.radius, self.unit, whole=self._whole)

    def __sub__(self, other: Other) -> Ball:
        """Difference."""
        right = self._lift(other)
        return NotImplemented if right is None else self._summed(right, self.center - right.center)

    def __rsub__(self, other: Other) -> Ball:
        """Difference."""
        return -self + other

    def sum(self, axis: Any = None, keepdim: bool = False, *, dim: Any = None, **_: Any) -> Ball:  # noqa: FBT002
        """Sum over axes, all of them by default: γ_n Σ|terms| plus Σ radii."""
        axes = axes_of(self.center.ndim, axis, dim)
        if not axes:
            return self
        terms = math.prod(self.center.shape[a] for a in axes)
        carried = [] if self.radius is None else [self.radius.sum(axes, keepdim=keepdim)]
        total, sizes = (t.sum(axes, keepdim=keepdim) for t in (self.center, self.center.abs()))
        return self._rounded(total, terms, sizes, carried, None)

    def __repr__(self) -> str:
        """Shape and largest radius."""
        return (
            f"Ball(shape={self.shape}, "
            f"radius<={float(self.error.max()) if self.center.numel() else 0:.3g})"
        )
