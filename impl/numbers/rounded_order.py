"""Order on balls: absolute values, the larger of two, comparisons that may be open, and the choice
between two by one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from theorems.impl.numbers.torch_like import TorchLike, axes_of
from theorems.impl.numbers.truth import Truth

_UNIT = 2.0**-53


class BallOrder(TorchLike):
    """What `impl.numbers.rounded.Ball` answers to where order counts."""

    center: Tensor
    radius: Tensor | None
    unit: float

    def abs(self) -> Any:
        """Absolute value, exact."""
        return self._like(self.center.abs(), self.radius)  # type: ignore[attr-defined]

    def __abs__(self) -> Any:
        """Absolute value, exact."""
        return self._like(self.center.abs(), self.radius)  # type: ignore[attr-defined]

    def clamp(self, min: float | None = None, max: float | None = None) -> Any:  # noqa: A002
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
            truth.yes,
            (other.center - center).abs() + other.error,
            (one.center - center).abs() + one.error,
        )
        radius = torch.where(truth.sure, taken, torch.maximum(taken, left * (1 + 4 * _UNIT)))
        return one._like(center, radius if bool(radius.any()) else None, other)
