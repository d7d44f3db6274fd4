"""What a forward pass may change of a module, remembered and put back bit for bit."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_CONTAINERS = (list, dict, set, OrderedDict, deque)


class Remembered:
    """Parameters, buffers, gradients, attributes, hooks, modes and generators of a module.

    Args:
        model: any module.
        parameters: whether the numbers of the parameters are remembered too; False where whoever
            asks puts them back.
        gradients: whether what is in ``.grad`` is.
    """

    def __init__(
        self, model: nn.Module, *, parameters: bool = True, gradients: bool = False
    ) -> None:
        """Remember."""
        eager = [m for m in model.modules() if not isinstance(m, torch.jit.ScriptModule)]
        self.attributes = [
            (d, dict(d)) for m in eager for d in (m._parameters, m._buffers, m.__dict__)
        ]
        own = [value for m in eager for value in vars(m).values()]
        self.containers = [(value, value.copy()) for value in own if type(value) in _CONTAINERS]
        owned = list({id(p): p for p in model.parameters()}.values())
        self.flags = [
            (p, p.requires_grad, p._backward_hooks and dict(p._backward_hooks)) for p in owned
        ]
        self.gradients = [(p, p.grad) for p in owned] if gradients else []
        changing = [
            *(owned if parameters else ()),
            *model.buffers(),
            *(v for v in own if isinstance(v, Tensor)),
        ]
        changing += [grad for _, grad in self.gradients if grad is not None]
        # a tensor that is the output of something is no state
        self.numbers = [(t, t.data, t.detach().clone()) for t in changing if t.grad_fn is None]
        self.sources = [
            (value, value.get_state()) for value in own if isinstance(value, torch.Generator)
        ]
        self.arrays = [(value, value.copy()) for value in own if isinstance(value, np.ndarray)]

    def restore(self) -> None:
        """Put everything back."""
        for now, before in self.attributes:
            for name in now.keys() - before.keys():
                del now[name]
            now.update(before)
        for container, kept in self.containers:
            _refill(container, kept)
        for p, grad in self.gradients:
            p.grad = grad
        for p, wanted, hooks in self.flags:
            p.requires_grad_(wanted)
            if p._backward_hooks is not None and dict(p._backward_hooks) != (hooks or {}):
                _refill(p._backward_hooks, hooks or {})
        with torch.no_grad():
            for tensor, data, value in self.numbers:
                strided = tensor.layout is torch.strided is data.layout
                if (strided and tensor.data_ptr() != data.data_ptr()) or tensor.shape != data.shape:
                    tensor.data = data
                if not _same(data, value):
                    data.copy_(value)
        for source, state in self.sources:
            source.set_state(state)
        for array, numbers in self.arrays:
            array[...] = numbers


def _refill(container: Any, kept: Any) -> None:
    """The same object with what it held; untouched where it still holds just that."""
    same = len(container) == len(kept) and all(
        a is b and (not isinstance(kept, dict) or container[a] is kept[a])
        for a, b in zip(container, kept, strict=True)
    )
    if not same:
        container.clear()
        (container.extend if isinstance(container, list | deque) else container.update)(kept)


def _same(one: Tensor, other: Tensor) -> bool:
    return one.layout is torch.strided and one.shape == other.shape and torch.equal(one, other)


class Dice:
    """The random state of torch, numpy and Python."""

    def __init__(self) -> None:
        """Remember."""
        self.torch, self.numpy, self.python = (
            torch.get_rng_state(),
            np.random.get_state(),  # noqa: NPY002
            random.getstate(),
        )

    def restore(self) -> None:
        """Put it back."""
        torch.set_rng_state(self.torch)
        np.random.set_state(self.numpy)  # noqa: NPY002
        random.setstate(self.python)
