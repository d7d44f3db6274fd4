"""What of a network can be moved by itself: the parameters of a module, what a module is given,
what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.networks.nested import mapped, tensors_of


@dataclass(frozen=True, eq=False)
class Handle:
    r"""Numbers that move together, and how the loss should move with them.

    Args:
        kind: "parameters", "input" or "output".
        module: name of the module.
        parameters: what moves; none for the input or output of a call.
        event: which of the tensors that pass between modules moves.
        slope: :math:`\langle \nabla L, V \rangle` of autograd along a random direction.
        squares: :math:`\sum_i (\nabla_i V_i)^2`.
        terms: :math:`\sum_i |\nabla_i V_i|`.
        entries: how many numbers move.
    """

    kind: str
    module: str
    parameters: tuple[Tensor, ...] = ()
    event: int | None = None
    slope: float = 0.0
    squares: float = 0.0
    terms: float = 0.0
    entries: int = 1

    @property
    def name(self) -> str:
        """As it is called in a row."""
        return f"{self.kind} of {self.module}"


@dataclass
class Passing:
    """What passes between the modules in one forward pass.

    Args:
        kept: the tensors, by event, where they are to be differentiated by.
        of: the kind and module of each event.
        order: the modules in the order in which they are first called.
    """

    kept: dict[int, Tensor] = field(default_factory=dict)
    of: dict[int, tuple[str, str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    count: int = 0

    def untouched(self) -> list[int]:
        """The events whose tensor nothing has written into: only there a gradient is that of what
        passed.
        """
        return [
            event for event, tensor in self.kept.items() if tensor._version == self.versions[event]
        ]


Push = Callable[[Tensor], Tensor]


@contextmanager
def passing(
    model: nn.Module, *, keep: bool = False, pushes: Mapping[int, Push] | None = None
) -> Iterator[Passing]:
    """Watch what passes in and out of every module.

    Args:
        model: any module.
        keep: keep each tensor that autograd follows; what goes on is a view of it.
        pushes: by event, what to make of the tensor.
    """
    seen = Passing()

    def through(kind: str, name: str, value: Any) -> Any:
        tensors = [
            t for t in tensors_of(value) if t.requires_grad and t.is_floating_point() and _plain(t)
        ]
        if not tensors or not torch.is_grad_enabled():
            return value
        wanted = tensors[0]
        event = seen.count
        seen.count += 1
        seen.of[event] = (kind, name)
        changed = wanted
        if keep:
            changed = wanted.view_as(wanted)
            seen.kept[event], seen.versions[event] = changed, changed._version
        if pushes and event in pushes:
            changed = pushes[event](wanted)
        return (
            value if changed is wanted else mapped(value, lambda t: changed if t is wanted else t)
        )

    def enter(name: str) -> Any:
        def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if name not in seen.first:
                seen.order.append(name)
                seen.first[name] = seen.count
            with torch._C.DisableTorchFunction():  # what is done here is not the network's
                changed = through("input", name, (args, kwargs))
            return changed if changed[0] is not args or changed[1] is not kwargs else None

        return hook

    def leave(name: str) -> Any:
        def hook(_module: nn.Module, _args: Any, outputs: Any) -> Any:
            with torch._C.DisableTorchFunction():
                return through("output", name, outputs)

        return hook

    with ExitStack() as stack:
        for name, module in model.named_modules():
            if not isinstance(module, torch.jit.ScriptModule):
                called = name or type(model).__name__
                stack.callback(
                    module.register_forward_pre_hook(enter(called), with_kwargs=True).remove
                )
                stack.callback(module.register_forward_hook(leave(called)).remove)
        yield seen


def _plain(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and not torch._C._functorch.is_functorch_wrapped_tensor(
        tensor
    )
