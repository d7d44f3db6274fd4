"""A copy of a module, whatever it keeps beside its parameters."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from torch import Tensor, nn

Module = TypeVar("Module", bound=nn.Module)


def copied(module: Module) -> Module:
    """A deep copy; what refuses to be copied (a lock, a generator, a handle) is shared, and a kept
    activation loses its graph.
    """
    try:
        return copy.deepcopy(module)
    except Exception:  # noqa: BLE001
        memo: dict[int, Any] = {}
        for part in module.modules():
            kept = {k: v for k, v in vars(part).items() if k not in ("_modules", "_parameters")}
            for value in kept.values():
                _stand_in(value, memo)
        return copy.deepcopy(module, memo)


def _stand_in(value: Any, memo: dict[int, Any]) -> None:
    """What a copy puts in the place of a value that cannot be copied; the entries of containers one
    by one.
    """
    if id(value) in memo or isinstance(value, nn.Module):
        return
    if isinstance(value, Tensor):
        if not value.is_leaf:
            memo[id(value)] = value.detach().clone()
        return
    if isinstance(value, dict | list | tuple | set):
        for part in value.values() if isinstance(value, dict) else value:
            _stand_in(part, memo)
        return
    try:
        copy.deepcopy(value, dict(memo))
    except Exception:  # noqa: BLE001
        memo[id(value)] = value
