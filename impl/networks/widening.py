"""A network in float64 throughout: what it narrows on the way (``.float()``,
``dtype=torch.float32``) stays in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from theorems.impl.networks.entering import Seeing, arguments, writes

WIDE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex32: torch.complex128,
    torch.complex64: torch.complex128,
}
"""What a narrow format becomes."""
_NAMED = {
    "float": torch.float64,
    "half": torch.float64,
    "bfloat16": torch.float64,
    "cfloat": torch.complex128,
}
_AS_THEY_ARE = (
    "__get__",
    "__set__",
    "view",
    "_set_grad_enabled",
    "register_hook",
    "retain_grad",
    "backward",
)
_ON: ContextVar[bool] = ContextVar("in_double", default=False)


class Widened(Seeing):
    """Rounding to a narrow format is left out, and narrow tensors are widened where they are used.

    Rounding has no derivative of its own (autograd takes its slope to be one), so that the loss
    whose gradient autograd gives is this one.
    """

    def called(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run it with wide formats in place of narrow ones."""
        name = getattr(func, "__name__", "")
        if name in _AS_THEY_ARE:
            return func(*args, **kwargs)
        if name in _NAMED and len(args) == 1 and isinstance(args[0], Tensor):
            return args[0].to(_NAMED[name])
        kept = 1 if writes(name) else 0
        args, kwargs = (*args[:kept], *arguments(args[kept:], _wide)), arguments(kwargs, _wide)
        return _grouped(func, *args, **kwargs) if name == "_grouped_mm" else func(*args, **kwargs)


def _grouped(
    func: Any, rows: Tensor, weight: Tensor, offs: Tensor | None = None, **more: Any
) -> Any:
    """A product of groups of rows with one matrix each, group by group: torch has none in
    float64.
    """
    if rows.ndim != 2 or weight.ndim != 3 or offs is None or more.get("bias") is not None:
        return func(rows, weight, offs=offs, **more)
    ends = offs.tolist()
    parts = [
        rows[start:end] @ matrix
        for start, end, matrix in zip([0, *ends], ends, weight, strict=False)
    ]
    return torch.cat([*parts, rows.new_zeros(len(rows) - ends[-1], weight.shape[-1])])


def _wide(value: Any) -> Any:
    if isinstance(value, torch.dtype):
        return WIDE.get(value, value)
    if isinstance(value, Tensor):
        wide = WIDE.get(value.dtype)
        return value if wide is None or value.layout is torch._mkldnn else value.to(wide)  # type: ignore[attr-defined]
    return value


@contextmanager
def asked_for() -> Iterator[None]:
    """Networks run in float64 throughout while it is open: `impl.networks.running.undisturbed` sees
    to it.
    """
    token = _ON.set(True)
    try:
        yield
    finally:
        _ON.reset(token)


@contextmanager
def throughout() -> Iterator[None]:
    """What runs inside runs in float64 throughout."""
    with asked_for(), as_asked_for():
        yield


@contextmanager
def as_asked_for() -> Iterator[None]:
    """In float64 throughout, if that was asked for; tensors that a network makes itself too."""
    if not _ON.get():
        yield
        return
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with Widened():
            yield
    finally:
        torch.set_default_dtype(before)
