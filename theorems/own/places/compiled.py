"""The gradient of a compiled graph, beside that of the network as it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from theorems.impl.errors import told
from theorems.impl.networks.running import run, undisturbed
from theorems.impl.networks.tracing import scalar_loss
from theorems.impl.slopes.directions import moves
from theorems.impl.slopes.lines import Lines
from theorems.impl.slopes.loss_lines import LossLine
from theorems.own.places.subject import Subject

_SAME = 2.0**10
"""Units in the last place of the loss by which two ways of computing it may differ."""


def is_compiled(subject: Subject) -> bool:
    """Whether some of it is compiled."""
    return any(
        hasattr(m, "_orig_mod") or getattr(m, "_compiled_call_impl", None)
        for m in subject.model.modules()
    )


def compiled_line(subject: Subject, lines: Lines, whole: LossLine) -> LossLine | str:
    """The line through all parameters with the slope that the compiled graph's gradient gives; or
    why it cannot be had.

    Both gradients are in the network's own format; what its rounding does is what the eager one is
    off by.
    """
    if lines.beside or lines.samples:
        return (
            "the compiled gradient was not looked at: the line is not at the point or the "
            "batch of the network"
        )
    try:
        eager, slope = _slope(subject, lines, eager=True)
        value, compiled = _slope(subject, lines, eager=False)
    except Exception as error:  # noqa: BLE001
        cause: Any = error.__cause__ or error
        cause = getattr(cause, "inner_exception", cause)  # of a backend
        return f"the compiled gradient was not looked at: compiling it raised {told(cause)}"
    narrow = next((p.dtype for p in subject.model.parameters() if moves(p)), torch.float64)
    eps = torch.finfo(narrow).eps
    if not abs(value - eager) <= _SAME * eps * max(abs(eager), lines.scale):
        return (
            f"the compiled gradient was not looked at: the compiled loss is {value:.6g}, and "
            f"{eager:.6g} as it is written (it draws other noise, say)"
        )
    jitter = max(whole.jitter, abs(slope - float(whole.slope)), eps * float(whole.terms))
    return replace(whole, slope=torch.tensor(compiled, dtype=torch.float64), jitter=jitter)


def _slope(subject: Subject, lines: Lines, *, eager: bool) -> tuple[float, float]:
    speeds: dict[int, float] = {}
    moving = {}
    for handle, speed in zip(lines.owners, lines.speeds(lines.owners), strict=True):
        for p in handle.parameters:
            speeds.setdefault(id(p), speed)
            moving[id(p)] = p
    with undisturbed(subject.model, subject.seed):
        value = scalar_loss(
            run(subject.model, subject.inputs, eager=eager), subject.targets, subject.loss
        )
        found = torch.autograd.grad(value, list(moving.values()), allow_unused=True)
    return float(value.detach()), lines.slope_along(
        [(speeds[id(p)], p, g) for p, g in zip(moving.values(), found, strict=True)]
    )
