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
from theorems.relations import _TOLD, Comparison, Finding, Sign, _parts
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
    members, equal = len(stack.members), {}
    sure = torch.ones(members, dtype=torch.bool)
    for part, value in measured.items():
        ball, sign = as_ball(told[part]), relation.signs.get(part, relation.sign)
        bound = rounding(value, radii[part]) + ball.error
        if any(size.shape[:1] != (members,) for size in (value, ball.center, bound)):
            return None  # a side that does not keep the members apart
        sure &= _sure(sign, value, ball.center, bound)
        if sign == "=":
            equal[part] = bound
    for name in stack.telling if equal else ():
        sure &= _seen(observe, predict, wide, name, equal)
    return found, [at for at in range(members) if not sure[at]]


def _sure(sign: Sign, observed: Tensor, predicted: Tensor, bound: Tensor) -> Tensor:
    """Which members hold by themselves, given that all hold together: those whose bound is no
    larger than what is compared, or whose inequality is proved in spite of it.
    """
    members = len(observed)
    if sign == ">":
        return torch.ones(members, dtype=torch.bool)
    sizes = _largest(observed, members), _largest(predicted, members)
    most = _largest(bound, members)
    if sign == "=":
        return (most <= _TOLD * torch.minimum(*sizes)) | (most == 0)
    gap = observed - predicted if sign == "<=" else predicted - observed
    proved = (gap <= -bound).flatten(1).all(1) if gap.ndim > 1 else gap <= -bound
    return (most <= torch.maximum(*sizes)) | (most == 0) | proved


def _seen(
    observe: Side, predict: Side, stack: Instance, name: str, bounds: Mapping[str, Tensor]
) -> Tensor:
    """In which members half of a measured field would be seen."""
    halved = replace(stack, **{name: getattr(stack, name) / 2})
    seen, told = _parts(observe(halved)), _parts(predict(halved))
    beyond = [
        ((seen[part] - told[part]).abs() > bound).reshape(len(bound), -1).any(1)
        for part, bound in bounds.items()
    ]
    return torch.stack(beyond).any(0)


def _in_floats(stack: Instance) -> bool:
    values = [value for value in vars(stack).values() if isinstance(value, Tensor | np.ndarray)]
    return bool(values) and all(isinstance(value, Tensor) for value in values)


def _largest(value: Any, members: int) -> Tensor:
    """The largest size in each member."""
    return torch.as_tensor(value).double().abs().reshape(members, -1).amax(1)
