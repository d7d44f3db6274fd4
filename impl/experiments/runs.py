"""What an experiment has measured: named numbers, one row per seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding

Array: TypeAlias = np.ndarray
Settings: TypeAlias = Mapping[str, Any]
"""Sizes, rates and steps of a scale, by name."""
Measure: TypeAlias = "Callable[[Sequence[int], Settings], dict[str, Array]]"
"""Runs every arm on every seed: seeds and settings to named rows (R, …)."""


@dataclass(frozen=True, eq=False)
class Runs(Instance):
    """The replicates of one experiment.

    Args:
        values: what was measured, by name: (R, …), a row per seed. Arms that share a seed share its
            data and its initial weights.
        seeds: of the replicates, (R,).

    Raises:
        InputError: rows that are not one per seed, NaN or infinity (a training that diverged).
    """

    measured: ClassVar[Mapping[str, Rounding]] = {}  # what was measured is the datum

    values: Mapping[str, Array]
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the rows."""
        require(len(self.seeds) > 0, "expected at least one seed, got none")
        require(
            len(set(self.seeds)) == len(self.seeds), f"expected every seed once, got {self.seeds}"
        )
        for name, rows in self.values.items():
            got = tuple(rows.shape)
            require(
                got[:1] == (len(self.seeds),),
                f"expected {name} with {len(self.seeds)} rows, got shape {got}",
            )
            bad = [
                seed
                for seed, row in zip(self.seeds, rows, strict=True)
                if not np.isfinite(row).all()
            ]
            require(
                not bad,
                f"expected finite {name}, got a training that diverged at seed {bad[:1]}: "
                "lower the rate",
            )

    def __getitem__(self, name: str) -> Array:
        """The rows of one quantity."""
        require(name in self.values, f"expected one of {', '.join(self.values)}, got {name!r}")
        return self.values[name]

    def extents(self) -> dict[str, int]:
        """How many replicates there are."""
        return {"replicates": len(self.seeds)}


def joined(blocks: Sequence[Runs]) -> Runs:
    """Several blocks of seeds as one, in their order."""
    names = list(blocks[0].values)
    values = {name: np.concatenate([block.values[name] for block in blocks]) for name in names}
    return Runs(values, tuple(seed for block in blocks for seed in block.seeds))


def rows(value: Tensor) -> Array:
    """A measured tensor (R, …) as rows of float64."""
    return np.asarray(value.detach().to(torch.float64).cpu().numpy())
