"""`Family`, generic instances of one kind by name; and what its members must be where their numbers
are small and coincide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from theorems.impl.generic.source import Source
from theorems.impl.numbers.linalg import exact_rank


@dataclass(frozen=True, eq=False)
class Family:
    """Instances of one kind, drawn with entries from 2^61 values.

    Args:
        name: in words, as a sentence about an error probability names it.
        make: draws one instance; calling the family does the same.
        strategies: functions that, called without arguments, draw instances of this family.
        builds: hypotheses that hold by construction, each with a strategy of instances that violate
            it.
        member: whether an instance of small numbers is of the family; None where every one is.
        beyond: constructors of what the family leaves out, by name: tried besides, but no claim is
            refuted there.
    """

    name: str
    make: Callable[[Source], Any]
    strategies: tuple[Callable[[], Any], ...] = ()
    builds: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    member: Callable[[Any], bool] | None = None
    beyond: Mapping[str, Callable[[Source], Any]] = field(default_factory=dict)

    def __call__(self, source: Source) -> Any:
        """One instance."""
        return self.make(source)


def strictly_active(task: Any) -> bool:
    """Whether some mode is above the threshold and none is at it."""
    return bool((task.values > task.threshold).any()) and not bool(
        (task.values == task.threshold).any()
    )


def driven(task: Any) -> bool:
    """Whether there are more samples than dimensions and the features are of full rank."""
    rows, d = task.features.shape
    return rows > d and exact_rank(task.features) == d


def varied(task: Any) -> bool:
    """Whether the targets vary and the mixing can be undone."""
    varies = bool((task.targets != task.targets[0]).any())
    return varies and exact_rank(task.mixing) == task.mixing.shape[-1]


def full_rank_means(batch: Any) -> bool:
    """Whether the class means are independent, or a simplex (all of one inner product)."""
    means = batch.labels.mT @ batch.features
    return exact_rank(means) >= batch.labels.shape[-1] - 1
