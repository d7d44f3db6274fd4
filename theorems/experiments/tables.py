"""Experiments on digits again, on two tables of measurements (arXiv:2601.00276 and
arXiv:2605.06258).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from theorems.claim import Source
from theorems.experiments.experiment import Scale, experiment
from theorems.experiments.kernel_flow import BOUNDED, NETWORKS
from theorems.impl.experiments.data import CLASSES_OF
from theorems.impl.experiments.runs import Array, Runs
from theorems.impl.experiments.table_runs import TABLES, collapse_table_runs, rank_table_runs

_RANKS = {"rate": 0.025, "decay": 1e-2, "share": 1e-3}
_RANK_SCALES = {
    "smoke": Scale(
        18,
        {
            **_RANKS,
            "samples": 60,
            "tests": 40,
            "width": 12,
            "steps": 150,
            "looks": 1,
            "decay": 7e-2,
            "share": 1e-2,
        },
        "3 s",
        block=18,
    ),
    "default": Scale(
        36,
        {**_RANKS, "samples": 100, "tests": 70, "width": 24, "steps": 2000, "looks": 5},
        "2 min",
        block=18,
    ),
    "paper": Scale(
        50,
        {**_RANKS, "samples": 120, "tests": 50, "width": 128, "steps": 20_000, "looks": 20},
        "1 h",
        block=10,
    ),
}
_DIFFERS = (
    "The protocol on digits, on scikit-learn's wine (13 measurements, 3 classes) and breast cancer "
    "(30, 2), each column brought to variance one; 100 samples."
)


def _on_each(runs: Runs, inner: Callable[[Runs, str], Mapping[str, Array]]) -> dict[str, Array]:
    """The effects of every table, named with it."""
    found = {}
    for data in TABLES:
        values = {
            name.removeprefix(f"{data}: "): rows
            for name, rows in runs.values.items()
            if name.startswith(f"{data}: ")
        }
        for part, effect in inner(Runs(values, runs.seeds), data).items():
            found[f"{data}, {part}"] = effect
    return found


def _named(parts: tuple[str, ...]) -> list[str]:
    return [f"{data}, {part}" for data in TABLES for part in parts]


def _within(runs: Runs, suffix: str = "", less: int = 0) -> dict[str, Array]:
    return _on_each(
        runs,
        lambda own, data: {
            arm: CLASSES_OF[data] - less + 0.5 - own[f"directions, {arm}{suffix}"][:, -1]
            for arm in BOUNDED
        },
    )


@experiment(
    measure=rank_table_runs,
    scales=_RANK_SCALES,
    margins=dict.fromkeys(_named(BOUNDED), 0.0),
    unit="directions",
    source=Source("2601.00276", "abstract: kernel rank bounded by the number of classes"),
    reported="For any stable steady state of supervised training with L2 regularisation the "
    "kernel's rank is at most the number of classes.",
    differs=_DIFFERS
    + " Half the rate, at which no training diverges, and as many steps. A replication of "
    "`supervised_kernels_compress_to_the_classes`.",
    mutants={
        "no decay": partial(_within, suffix=", no decay"),
        "bound of C - 1": partial(_within, less=1),
    },
)
def supervised_kernels_compress_on_tables(runs: Runs) -> Mapping[str, Array]:
    r"""Trained on labels of wines and of tumours under decay, the kernel of what a linear readout
    reads ends with at most as many directions as there are classes: three and two.

    As on digits: free features, a deep linear network, a ReLU network with a linear penultimate
    layer.

    Effect: C + ½ less the number of directions after training, larger than 0. Source:
    arXiv:2601.00276 [P].
    """
    return _within(runs)


def _gained(runs: Runs, suffix: str = "") -> dict[str, Array]:
    return _on_each(
        runs,
        lambda own, _: {
            arm: own[f"alignment, {arm}{suffix}"][:, -1] - own[f"alignment, {arm}{suffix}"][:, 0]
            for arm in NETWORKS
        },
    )


@experiment(
    measure=rank_table_runs,
    scales=_RANK_SCALES,
    margins=dict.fromkeys(_named(NETWORKS), 0.1),
    unit="share of the labels' variance",
    source=Source("2601.00276", "abstract: alignment with the task"),
    reported="The dynamics are confined to the task-relevant subspace; deterministic and "
    "stochastic views of alignment are unified.",
    differs=_DIFFERS + " Half the rate, at which no training diverges, and as many steps. A "
    "replication of `leading_eigenvectors_align_with_the_labels`.",
    mutants={"labels shuffled": partial(_gained, suffix=", labels shuffled")},
)
def leading_eigenvectors_align_on_tables(runs: Runs) -> Mapping[str, Array]:
    r"""Training on labels of wines and of tumours turns the kernel's C leading eigenvectors towards
    the labels.

    As on digits: the share of the column-centred one-hot labels in their span. Networks that were
    trained on shuffled labels are measured against the true ones.

    Effect: the share after training less that before, larger than 0.1. Source: arXiv:2601.00276 [P
    in words].
    """
    return _gained(runs)


def _collapsed(runs: Runs, suffix: str = "") -> dict[str, Array]:
    def effects(own: Runs, _: str) -> dict[str, Array]:
        ratio, linear = own[f"within to between{suffix}"], own[f"linearity{suffix}"]
        return {
            "collapse": np.log10(ratio[:, 0] / ratio[:, -1]),
            "linearity": linear[:, -1] - linear[:, 0],
        }

    return _on_each(runs, effects)


_COLLAPSE = {"rate": 0.1, "decay": 1e-3}


@experiment(
    measure=collapse_table_runs,
    scales={
        "smoke": Scale(
            18,
            {**_COLLAPSE, "samples": 60, "width": 16, "steps": 150, "looks": 1},
            "1 s",
            block=18,
        ),
        "default": Scale(
            24,
            {**_COLLAPSE, "samples": 150, "width": 24, "steps": 1500, "looks": 5},
            "30 s",
            block=12,
        ),
        "paper": Scale(
            50,
            {**_COLLAPSE, "samples": 178, "width": 256, "steps": 20_000, "looks": 20},
            "2 h",
            block=4,
        ),
    },
    margins=dict.fromkeys(_named(("collapse",)), 0.5) | dict.fromkeys(_named(("linearity",)), 0.05),
    unit="decades; target linearity",
    source=Source("2605.06258", "neural collapse and target linearity at the end of training"),
    reported="Neural collapse is an instance of target linearity: both are reached at the end of "
    "training.",
    differs=_DIFFERS.replace("100 samples", "150 samples")
    + " A replication of `classes_collapse_and_become_linear`; before any training target "
    "linearity is 0.8 here already, so that a rise of 0.05 counts, not of 0.2.",
    mutants={"labels shuffled": partial(_collapsed, suffix=", labels shuffled")},
)
def classes_collapse_on_tables(runs: Runs) -> Mapping[str, Array]:
    r"""Wines and tumours too: long after the training set is fitted, variation within classes has
    fallen against that between their means, and target linearity has risen.

    Last hidden layer of a network with two, cross-entropy with decay. Trained on shuffled labels
    and measured against the true ones, neither.

    Effect: log₁₀ of the quotient of variations before and after, larger than 0.5; target linearity
    after less before, larger than 0.05. Source: arXiv:2605.06258 [P in words].
    """
    return _collapsed(runs)


KERNELS = (supervised_kernels_compress_on_tables, leading_eigenvectors_align_on_tables)
FEATURES = (classes_collapse_on_tables,)
