"""Tensors in nested tuples, lists, mappings and dataclasses, as batches and outputs come."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from torch import Tensor, nn


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Nested containers of the same kinds with every tensor changed; anything else as it is."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple | list):
        parts = [mapped(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, Mapping):
        return _filled(value, {key: mapped(part, change) for key, part in value.items()})
    if _is_record(value):
        like = copy.copy(value)
        for name, part in _fields(value).items():
            object.__setattr__(like, name, mapped(part, change))
        return like
    return copy.copy(value).apply(lambda part: mapped(part, change)) if _is_graph(value) else value


def tensors_of(value: Any) -> list[Tensor]:
    """Every tensor of nested containers, in order."""
    return list(tensors_within(value))


def tensors_within(value: Any) -> Iterator[Tensor]:
    """The tensors one by one; nothing is built anew, since outputs may be of kinds that refuse to
    be.
    """
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors_within(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from tensors_within(part)
    elif _is_record(value):
        for part in _fields(value).values():
            yield from tensors_within(part)
    elif _is_graph(value):
        found: list[Tensor] = []

        def keep(part: Tensor) -> Tensor:
            found.append(part)
            return part

        copy.copy(value).apply(keep)
        yield from found


def _filled(value: Mapping[Any, Any], changed: dict[Any, Any]) -> Any:
    """A mapping of the same kind with other values, where it lets itself be filled; else a plain
    dict.
    """
    if isinstance(value, MutableMapping) and type(value) is not dict:
        like: Any = copy.copy(value)  # what a tokenizer returns is read by attribute too
        try:
            for key, part in changed.items():
                like[key] = part
        except Exception:  # noqa: BLE001
            return changed
        return like
    return changed


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type | nn.Module)


def _fields(value: Any) -> dict[str, Any]:
    named = (field.name for field in dataclasses.fields(value))
    return {name: getattr(value, name) for name in named if hasattr(value, name)}


def _is_graph(value: Any) -> bool:
    """Batches that hold their tensors behind ``apply``, as those of graphs do."""
    methods = ("apply", "clone", "to_dict")
    return all(callable(getattr(value, name, None)) for name in methods) and not isinstance(
        value, nn.Module | type
    )
