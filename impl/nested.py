"""Tensors in nested tuples, lists and mappings, as batches and outputs come."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from torch import Tensor


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Nested containers of the same kinds with every tensor changed; anything else as it is."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(part, change) for part in value))
    if isinstance(value, tuple | list):
        return type(value)(mapped(part, change) for part in value)
    if isinstance(value, Mapping):
        changed = {key: mapped(part, change) for key, part in value.items()}
        if isinstance(value, MutableMapping) and type(value) is not dict:
            like: Any = copy.copy(value)  # what a tokenizer returns is read by attribute too
            like.update(changed)
            return like
        return changed
    return value


def tensors_of(value: Any) -> list[Tensor]:
    """Every tensor of nested containers, in order."""
    found: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    mapped(value, keep)
    return found
