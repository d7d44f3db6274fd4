"""A stack of instances judged in one go, where that says as much as judging its members one by one.

What a comparison asks of the sizes of its sides, and of half of what was measured, it asks of
everything that it compares: on a stack a large member would answer for a small one. So a member
counts as judged only if it passes both by itself, by a sufficient condition that is cheap; those
that do not, and all where a stack does anything but hold, are judged one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theorems.impl.instances.instance import Instance
from theorems.relations import _TOLD, Comparison, Finding, _parts
from theorems.relations.doubt import as_ball, rounding
from theorems.relations.enclosures import enclose
from theorems.verdict import Outcome

Side = Callable[[Any], Any]


def holding_together(
    relation: Any, observe: Side, predict: Side, stack: Instance
) -> tuple[Finding, list[int]] | None:
    """What the relation makes of a stack that holds, and which members are to be judged by
    themselves; None if all are.

    Args:
        relation: of the claim; only comparisons entry by entry are judged together.
        observe: acts on each member by itself.
        predict: acts on each member by itself.
        stack: of floats, made by `Instance.stack`.
    """
    if type(relation) is not Comparison or not relation.rounded or not _in_floats(stack):
        return None
    found = relation.judge(observe, predict, stack)
    if found.outcome is not Outcome.HOLDS:
        return None
    wide, balls = stack.double(), enclose(stack)
    measured, told, radii = _parts(observe(wide)), _parts(predict(balls)), _parts(observe(balls))
    members, bounds = len(stack.members), {}
    sure = torch.ones(members, dtype=torch.bool)
    for part, value in measured.items():
        ball = as_ball(told[part])
        bounds[part] = rounding(value, radii[part]) + ball.error
        if any(size.shape[:1] != (members,) for size in (value, ball.center, bounds[part])):
            return None  # a side that does not keep the members apart
        sizes = torch.minimum(_largest(value, members), _largest(ball.center, members))
        bound = _largest(bounds[part], members)
        sure &= (bound <= _TOLD * sizes) | (bound == 0)
    for name in stack.telling:
        sure &= _told(observe, predict, wide, name, bounds)
    return found, [at for at in range(members) if not sure[at]]


def _told(
    observe: Side, predict: Side, stack: Instance, name: str, bounds: Mapping[str, Tensor]
) -> Tensor:
    """In which members half of a measured field would be seen."""
    halved = replace(stack, **{name: getattr(stack, name) / 2})
    seen, told = _parts(observe(halved)), _parts(predict(halved))
    beyond = [
        ((seen[part] - told[part]).abs() > bound).flatten(1).any(1)
        for part, bound in bounds.items()
    ]
    return torch.stack(beyond).any(0)


def _in_floats(stack: Instance) -> bool:
    values = [value for value in vars(stack).values() if isinstance(value, Tensor | np.ndarray)]
    return bool(values) and all(isinstance(value, Tensor) for value in values)


def _largest(value: Any, members: int) -> Tensor:
    """The largest size in each member."""
    return torch.as_tensor(value).double().abs().reshape(members, -1).amax(1)
