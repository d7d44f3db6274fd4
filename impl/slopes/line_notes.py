"""What is looked at beside a line: how rough the loss is, what last bits do to it, and what the row
must say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from theorems.impl.errors import InputError
from theorems.impl.slopes.directions import blocks, real, roughness
from theorems.impl.slopes.loss_lines import BETWEEN, FINE, REPEATS, ROUGH

if TYPE_CHECKING:
    from theorems.impl.slopes.lines import Lines
    from theorems.impl.slopes.moving import Moving

LARGEST = 2**20
"""Parameters up to which the whole batch is run at all steps."""


def notes_on(lines: Lines) -> list[str]:
    """What the row must say beside its verdict."""
    notes = []
    if not lines.wide:
        notes.append("in the network's own format: it does not run in float64")
    if lines.samples:
        notes.append(
            f"it has more than {LARGEST} parameters: only the {lines.samples} were looked at"
        )
    if any(
        hasattr(m, "_orig_mod") or getattr(m, "_compiled_call_impl", None)
        for m in lines.model.modules()
    ):
        notes.append("it is compiled, but ran as it is written")
    seen = {id(p) for h in lines.owners for p in h.parameters}
    missed = [
        name for name, p in lines.model.named_parameters() if p.requires_grad and id(p) not in seen
    ]
    if missed:
        more = f" and {len(missed) - 4} more" if len(missed) > 4 else ""
        notes.append(f"the loss does not reach {', '.join(missed[:4])}{more}: not looked at")
    hooked = sum(
        bool(getattr(p, "_post_accumulate_grad_hooks", None)) for p in lines.model.parameters()
    )
    if hooked:
        notes.append(
            f"hooks after accumulation, on {hooked} parameters, did not run: what they do to "
            "gradients was not looked at"
        )
    free = [name for name in lines.cuts.names if "scale_grad_by_freq" in name]
    if free:
        notes.append(f"{free[0]} was left out of its gradient")
    cuts = [name for name in lines.cuts.names if name not in free]
    if cuts and lines.depends():
        more = f" and {len(cuts) - 3} more" if len(cuts) > 3 else ""
        notes.append(f"cut off from autograd, and held where it was: {'; '.join(cuts[:3])}{more}")
    elif cuts:
        more = " and more" if len(cuts) > 1 else ""
        notes.append(
            f"cut off from autograd: {cuts[0]}{more}; nothing that the loss reaches moves it"
            if missed
            else f"cut off from autograd without any effect on the loss: {cuts[0]}{more}"
        )
    return notes


def roughness_along(
    lines: Lines, line: Moving, steps: Sequence[float], pairs: Sequence[tuple[float, float]]
) -> Tensor:
    """How far single values of the loss are off a smooth curve, on nine points up to a step; of
    every step, the most that finer ones show.
    """
    found = {}
    for k in range(len(steps))[ROUGH]:
        if k + 1 < len(steps):
            (a, b), (c, d) = pairs[k], pairs[k + 1]
            near, far = ((line(s * steps[k]), line(-s * steps[k])) for s in BETWEEN)
            points = torch.tensor(
                [b, far[1], near[1], d, lines.value, c, near[0], far[0], a], dtype=torch.float64
            )
            found[k] = roughness(points)
    last = max(found, default=0)
    worst, rising = [found.get(last, 0.0)] * len(steps), 0.0
    for k in reversed(range(last + 1)):
        rising = max(rising, found.get(k, 0.0))
        worst[k] = rising
    return torch.tensor([*worst, *(worst[-1] for h in FINE if h < steps[-1])], dtype=torch.float64)


def last_bits(lines: Lines, line: Moving) -> tuple[float, float]:
    """How far loss and slope move when every parameter, of any module, moves by up to eight units
    in its last place.
    """
    eps = torch.finfo(torch.float64 if lines.wide else next(lines.model.parameters()).dtype).eps
    moving = [p for h in lines.owners for p in h.parameters]
    wobble = jitter = 0.0
    for again in range(REPEATS):

        def moved(p: Tensor, at: Tensor, again: int = again) -> None:
            seed = (lines.seed + 1000 * (again + 1) + lines._numbers[id(p)]) % 2**63
            source = torch.Generator(device=p.device).manual_seed(seed)
            for part in blocks(real(at)):
                drawn = torch.rand(part.shape, generator=source, dtype=part.dtype, device=at.device)
                part.mul_(1 + 8 * eps * (drawn * 2 - 1))

        lines.put(moving, moved)
        lines.put(lines.to_reset({id(p) for p in moving}))
        try:
            value, slope = line.again()
        except (InputError, RuntimeError):
            return math.inf, math.inf
        wobble, jitter = max(wobble, abs(value - lines.value)), max(jitter, abs(slope - line.slope))
    return wobble, jitter
