"""One backward pass of a loss, as training runs it."""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction

from theorems.impl.errors import InputError

_REENTRANT = "CheckpointFunctionBackward"


def found_backwards(
    value: Tensor, tensors: Sequence[Tensor], trained: Sequence[Tensor]
) -> list[Tensor | None]:
    """The gradients of some tensors, by a backward pass that computes those of all ``trained``
    parameters.

    A pass that is asked for less takes other paths through torch's kernels than training does: the
    one of `GroupNorm` in channels_last without the gradient of its input ends the process (torch
    2.13).

    Args:
        value: the loss.
        tensors: parameters or activations.
        trained: the parameters.
    """
    wanted = {id(t): t for t in (*tensors, *trained)}
    if is_reentrant(value):
        return _accumulated(value, tensors, list(wanted.values()))
    found = dict(
        zip(
            wanted,
            torch.autograd.grad(value, list(wanted.values()), allow_unused=True),
            strict=True,
        )
    )
    return [found[id(t)] for t in tensors]


def is_reentrant(value: Tensor) -> bool:
    """Whether part of the graph runs a backward pass of its own, which only ``backward()`` starts:
    a checkpoint with ``use_reentrant=True``, reversible layers.
    """
    waiting = [value.grad_fn] if value.grad_fn is not None else []
    known = set(waiting)
    while waiting:
        node = waiting.pop()
        if node.name() == _REENTRANT or _holds_modules(node):
            return True
        following = {other for other, _ in node.next_functions if other is not None} - known
        known |= following
        waiting += following
    return False


def _holds_modules(node: Any) -> bool:
    """Whether a custom function keeps layers for its backward pass: it will run them again, and
    fill the gradients of their parameters itself.
    """
    kept = vars(node).values() if isinstance(node, BackwardCFunction) else ()
    inside = [
        part for value in kept for part in (value if isinstance(value, list | tuple) else (value,))
    ]
    return any(isinstance(part, nn.Module | FunctionType | MethodType) for part in inside)


def _accumulated(
    value: Tensor, tensors: Sequence[Tensor], leaves: Sequence[Tensor]
) -> list[Tensor | None]:
    """What ``backward()`` leaves in ``.grad`` of parameters, which is put back.

    Raises:
        InputError: for activations, and for hooks after accumulation (an optimiser that steps in
            the backward pass, say).
    """
    if any(not t.is_leaf for t in tensors) or any(
        getattr(p, "_post_accumulate_grad_hooks", None) for p in leaves
    ):
        raise InputError(
            "checkpoints with use_reentrant=True and reversible layers show no gradients of "
            "activations; use_reentrant=False does"
        )
    before = [(p, p.grad) for p in leaves]
    try:
        for p in leaves:
            p.grad = None
        value.backward()
        return [t.grad for t in tensors]
    finally:
        for p, grad in before:
            p.grad = None
            if grad is not None and grad.dtype == p.dtype:
                p.grad = grad
