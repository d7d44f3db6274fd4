"""The trainings on digits again, on tables of measurements that ship with scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

from theorems.impl.experiments.feature_runs import collapse_runs
from theorems.impl.experiments.kernel_runs import rank_runs
from theorems.impl.experiments.runs import Array, Measure, Settings

TABLES = ("wine", "breast cancer")


def _on_each(measure: Measure, seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    return {
        f"{data}: {name}": values
        for data in TABLES
        for name, values in measure(seeds, {**settings, "data": data}).items()
    }


def rank_table_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """What `impl.experiments.kernel_runs.rank_runs` measures, of every table: "TABLE: NAME"."""
    return _on_each(rank_runs, seeds, settings)


def collapse_table_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """What `impl.experiments.feature_runs.collapse_runs` measures, of every table: "TABLE:
    NAME".
    """
    return _on_each(collapse_runs, seeds, settings)
