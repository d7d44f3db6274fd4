"""Formulas in torch's own spelling on every kind of number: ``torch.relu(z)`` of a ball, of exact numbers, of a dual number.

Each kind brings a few primitives (sums, products, ``exp``, ``clamp``, ``where`` …); everything else is made of them, here and once.
What a kind cannot carry raises `NotCarriedError`, which says what it costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from impl.errors import require


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

    A kind has ``shape``, arithmetic, ``@``, indexing, ``sum``, ``amax``, ``exp``, ``log``, ``sqrt``, ``tanh``, ``erf``, ``sin``, ``cos``,
    ``abs``, ``clamp``, ``where``, ``permute``, ``reshape``, ``maximum``, ``inverse`` and ``lifted``, which makes a constant one of its kind.
    """

    shape: Any

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Answer one of torch's functions.

        Raises:
            NotCarriedError: for one that is not among them.
        """
        del types
        name = getattr(func, "__name__", str(func)).strip("_")
        if name == "get":  # a property of tensors, asked of something else
            return NotImplemented
        found = FUNCTIONS.get(name)
        if found is None:
            raise NotCarriedError(
                f"expected a function that runs on {cls.__name__} too, got torch's {name}; write it with {', '.join(sorted(set(FUNCTIONS) & set(_SHOWN)))}"
            )
        like = next(value for value in _flat((args, kwargs or {})) if isinstance(value, TorchLike))
        lift = like.lifted  # type: ignore[attr-defined]
        return found(*_lifted(args, lift), **{key: _lifted(value, lift) for key, value in (kwargs or {}).items()})

    # -- shapes ----------------------------------------------------------------------------------------------------

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
    def T(self) -> Any:  # noqa: N802, torch's own name
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

    # -- made of the primitives ------------------------------------------------------------------------------------

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
        self, offset: int = 0, dim1: int = 0, dim2: int = 1, axis1: int | None = None, axis2: int | None = None
    ) -> Any:
        """Entries with equal indices in two dimensions, as the last dimension."""
        require(offset == 0, f"expected the main diagonal, got offset={offset}")
        first, second = (d % self.ndim for d in (dim1 if axis1 is None else axis1, dim2 if axis2 is None else axis2))
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

    def var(self, dim: Any = None, *, correction: int = 1, keepdim: bool = False, unbiased: bool = True) -> Any:
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


def softplus(x: Any, **_: Any) -> Any:
    """The logarithm of 1 + exp x, without overflow."""
    return x.clamp(min=0) + ((-x.abs()).exp() + 1).log()


def gelu(x: Any, approximate: str = "none") -> Any:
    """X Φ(x)."""
    if approximate != "none":
        return x * 0.5 * (((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)).tanh() + 1)
    return x * 0.5 * ((x / math.sqrt(2)).erf() + 1)


def einsum(equation: str, *operands: Any) -> Any:
    """Products over named indices, summed where a name is not in the result; ``...`` is not read."""
    operands = tuple(operands[0]) if len(operands) == 1 and isinstance(operands[0], tuple | list) else operands
    left, arrow, right = equation.replace(" ", "").partition("->")
    names = left.split(",")
    require("." not in equation, f"expected an einsum of named indices, got {equation!r}; write ... out")
    require(len(names) == len(operands), f"expected {len(names)} operands for {equation!r}, got {len(operands)}")
    seen = "".join(names)
    result = right if arrow else "".join(sorted(c for c in set(seen) if seen.count(c) == 1))
    total: Any = None
    letters = [*result, *sorted(set(seen) - set(result))]
    for name, operand in zip(names, operands, strict=True):
        value, kept = operand, list(name)
        for letter in dict.fromkeys(kept):
            while kept.count(letter) > 1:
                first = kept.index(letter)
                second = kept.index(letter, first + 1)
                value = value.diagonal(dim1=first, dim2=second)
                kept = [c for i, c in enumerate(kept) if i not in (first, second)] + [letter]
        order = [kept.index(c) for c in letters if c in kept]
        sizes = dict(zip(kept, value.shape, strict=True))
        value = value.permute(*order).reshape(tuple(sizes.get(c, 1) for c in letters))
        total = value if total is None else total * value
    extra = tuple(range(len(result), len(letters)))
    return total.sum(extra) if extra else total


def _norm(x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Any:  # noqa: A002, FBT002
    return x.norm(ord, dim, keepdim=keepdim)


def _matrix_norm(x: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Any:  # noqa: A002, FBT002
    if ord != "fro":
        raise NotCarriedError(f"expected the Frobenius norm of a matrix, got ord={ord!r}")
    return x.norm(None, dim, keepdim=keepdim)


def _largest(x: Any, *args: Any, **options: Any) -> Any:
    if args and hasattr(args[0], "shape"):
        return x.maximum(args[0])
    if args or options:
        raise NotCarriedError("expected amax(dim), which has no indices, got max(dim)")
    return x.amax()


def _least(x: Any, *args: Any, **options: Any) -> Any:
    return -_largest(-x, *(-a if hasattr(a, "shape") else a for a in args), **options)


def _where(condition: Any, yes: Any, no: Any) -> Any:
    kind = next(value for value in (yes, no, condition) if isinstance(value, TorchLike))
    return kind.where(condition, yes, no)  # type: ignore[attr-defined]


def _many(name: str) -> Callable[..., Any]:
    def joined(parts: Sequence[Any], dim: int = 0) -> Any:
        kind = next(value for value in parts if isinstance(value, TorchLike))
        return getattr(kind, name)([p if isinstance(p, TorchLike) else kind.lifted(p) for p in parts], dim)  # type: ignore[attr-defined]

    return joined


def _method(name: str) -> Callable[..., Any]:
    def call(x: Any, *args: Any, **options: Any) -> Any:
        return getattr(x, name)(*args, **options)

    return call


def _cross_entropy(outputs: Any, targets: Any, weight: Any = None, *, reduction: str = "mean", **options: Any) -> Any:
    if weight is not None or options.get("label_smoothing"):
        raise NotCarriedError("expected cross_entropy without class weights and smoothing; write it with log_softmax")
    logs = outputs.log_softmax(-1)
    if isinstance(targets, Tensor) and not targets.dtype.is_floating_point:
        each = -logs[list(range(len(targets))), targets.tolist()]
    else:
        each = -(logs * targets).sum(-1)
    return each if reduction == "none" else each.sum() if reduction == "sum" else each.mean()


def _mse(outputs: Any, targets: Any, *, reduction: str = "mean", **_: Any) -> Any:
    square = (outputs - targets) * (outputs - targets)
    return square if reduction == "none" else square.sum() if reduction == "sum" else square.mean()


_METHODS = (
    "abs", "exp", "log", "sqrt", "tanh", "erf", "sin", "cos", "relu", "sigmoid", "square", "sum", "mean", "amax", "amin", "clamp", "var",
    "softmax", "log_softmax", "logsumexp", "diagonal", "trace", "norm", "transpose", "t", "permute", "reshape", "unsqueeze", "flatten",
    "squeeze", "sign", "inverse", "exp2", "detach", "clone", "double", "numel", "dim", "maximum", "minimum", "cumsum",
)  # fmt: skip

FUNCTIONS: dict[str, Callable[..., Any]] = {name: _method(name) for name in _METHODS} | {
    "add": lambda a, b, alpha=1: a + (b if alpha == 1 else b * alpha),
    "radd": lambda a, b: b + a,
    "sub": lambda a, b, alpha=1: a - (b if alpha == 1 else b * alpha),
    "subtract": lambda a, b: a - b,
    "rsub": lambda a, b: b - a,
    "mul": lambda a, b: a * b,
    "multiply": lambda a, b: a * b,
    "rmul": lambda a, b: b * a,
    "div": lambda a, b: a / b,
    "divide": lambda a, b: a / b,
    "truediv": lambda a, b: a / b,
    "true_divide": lambda a, b: a / b,
    "rdiv": lambda a, b: b / a,
    "rtruediv": lambda a, b: b / a,
    "matmul": lambda a, b: a @ b,
    "mm": lambda a, b: a @ b,
    "bmm": lambda a, b: a @ b,
    "mv": lambda a, b: a @ b,
    "rmatmul": lambda a, b: b @ a,
    "pow": lambda a, b: a**b,
    "neg": lambda a: -a,
    "negative": lambda a: -a,
    "absolute": lambda a: a.abs(),
    "reciprocal": lambda a: 1 / a,
    "rsqrt": lambda a: 1 / a.sqrt(),
    "gt": lambda a, b: a > b,
    "greater": lambda a, b: a > b,
    "lt": lambda a, b: a < b,
    "less": lambda a, b: a < b,
    "ge": lambda a, b: a >= b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "where": _where,
    "max": _largest,
    "min": _least,
    "clip": lambda a, min=None, max=None: a.clamp(min=min, max=max),  # noqa: A006, torch's own names
    "clamp_min": lambda a, min: a.clamp(min=min),  # noqa: A006
    "clamp_max": lambda a, max: a.clamp(max=max),  # noqa: A006
    "swapaxes": lambda a, b, c: a.transpose(b, c),
    "adjoint": lambda a: a.mT,
    "dot": lambda a, b: (a * b).sum(-1),
    "inner": lambda a, b: (a * b).sum(-1) if a.ndim == b.ndim == 1 else a @ b.T,
    "vdot": lambda a, b: (a * b).sum(-1),
    "outer": lambda a, b: a.unsqueeze(1) * b.unsqueeze(0),
    "einsum": einsum,
    "stack": _many("stacked"),
    "cat": _many("joined"),
    "concat": _many("joined"),
    "linalg_norm": _norm,
    "linalg_vector_norm": lambda x, ord=2, dim=None, keepdim=False: x.norm(ord, dim, keepdim=keepdim),  # noqa: A006
    "linalg_matrix_norm": _matrix_norm,
    "linalg_inv": lambda x: x.inverse(),
    "linalg_solve": lambda a, b: a.inverse() @ b,
    "linalg_matmul": lambda a, b: a @ b,
    "linalg_diagonal": lambda x: x.diagonal(dim1=-2, dim2=-1),
    "zeros_like": lambda x, **_: x * 0,
    "ones_like": lambda x, **_: x * 0 + 1,
    "softplus": softplus,
    "gelu": gelu,
    "silu": lambda x, **_: x * x.sigmoid(),
    "leaky_relu": lambda x, negative_slope=0.01, **_: x.clamp(min=0) + x.clamp(max=0) * negative_slope,
    "linear": lambda x, w, b=None: x @ w.mT if b is None else x @ w.mT + b,
    "mse_loss": _mse,
    "cross_entropy": _cross_entropy,
}  # fmt: skip
"""What torch's functions and methods mean, by name."""

_SHOWN = (
    "relu",
    "exp",
    "log",
    "sqrt",
    "abs",
    "clamp",
    "where",
    "einsum",
    "softmax",
    "sum",
    "mean",
    "norm",
    "trace",
    "diagonal",
)
