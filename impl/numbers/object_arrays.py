# mypy: disable-error-code="override, misc, call-overload, type-var"
# torch's methods take other arguments than numpy's: that is what this class is for
"""Object arrays that answer to torch's spelling: the common base of exact numbers and of balls of
arb.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from theorems.impl.numbers.torch_like import TorchLike, axes_of


class ObjectArray(TorchLike, np.ndarray[Any, Any]):
    """A numpy array of objects with torch's methods; what comes out of it stays one, zero
    dimensions included.
    """

    __array_priority__ = 800
    ndim: Any = np.ndarray.ndim

    def _ufunc(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        raise NotImplementedError

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Numpy's functions, with exact or enclosed results only."""
        if any(
            not isinstance(v, np.ndarray | np.generic | int | float | Tensor) and not _is_number(v)
            for v in inputs
        ):
            return NotImplemented
        like = next(value for value in (self, *inputs) if isinstance(value, ObjectArray))
        options.pop("out", None)
        return self._wrapped(like._ufunc(ufunc, method, *inputs, **options))

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self._wrapped(part) for part in value)
        array = value if isinstance(value, np.ndarray) else _single(value)
        return array.view(type(self)) if array.dtype in (object, bool) else array

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:  # noqa: FBT002
        """Keep results without dimensions arrays, as torch does; what is no number (comparisons) is
        a plain array.
        """
        return array.view(type(self)) if array.dtype in (object, bool) else array.view(np.ndarray)

    def __getitem__(self, index: Any) -> Any:
        """A part; a single entry is an array without dimensions."""
        found = super().__getitem__(index)
        return found if isinstance(found, np.ndarray) else self._wrapped(found)

    def __bool__(self) -> bool:
        """Of a single number."""
        return bool(np.asarray(self))

    @property
    def T(self) -> Any:  # noqa: N802
        """All dimensions in reverse."""
        return np.ndarray.transpose(self)

    def permute(self, *axes: int) -> Any:
        """Dimensions in another order."""
        return np.ndarray.transpose(self, axes)

    def reshape(self, *shape: Any, **options: Any) -> Any:
        """Another shape."""
        return np.ndarray.reshape(self, *shape, **options)

    def view(self, *shape: Any, **options: Any) -> Any:
        """Another shape, as torch's; another type, as numpy's."""
        if shape and not isinstance(shape[0], type | str | np.dtype):
            return self.reshape(*shape)
        return np.ndarray.view(self, *shape, **options)

    def flatten(self, *_: Any) -> Any:
        """One dimension."""
        return np.ndarray.reshape(self, -1)

    def squeeze(self, *axes: int, **options: Any) -> Any:
        """Without dimensions of size one."""
        return np.ndarray.squeeze(self, *axes, **options)

    def sum(
        self,
        axis: Any = None,
        keepdim: bool = False,  # noqa: FBT002
        *,
        dim: Any = None,
        keepdims: bool = False,
        **_: Any,
    ) -> Any:
        """Sum over axes, all of them by default."""
        axes = axes_of(self.ndim, axis if not isinstance(axis, list) else tuple(axis), dim)
        return (
            self._wrapped(
                np.add.reduce(np.asarray(self), axis=axes, keepdims=bool(keepdim or keepdims))
            )
            if axes
            else self
        )

    def amax(
        self,
        axis: Any = None,
        keepdim: bool = False,  # noqa: FBT002
        *,
        dim: Any = None,
        keepdims: bool = False,
        **_: Any,
    ) -> Any:
        """The largest entry over some dimensions."""
        axes = axes_of(self.ndim, axis, dim)
        return np.maximum.reduce(self, axis=axes, keepdims=keepdim or keepdims)

    def max(self, axis: Any = None, **options: Any) -> Any:
        """The largest entry."""
        return self.amax(axis, **options)

    def min(self, axis: Any = None, **options: Any) -> Any:
        """The least entry."""
        return self.amin(axis, **options)

    def trace(self, *_: Any, **__: Any) -> Any:
        """Sum of the diagonal of a matrix."""
        return TorchLike.trace(self)

    def diagonal(self, *axes: int, **options: Any) -> Any:
        """Entries with equal indices in two dimensions."""
        return TorchLike.diagonal(self, *axes, **options)

    def abs(self) -> Any:
        """Absolute value."""
        return np.absolute(self)

    def sign(self) -> Any:
        """−1, 0 or 1."""
        return self.where(self > 0, 1, self.where(self < 0, -1, self * 0))

    def clamp(self, min: Any = None, max: Any = None) -> Any:  # noqa: A002
        """At least ``min`` and at most ``max``."""
        out: Any = self if min is None else np.maximum(self, self.lifted(min))  # type: ignore[attr-defined]
        return out if max is None else np.minimum(out, self.lifted(max))  # type: ignore[attr-defined]

    def maximum(self, other: Any) -> Any:
        """The larger of two, entry by entry."""
        return np.maximum(self, self.lifted(other))  # type: ignore[attr-defined]

    def minimum(self, other: Any) -> Any:
        """The smaller of two, entry by entry."""
        return np.minimum(self, self.lifted(other))  # type: ignore[attr-defined]

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        """One of two, entry by entry."""
        chosen = np.asarray(
            condition.numpy() if isinstance(condition, Tensor) else condition
        ).astype(bool)
        first, second = (np.asarray(self.lifted(value), dtype=object) for value in (yes, no))  # type: ignore[attr-defined]
        return self._wrapped(np.where(chosen, first, second))

    def stacked(self, parts: list[Any], dim: int = 0) -> Any:
        """Along a new dimension."""
        return self._wrapped(np.stack([np.asarray(p, dtype=object) for p in parts], dim))

    def joined(self, parts: list[Any], dim: int = 0) -> Any:
        """Along a dimension."""
        return self._wrapped(np.concatenate([np.asarray(p, dtype=object) for p in parts], dim))

    def double(self) -> Any:
        """The same numbers; of a comparison, one for yes and zero for no."""
        return np.ndarray.astype(self, int).astype(object) if self.dtype == bool else self

    detach = clone = contiguous = double


def _single(value: Any) -> np.ndarray:
    out = np.empty((), dtype=bool if isinstance(value, bool | np.bool_) else object)
    out[()] = value
    return out


def _is_number(value: Any) -> bool:
    from fractions import Fraction

    from flint import arb, fmpq

    from theorems.impl.numbers.tracked import Tracked

    return isinstance(value, Fraction | arb | fmpq | Tracked | list)
