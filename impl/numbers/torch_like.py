"""Formulas in torch's own spelling on every kind of number: ``torch.relu(z)`` of a ball, of exact
numbers, of a dual number.

Each kind brings a few primitives (sums, products, ``exp``, ``clamp``, ``where`` …); everything else
is made of them, here and once. What a kind cannot carry raises `NotCarriedError`, which says what
it costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from theorems.impl.errors import require


class NotCarriedError(TypeError):
    """A function that this kind of number has no value of."""


Axes = int | tuple[int, ...] | None


def axes_of(ndim: int, axis: Any, dim: Any) -> tuple[int, ...]:
    """Every axis as a number from 0 on; all of them for None."""
    chosen = axis if dim is None else dim
    if chosen is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in ((chosen,) if isinstance(chosen, int) else tuple(chosen)))


class TorchLike:
    """What torch's functions and methods mean on a kind of number that is no tensor.

    A kind has ``shape``, arithmetic, ``@``, indexing, ``sum``, ``amax``, ``exp``, ``log``,
    ``sqrt``, ``tanh``, ``erf``, ``sin``, ``cos``, ``abs``, ``clamp``, ``where``, ``permute``,
    ``reshape``, ``maximum``, ``inverse`` and ``lifted``, which makes a constant one of its kind.
    """

    shape: Any

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Answer one of torch's functions.

        Raises:
            NotCarriedError: for one that is not among them.
        """
        del types
        name = getattr(func, "__name__", str(func)).strip("_")
        if name == "get":  # a property of tensors, asked of something else
            return NotImplemented
        from theorems.impl.numbers.torch_functions import FUNCTIONS, SHOWN

        found = FUNCTIONS.get(name)
        if found is None:
            raise NotCarriedError(
                f"expected a function that runs on {cls.__name__} too, got torch's {name}; "
                f"write it with {', '.join(sorted(set(FUNCTIONS) & set(SHOWN)))}"
            )
        like = next(value for value in _flat((args, kwargs or {})) if isinstance(value, TorchLike))
        lift = like.lifted  # type: ignore[attr-defined]
        return found(
            *_lifted(args, lift),
            **{key: _lifted(value, lift) for key, value in (kwargs or {}).items()},
        )

    # -- shapes ------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """How many dimensions."""
        return len(self.shape)

    def dim(self) -> int:
        """How many dimensions."""
        return len(self.shape)

    def numel(self) -> int:
        """How many entries."""
        return math.prod(self.shape)

    @property
    def T(self) -> Any:  # noqa: N802
        """All dimensions in reverse."""
        return self.permute(*reversed(range(self.ndim)))  # type: ignore[attr-defined]

    def t(self) -> Any:
        """Transpose of a matrix."""
        return self.T

    def transpose(self, *axes: int) -> Any:
        """Two dimensions exchanged."""
        order = list(range(self.ndim))
        if len(axes) == 0:
            return self.T
        a, b = axes
        order[a], order[b] = order[b], order[a]
        return self.permute(*order)  # type: ignore[attr-defined]

    def unsqueeze(self, dim: int) -> Any:
        """A new dimension of size one."""
        at = dim % (self.ndim + 1)
        return self.reshape((*self.shape[:at], 1, *self.shape[at:]))  # type: ignore[attr-defined]

    def flatten(self) -> Any:
        """One dimension."""
        return self.reshape((-1,))  # type: ignore[attr-defined]

    def view(self, *shape: Any) -> Any:
        """Another shape."""
        return self.reshape(*shape)  # type: ignore[attr-defined]

    def __len__(self) -> int:
        """Size of the first dimension."""
        return int(self.shape[0])

    def double(self) -> Any:
        """The same numbers."""
        return self

    detach = clone = contiguous = double

    # -- made of the primitives --------------------------------------------------------------------

    def mean(self, axis: Any = None, keepdim: bool = False, *, dim: Any = None, **_: Any) -> Any:  # noqa: FBT002
        """Sum over how many."""
        axes = axes_of(self.ndim, axis, dim)
        total = self.sum(axes, keepdim=keepdim)  # type: ignore[attr-defined]
        return total / math.prod(self.shape[a] for a in axes)

    def relu(self, **_: Any) -> Any:
        """The larger of x and 0."""
        return self.clamp(min=0)  # type: ignore[attr-defined]

    def square(self) -> Any:
        """x·x."""
        return self * self  # type: ignore[operator]

    def diagonal(
        self,
        offset: int = 0,
        dim1: int = 0,
        dim2: int = 1,
        axis1: int | None = None,
        axis2: int | None = None,
    ) -> Any:
        """Entries with equal indices in two dimensions, as the last dimension."""
        require(offset == 0, f"expected the main diagonal, got offset={offset}")
        first, second = (
            d % self.ndim
            for d in (dim1 if axis1 is None else axis1, dim2 if axis2 is None else axis2)
        )
        rest = [d for d in range(self.ndim) if d not in (first, second)]
        moved = self.permute(*rest, first, second)  # type: ignore[attr-defined]
        index = list(range(min(self.shape[first], self.shape[second])))
        return moved[..., index, index]

    def trace(self) -> Any:
        """Sum of the diagonal of a matrix."""
        return self.diagonal().sum(-1)

    def norm(self, p: Any = None, dim: Any = None, keepdim: bool = False) -> Any:  # noqa: FBT002
        """The Euclidean norm; of absolute values for p = 1, their largest for p = ∞."""
        if p == 1:
            return self.abs().sum(dim, keepdim=keepdim)  # type: ignore[attr-defined]
        if p in (math.inf, "inf"):
            return self.abs().amax(dim, keepdim=keepdim)  # type: ignore[attr-defined]
        if p not in (None, 2, "fro"):
            raise NotCarriedError(f"expected a norm with p = 1, 2 or inf, got p={p!r}")
        return self.square().sum(dim, keepdim=keepdim)._root()

    def _root(self) -> Any:
        """√x of something that is known not to be negative."""
        return self.sqrt()  # type: ignore[attr-defined]

    def softmax(self, dim: int = -1, **_: Any) -> Any:
        """Exp x/Σ exp x."""
        high = self.amax(dim, keepdim=True)  # type: ignore[attr-defined]
        powers = (self - high).exp()
        return powers / powers.sum(dim, keepdim=True)

    def logsumexp(self, dim: Any, keepdim: bool = False) -> Any:  # noqa: FBT002
        """Log Σ exp x."""
        high = self.amax(dim, keepdim=True)  # type: ignore[attr-defined]
        total = (self - high).exp().sum(dim, keepdim=keepdim).log()
        return total + (high if keepdim else self.amax(dim))  # type: ignore[attr-defined]

    def log_softmax(self, dim: int = -1, **_: Any) -> Any:
        """X − log Σ exp x."""
        return self - self.logsumexp(dim, keepdim=True)

    def sigmoid(self) -> Any:
        """1/(1 + exp(−x))."""
        return 1 / ((-self).exp() + 1)  # type: ignore[operator]

    def var(
        self, dim: Any = None, *, correction: int = 1, keepdim: bool = False, unbiased: bool = True
    ) -> Any:
        """Variance over some dimensions."""
        axes = axes_of(self.ndim, None, dim)
        count = math.prod(self.shape[a] for a in axes) - (correction if unbiased else 0)
        return (self - self.mean(axes, keepdim=True)).square().sum(axes, keepdim=keepdim) / count

    def max(self) -> Any:
        """The largest entry."""
        return self.amax()  # type: ignore[attr-defined]

    def min(self) -> Any:
        """The least entry."""
        return self.amin()

    def amin(self, axis: Any = None, keepdim: bool = False, *, dim: Any = None) -> Any:  # noqa: FBT002
        """The least entry over some dimensions."""
        return -(-self).amax(axis, keepdim=keepdim, dim=dim)  # type: ignore[operator]


def _flat(value: Any) -> Any:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        for part in value:
            yield from _flat(part)
    else:
        yield value


def _lifted(value: Any, lift: Callable[[Any], Any]) -> Any:
    """Tensors among the arguments as numbers of the kind; masks of tensors stay what they are."""
    if isinstance(value, tuple | list):
        return type(value)(_lifted(part, lift) for part in value)
    if isinstance(value, Tensor) and value.dtype.is_floating_point:
        return lift(value)
    return value
