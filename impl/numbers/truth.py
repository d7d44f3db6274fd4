"""Comparisons of balls: yes, no, or open."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from theorems.impl.numbers.torch_like import TorchLike


class OpenQuestionError(ArithmeticError):
    """A formula branches on a comparison that rounding leaves open."""


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
        from theorems.impl.numbers.rounded import Ball

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
            raise OpenQuestionError(
                "expected a comparison that rounding leaves decided, got one that is open"
            )
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
        right = (
            other if isinstance(other, Truth) else Truth(other, torch.ones((), dtype=torch.bool))
        )
        sure = (self.sure & right.sure) | (self.sure & ~self.yes) | (right.sure & ~right.yes)
        return Truth(self.yes & right.yes, sure)

    __rand__ = __and__

    def __or__(self, other: Any) -> Truth:
        """Or."""
        return ~(
            ~self
            & ~(
                other
                if isinstance(other, Truth)
                else Truth(other, torch.ones((), dtype=torch.bool))
            )
        )

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
