"""Before an equation is said to hold: would it have held with half of what was measured?

The bound of an equation is compared with its sides. But a side may be made of terms of which one
alone is in question: λWᵀW + (∇_H)ᵀH is as large as ever where the gradient is less than the
rounding of the first term, and then a doubled gradient, one of the other sign or none at all is
within the bound too. So each field that a type names in ``telling`` is halved: where one is halved,
a difference has to be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from theorems.impl.instances.instance import Instance
from theorems.relations.doubt import term_sizes
from theorems.relations.enclosures import enclose

Side = Callable[[Any], Any]

_TOGETHER = 4
"""Units in the last place: if, where a field is halved, the sides move apart by no more of what
they move, they move together, and the equation says nothing of the field's size.
"""
RESOLVED = 2.0**-10
"""Where terms cancel, how small the bound has to be beside them."""


def not_told(observe: Side, predict: Side, instance: Instance, bounds: Mapping[str, Tensor]) -> str:
    """The field of which half would be within the bounds of an equation as well; "" if there is
    none, or if the terms that it enters cancelled.

    Args:
        observe: one side, of an instance.
        predict: the other.
        instance: of floats.
        bounds: of each part that is an equation, entry by entry.
    """
    wide, sides = instance.double(), (observe, predict)
    unit = max(getattr(instance, "unit", 0.0), 2.0**-20)
    base: list[Any] = []
    for name in instance.telling:
        value = getattr(wide, name)
        if not isinstance(value, Tensor) or not bool(value.any()):
            continue
        base = base or [_parts(side(wide)) for side in sides]
        halved = replace(wide, **{name: value / 2})
        half = [_parts(side(halved)) for side in sides]
        if any(
            bool((_apart(*(h[part] for h in half)).abs() > bounds[part]).any()) for part in bounds
        ):
            continue
        moved = {
            part: [_largest(_apart(b[part], h[part])) for b, h in zip(base, half, strict=True)]
            for part in bounds
        }
        parted = {
            part: _largest(
                _apart(*(_apart(b[part], h[part]) for b, h in zip(base, half, strict=True)))
            )
            for part in bounds
        }
        still = not any(map(max, moved.values()))  # it is not in the equation, or drowned in it
        speaks = any(parted[part] > _TOGETHER * unit * max(moved[part]) for part in bounds)
        if not speaks and not still:
            continue
        balls = enclose(instance)
        sizes = [
            term_sizes(lambda it, side=side: _parts(side(it)), balls, [name]) or {}  # type: ignore[misc]
            for side in sides
        ]
        scales = {part: max(size.get(part, 0.0) for size in sizes) for part in bounds}
        drowned = any(
            float(bound.max()) > RESOLVED * scales[part] for part, bound in bounds.items()
        )
        if drowned and (speaks or any(scales.values())):
            return str(name)
    return ""


def _parts(side: Any) -> Mapping[str, Any]:
    return side if isinstance(side, Mapping) else {"": side}


def _apart(one: Any, other: Any) -> Tensor:
    return torch.as_tensor(one).double() - torch.as_tensor(other).double()


def _largest(value: Tensor) -> float:
    return float(value.abs().max()) if value.numel() else 0.0


def in_double(instance: Instance) -> str:
    """What to do about rounding in a format narrower than float64, where a network of the user's
    can run in that; else "".
    """
    formats = [
        v.dtype
        for v in vars(instance).values()
        if isinstance(v, Tensor) and v.dtype.is_floating_point
    ]
    narrow = max(formats, key=lambda dtype: torch.finfo(dtype).eps, default=torch.float64)
    if narrow is torch.float64 or not instance.telling:
        return ""
    return (
        f"it was measured in {str(narrow).removeprefix('torch.')}; look at it in float64, by "
        "double=True (--double)"
    )


def would_hold(instance: Instance, field: str) -> str:
    """What to say where half of a measured field would be within the bound."""
    wider = in_double(instance) or "take a batch on which it is larger, or fewer rows"
    return (
        f"half of {field} would be within the bound of rounding as well, so that nothing would "
        f"be tested of it: {wider}"
    )
