"""How many of a network's layers are looked at, and which are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from theorems.impl.networks.layers import LayerTrace

_NAMED = 8


@dataclass(frozen=True)
class Coverage:
    """The layers that hold weights: modules whose own parameters enter a product, or might.

    Args:
        seen: modules all of whose weights are looked at.
        unseen: the weights, or modules, that are not, with the reason.
    """

    seen: frozenset[str] = frozenset()
    unseen: Mapping[str, str] = field(default_factory=dict)
    total: int = 0

    def __str__(self) -> str:
        """One sentence."""
        names = list(self.unseen)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        rest = f"; not {', '.join(names[:_NAMED])}{more}" if names else ""
        return f"sees {len(self.seen)} of {self.total} layers that hold weights{rest}"

    def joined(self, other: Coverage) -> Coverage:
        """Of two chunks of a batch: what one of them sees is seen."""
        unseen = {name: reason for name, reason in self.unseen.items() if name in other.unseen}
        return Coverage(self.seen | other.seen, unseen, max(self.total, other.total))

    def record(self) -> dict[str, Any]:
        """For the evidence file."""
        return {"seen": len(self.seen), "of": self.total, "unseen": dict(self.unseen)}


def coverage(
    model: nn.Module, traces: Mapping[str, LayerTrace], left_out: Mapping[str, str]
) -> Coverage:
    """What `impl.trace` saw of a model, module by module."""
    modules = {name for name, _ in model.named_modules() if name}

    def holder(name: str) -> str:
        base = name.partition("[")[0].partition("#")[0]
        return base if base in modules else base.rpartition(".")[0] or type(model).__name__

    missing = {holder(name) for name in left_out}
    seen = frozenset(holder(name) for name in traces) - missing
    return Coverage(seen, dict(left_out), len(seen | missing))
