"""What torch's functions mean on a kind of number that is no tensor, by name; made of the methods
of `impl.numbers.torch_like.TorchLike`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.numbers.torch_like import NotCarriedError, TorchLike


def softplus(x: Any, **_: Any) -> Any:
    """The logarithm of 1 + exp x, without overflow."""
    return x.clamp(min=0) + ((-x.abs()).exp() + 1).log()


def gelu(x: Any, approximate: str = "none") -> Any:
    """X Φ(x)."""
    if approximate != "none":
        return x * 0.5 * (((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)).tanh() + 1)
    return x * 0.5 * ((x / math.sqrt(2)).erf() + 1)


def einsum(equation: str, *operands: Any) -> Any:
    """Products over named indices, summed where a name is not in the result; ``...`` is not
    read.
    """
    operands = (
        tuple(operands[0])
        if len(operands) == 1 and isinstance(operands[0], tuple | list)
        else operands
    )
    left, arrow, right = equation.replace(" ", "").partition("->")
    names = left.split(",")
    require(
        "." not in equation, f"expected an einsum of named indices, got {equation!r}; write ... out"
    )
    require(
        len(names) == len(operands),
        f"expected {len(names)} operands for {equation!r}, got {len(operands)}",
    )
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
        return getattr(kind, name)(
            [p if isinstance(p, TorchLike) else kind.lifted(p) for p in parts],  # type: ignore[attr-defined]
            dim,
        )

    return joined


def _method(name: str) -> Callable[..., Any]:
    def call(x: Any, *args: Any, **options: Any) -> Any:
        return getattr(x, name)(*args, **options)

    return call


def _cross_entropy(
    outputs: Any, targets: Any, weight: Any = None, *, reduction: str = "mean", **options: Any
) -> Any:
    if weight is not None or options.get("label_smoothing"):
        raise NotCarriedError(
            "expected cross_entropy without class weights and smoothing; write it with log_softmax"
        )
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
    "abs",
    "exp",
    "log",
    "sqrt",
    "tanh",
    "erf",
    "sin",
    "cos",
    "relu",
    "sigmoid",
    "square",
    "sum",
    "mean",
    "amax",
    "amin",
    "clamp",
    "var",
    "softmax",
    "log_softmax",
    "logsumexp",
    "diagonal",
    "trace",
    "norm",
    "transpose",
    "t",
    "permute",
    "reshape",
    "unsqueeze",
    "flatten",
    "squeeze",
    "sign",
    "inverse",
    "exp2",
    "detach",
    "clone",
    "double",
    "numel",
    "dim",
    "maximum",
    "minimum",
    "cumsum",
)

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
    "clip": lambda a, min=None, max=None: a.clamp(min=min, max=max),  # noqa: A006
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
    "linalg_vector_norm": lambda x, ord=2, dim=None, keepdim=False: x.norm(  # noqa: A006
        ord, dim, keepdim=keepdim
    ),
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
    "leaky_relu": lambda x, negative_slope=0.01, **_: (
        x.clamp(min=0) + x.clamp(max=0) * negative_slope
    ),
    "linear": lambda x, w, b=None: x @ w.mT if b is None else x @ w.mT + b,
    "mse_loss": _mse,
    "cross_entropy": _cross_entropy,
}
"""What torch's functions and methods mean, by name."""

SHOWN = (
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
