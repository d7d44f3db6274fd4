"""Run a float32 or bfloat16 network in float64, and leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError, told
from theorems.impl.networks.copying import copied
from theorems.impl.networks.widening import asked_for


def widened(tensor: Tensor) -> Tensor:
    """In float64, if it holds floating-point numbers; in complex128, if complex ones."""
    if tensor.dtype.is_complex:
        return tensor.detach().to(torch.complex128)
    return tensor.detach().double() if tensor.dtype.is_floating_point else tensor


@contextmanager
def in_double(model: nn.Module) -> Iterator[dict[int, Tensor]]:
    """The model's own parameters and buffers as float64 copies; its hooks stay where they are.

    What the network narrows on the way (``.float()``, say) stays in float64 too, see
    `impl.networks.widening`. Yields the numbers that the parameters had, by the parameter's id.
    """
    parameters = [(p, p.data) for p in model.parameters()]
    buffers = [
        (m._buffers, dict(m._buffers))
        for m in model.modules()
        if not isinstance(m, torch.jit.ScriptModule)
    ]
    try:
        for p, data in parameters:
            wide = widened(data)
            p.data = wide if wide.dtype != data.dtype else wide.clone()
            del wide
        for now, before in buffers:
            now.update({name: b if b is None else widened(b) for name, b in before.items()})
        with asked_for():
            yield {id(p): data for p, data in parameters}
    finally:
        for p, data in parameters:
            p.data = data
        for now, before in buffers:
            now.update(before)


def loss_in_double(loss: Any) -> Any:
    """A copy of a loss module whose buffers (class weights) are float64; any other callable as it
    is.

    Raises:
        InputError: for a module that cannot be copied.
    """
    if not isinstance(loss, nn.Module):
        return loss
    try:
        return copied(loss).double()
    except Exception as error:
        raise InputError(
            f"expected a loss that can be copied, but it raised {told(error)}"
        ) from error
