"""What a network or its loss cuts off from autograd: recorded at one point, and held there while
the parameters move.

Autograd differentiates a loss as if what is detached were a constant. So that is what its gradient
is compared with: every detached value keeps the number that it had at the point, however the
parameters move; what is not cut off moves with them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError
from theorems.impl.networks.entering import Seeing, arguments, given, writes
from theorems.impl.networks.nested import mapped

_NUMBERS = ("item", "tolist", "numpy", "__float__", "__array__")
_SURROGATE = (
    "_standard_gamma",
    "_sample_dirichlet",
    "fake_quantize_per_tensor_affine",
    "fake_quantize_per_channel_affine",
)
"""Functions of torch whose gradient is documented to be another than the derivative of what they
return.
"""
_EMBEDDING = (
    "input",
    "weight",
    "padding_idx",
    "max_norm",
    "norm_type",
    "scale_grad_by_freq",
    "sparse",
)
_MODES = ("_set_grad_enabled", "requires_grad_", "retain_grad", "register_hook", "backward", "grad")
_QUIET = ("impl/slopes/cuts.py", "impl/networks/entering.py", "impl/networks/widening.py")


class Cuts(Seeing):
    """Records what is cut off in the first pass under it; holds it in every later one.

    ``detach``, ``.data``, ``.item()`` and what is computed under ``no_grad`` of parameters and
    activations; writes into ``.data`` and under ``no_grad`` move a tensor by as much as at first.
    Embeddings hold the rows of their padding index, and count every row once however often it
    occurs. What a custom autograd function does inside is its own business.

    Attributes:
        names: what was cut off, and where in the source.
        loose: what was cut off and could not be held.
        holding: False runs the network as it is.
    """

    def __init__(self) -> None:
        """Nothing is recorded yet."""
        super().__init__()
        self.names: dict[str, None] = {}
        self.loose: dict[str, None] = {}
        self.recorded: list[tuple[str, Any]] | None = None
        self.holding = True
        self._taken: list[tuple[str, Any]] = []
        self._aliases: dict[int, tuple[Tensor, Tensor]] = {}
        self._next = 0
        self._without = False

    def begin(self) -> None:
        """A pass begins."""
        self._next, self._without = 0, False
        self._taken, self._aliases = [], {}

    def finish(self) -> None:
        """The pass that is over is the one to be held."""
        self.recorded = self._taken
        self._taken, self._aliases = [], {}

    def entered(self, func: Any, body: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Embeddings have cuts of their own, which no call inside shows."""
        if func.__name__ == "embedding" and self.holding and not self._inside():
            return self._embedding(super().entered, func, body, args, kwargs)
        return super().entered(func, body, args, kwargs)

    def called(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run it; record or hold what it cuts off."""
        name, owner = getattr(func, "__name__", ""), getattr(func, "__self__", None)
        if name == "_set_grad_enabled":
            self._without = args[0] is False and (self._without or torch.is_grad_enabled())
        if (
            not self.holding
            or name in _MODES
            or self._inside()
            or (name == "__get__" and owner is not Tensor.data)
        ):
            return func(*args, **kwargs)
        if name == "__set__":
            return self._set_data(func, args) if owner is Tensor.data else func(*args, **kwargs)
        if name in ("detach", "detach_", "__get__"):
            return self._detach(func, args, ".data" if name == "__get__" else name)
        target = args[0] if writes(name) and args and isinstance(args[0], Tensor) else None
        kept = 0 if target is None else 1
        if self._aliases:
            args = (*args[:kept], *arguments(args[kept:], self._constant))
            kwargs = arguments(kwargs, self._constant)
        follows = any(tensor.requires_grad for tensor in given((args, kwargs)))
        if target is not None:
            unseen = id(target) in self._aliases or (self._off() and follows)
            return self._write(func, target, args, kwargs) if unseen else func(*args, **kwargs)
        if name in _SURROGATE and follows:
            self.loose[self._where(name)] = None
        if follows and self._off():
            return self._apart(func, args, kwargs)
        return (
            self._hold(name, lambda: func(*args, **kwargs))
            if follows and name in _NUMBERS
            else func(*args, **kwargs)
        )

    def _off(self) -> bool:
        return self._without or torch.is_inference_mode_enabled()

    def _inside(self) -> bool:
        """Inside the forward of a custom autograd function, where torch itself has turned gradients
        off.
        """
        return not torch.is_grad_enabled() and not self._off()

    def _constant(self, value: Any) -> Any:
        found = self._aliases.get(id(value)) if isinstance(value, Tensor) else None
        return value if found is None else found[1]

    def _detach(self, func: Any, args: tuple[Any, ...], name: str) -> Any:
        source = args[0]
        if id(source) in self._aliases or not source.requires_grad:
            made = func(*args)
            if id(source) in self._aliases:
                self._aliases[id(made)] = (made, self._aliases[id(source)][1])
            return made
        return self._alias(name, func(*args))

    def _alias(self, name: str, made: Any) -> Any:
        """A tensor that shares its numbers with one that autograd follows: read, it is a constant;
        written, both move.
        """
        held = self._hold(name, lambda: made)
        if isinstance(held, Tensor):
            self._aliases[id(made)] = (made, held.detach().clone())
        return made

    def _apart(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call that autograd is told not to follow."""
        if self.recorded is not None and self._coming() == "a view under no_grad":
            return self._alias("a view under no_grad", func(*args, **kwargs))
        if self.recorded is not None:
            return self._hold("no_grad", lambda: func(*args, **kwargs))
        made = func(*args, **kwargs)
        strided = isinstance(made, Tensor) and made.layout is torch.strided and not _wrapped(made)
        shared = strided and any(
            t.layout is torch.strided
            and t.untyped_storage().data_ptr() == made.untyped_storage().data_ptr()
            for t in given((args, kwargs))
        )
        return (
            self._alias("a view under no_grad", made)
            if shared
            else self._hold("no_grad", lambda: made)
        )

    def _hold(self, name: str, make: Callable[[], Any]) -> Any:
        """What it gives at the point: computed and kept in the first pass, and given again in later
        ones.
        """
        if self.recorded is not None:
            kept = self._following(name)
            return make() if kept is _LOOSE else _copied(kept)
        made = make()
        loose = any(_wrapped(tensor) for tensor in given(made))
        (self.loose if loose else self.names)[self._where(name)] = None
        self._taken.append((name, _LOOSE if loose else _copied(made)))
        return made

    def _coming(self) -> str:
        assert self.recorded is not None
        return self.recorded[self._next][0] if self._next < len(self.recorded) else ""

    def _following(self, name: str) -> Any:
        if self._coming() != name:
            raise InputError(
                "expected the network to cut off the same values wherever it is looked at, "
                "but its course changed"
            )
        assert self.recorded is not None
        self._next += 1
        return self.recorded[self._next - 1][1]

    def _write(
        self, func: Any, target: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """A write that autograd does not see; what autograd follows moves by as much as at the
        point.
        """
        moves = target.requires_grad or id(target) in self._aliases
        if self.recorded is None:
            before = target.detach().clone()
            made = func(*args, **kwargs)
            after = target.detach().clone()
            self._taken.append(("a write", (after - before if moves else None, after)))
            self.names[self._where("a write")] = None
        else:
            moved, after = self._following("a write")
            made = target
            with torch.no_grad():
                plain = target if target.requires_grad is False else target.detach()
                _ = plain.copy_(after) if moved is None else plain.add_(moved)
        if id(target) in self._aliases:
            self._aliases[id(target)] = (target, after.clone())
        return made

    def _set_data(self, func: Any, args: tuple[Any, ...]) -> Any:
        """New numbers for a tensor, unseen by autograd: one that it follows moves on from there,
        any other is a constant.
        """
        target, value = args
        value = self._constant(value)
        if not target.requires_grad and not value.requires_grad:
            return func(target, value)
        if self.recorded is None:
            before = target.detach().clone()
            func(target, value)
            moves = target.requires_grad and before.shape == target.shape
            self._taken.append(
                (".data =", (moves, target.detach() - before if moves else target.detach().clone()))
            )
            self.names[self._where(".data =")] = None
            return None
        moves, kept = self._following(".data =")
        return func(target, target.detach() + kept if moves else kept.clone())

    def _embedding(
        self, run: Any, func: Any, body: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        options = dict(zip(_EMBEDDING, args, strict=False)) | kwargs
        weight, tokens, padding = options["weight"], options["input"], options.get("padding_idx")
        if options.get("scale_grad_by_freq") and weight.requires_grad:
            self.names["an embedding's scale_grad_by_freq"] = None
            options["scale_grad_by_freq"] = False
        made = run(func, body, (), options)
        if padding is None or not weight.requires_grad or not torch.is_grad_enabled():
            return made
        rows = tokens == (padding if padding >= 0 else padding + len(weight))
        if not bool(rows.any()):
            return made
        held = self._hold("padding_idx", lambda: made[rows])
        return (
            made
            if self.recorded is None
            else made.masked_scatter(rows[..., None].expand_as(made), held)
        )

    def _where(self, name: str) -> str:
        """The cut, with the function and the line of the source in which it stands."""
        frame: Any = sys._getframe(1)
        inner = ""
        while frame is not None:
            file = frame.f_code.co_filename.replace("\\", "/")
            if not file.startswith(_TORCH) and not file.endswith(_QUIET):
                inside = f" inside {inner}" if inner else ""
                return (
                    f"{name}{inside} in {frame.f_code.co_name} "
                    f"({file.rsplit('/', 1)[-1]}:{frame.f_lineno})"
                )
            if file.endswith("/torch/nn/functional.py"):
                inner = inner or frame.f_code.co_name
            frame = frame.f_back
        return name


_LOOSE = object()
_TORCH = torch.__file__.replace("\\", "/").rsplit("/", 1)[0] + "/"


def _wrapped(tensor: Tensor) -> bool:
    """Whether it is one of a transformation (torch.vmap, torch.func), which does not outlive it."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    return mapped(value, _copied) if any(True for _ in given(value)) else value


def scripted_cuts(model: nn.Module) -> list[str]:
    """What scripted modules cut off, where no mode sees it."""
    graphs = {
        n: str(m.inlined_graph)
        for n, m in model.named_modules()
        if isinstance(m, torch.jit.ScriptModule) and hasattr(m, "inlined_graph")
    }
    return [
        f"{cut} in the scripted {name!r}"
        for name, graph in graphs.items()
        for cut in ("detach", "set_grad_enabled")
        if f"aten::{cut}" in graph
    ]
