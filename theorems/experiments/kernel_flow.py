"""Ranks of trained kernels (arXiv:2601.00276): supervised training compresses, self-supervision
does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from theorems.claim import Source
from theorems.experiments.experiment import Curves, Scale, experiment
from theorems.impl.experiments.data import CLASSES
from theorems.impl.experiments.kernel_runs import ARMS, contrast_runs, rank_runs
from theorems.impl.experiments.runs import Array, Runs

_PAPER = "2601.00276"
_COMMON = {"rate": 0.05, "decay": 1e-2, "share": 1e-3}
_SCALES = {
    "smoke": Scale(
        16,
        {
            **_COMMON,
            "decay": 2e-2,
            "samples": 50,
            "tests": 50,
            "width": 24,
            "steps": 300,
            "looks": 1,
        },
        "3 s",
        block=16,
    ),
    "default": Scale(
        20,
        {**_COMMON, "samples": 120, "tests": 300, "width": 32, "steps": 2000, "looks": 10},
        "1 min",
        block=10,
    ),
    "paper": Scale(
        50,
        {**_COMMON, "samples": 1000, "tests": 700, "width": 128, "steps": 20_000, "looks": 40},
        "5 h",
        block=2,
    ),
}
_DIFFERS = (
    "The paper's own runs are not described in what could be had of it: digits of scikit-learn, "
    "full batch, ½ mean square error on one-hot labels, SGD with momentum 0.9, decay 0.01 on every "
    "parameter. A direction counts if its eigenvalue exceeds a thousandth of the largest."
)
BOUNDED = ("free features", "deep linear", "linear penultimate")
"""Arms whose features are linear in what is decayed: the bound is a theorem for them."""
NETWORKS = ("deep linear", "linear penultimate", "plain ReLU")
"""Arms whose kernels are aligned with the labels along training."""


def _steps(settings: Mapping[str, float]) -> list[float]:
    return [settings["steps"] * k / settings["looks"] for k in range(int(settings["looks"]) + 1)]


def _last(rows: Array) -> Array:
    end: Array = rows[:, -1]
    return end


def _within(runs: Runs, bound: float = CLASSES, suffix: str = "") -> dict[str, Array]:
    return {arm: bound + 0.5 - _last(runs[f"directions, {arm}{suffix}"]) for arm in BOUNDED}


@experiment(
    measure=rank_runs,
    scales=_SCALES,
    margins=dict.fromkeys(BOUNDED, 0.0),
    unit="directions",
    source=Source(_PAPER, "abstract: kernel rank bounded by the number of classes"),
    reported="For any stable steady state of supervised training with L2 regularisation the "
    "kernel's rank is at most the number of classes.",
    differs=_DIFFERS,
    mutants={
        "no decay": partial(_within, suffix=", no decay"),
        "bound of C - 3": partial(_within, bound=CLASSES - 3),
    },
    curves=Curves(
        {arm: f"directions, {arm}" for arm in ARMS}
        | {"linear penultimate, no decay": "directions, linear penultimate, no decay"},
        "step",
        "directions of the kernel",
        _steps,
    ),
)
def supervised_kernels_compress_to_the_classes(runs: Runs) -> Mapping[str, Array]:
    r"""Trained on labels under decay, the kernel of what a linear readout reads ends with at most
    as many directions as there are classes.

    Three kinds of features: free ones, a deep linear network, and a ReLU network whose penultimate
    layer is linear. Kernels start with two to three times as many directions. Shuffled labels have
    as many classes, so that they are compressed too, and are no mutant here.

    Effect: C + ½ less the number of directions after training, larger than 0. Source:
    arXiv:2601.00276 [P].
    """
    return _within(runs)


def _contrast(runs: Runs, suffix: str = "") -> dict[str, Array]:
    return {
        "plain ReLU": _last(runs[f"directions, plain ReLU{suffix}"])
        - _last(runs[f"directions, linear penultimate{suffix}"])
    }


@experiment(
    measure=rank_runs,
    scales=_SCALES,
    margins={"plain ReLU": 2.0},
    unit="directions",
    source=Source(_PAPER, "contrast: a penultimate ReLU, decay on the weights", "derived"),
    reported="The statement is of features that are themselves decayed; the abstract says "
    "L2-regularised networks.",
    differs=_DIFFERS
    + (
        " Whether plain ReLU networks come down to C after much longer is not asked: both arms "
        "are compared at the same step."
    ),
    mutants={"no decay": partial(_contrast, suffix=", no decay")},
)
def plain_relu_keeps_more_directions(runs: Runs) -> Mapping[str, Array]:
    r"""At the step where a network with a linear penultimate layer has compressed, one with a ReLU
    there still has more directions.

    Decay acts on weights, not on features: behind a ReLU no bound by the number of classes is
    proved, and none is seen (compare `parameter_decay_bounds_kernel_rank_as_stated`).

    Effect: difference of the numbers of directions, larger than 2. Source: derived here from
    arXiv:2601.00276 [D].
    """
    return _contrast(runs)


def _gained(runs: Runs, suffix: str = "") -> dict[str, Array]:
    return {
        arm: _last(runs[f"alignment, {arm}{suffix}"]) - runs[f"alignment, {arm}{suffix}"][:, 0]
        for arm in NETWORKS
    }


@experiment(
    measure=rank_runs,
    scales=_SCALES,
    margins=dict.fromkeys(NETWORKS, 0.1),
    unit="share of the labels' variance",
    source=Source(_PAPER, "abstract: alignment with the task"),
    reported="The dynamics are confined to the task-relevant subspace; deterministic and "
    "stochastic views of alignment are unified.",
    differs=_DIFFERS,
    mutants={"labels shuffled": partial(_gained, suffix=", labels shuffled")},
    curves=Curves(
        {arm: f"alignment, {arm}" for arm in NETWORKS}
        | {"plain ReLU, labels shuffled": "alignment, plain ReLU, labels shuffled"},
        "step",
        "share of the labels in the top C eigenvectors",
        _steps,
    ),
)
def leading_eigenvectors_align_with_the_labels(runs: Runs) -> Mapping[str, Array]:
    r"""Supervised training turns the kernel's C leading eigenvectors towards the labels.

    Measured: the share of the column-centred one-hot labels in their span. Networks that were
    trained on shuffled labels are measured against the true ones.

    Effect: the share after training less that before, larger than 0.1. Source: arXiv:2601.00276 [P
    in words].
    """
    return _gained(runs)


def _more(runs: Runs, arm: str = "self-supervised") -> dict[str, Array]:
    return {
        "self-supervised": _last(runs[f"directions, {arm}"]) - _last(runs["directions, supervised"])
    }


@experiment(
    measure=contrast_runs,
    scales={
        "smoke": Scale(
            16,
            {
                "samples": 60,
                "width": 32,
                "steps": 120,
                "looks": 1,
                "rate": 0.1,
                "decay": 1e-2,
                "share": 1e-2,
                "noise": 0.2,
                "redundancy": 0.05,
                "adam": 3e-3,
            },
            "3 s",
            block=16,
        ),
        "default": Scale(
            24,
            {
                "samples": 120,
                "width": 32,
                "steps": 600,
                "looks": 12,
                "rate": 0.1,
                "decay": 1e-2,
                "share": 1e-2,
                "noise": 0.2,
                "redundancy": 0.05,
                "adam": 3e-3,
            },
            "1 min",
        ),
        "paper": Scale(
            50,
            {
                "samples": 1000,
                "width": 128,
                "steps": 10_000,
                "looks": 40,
                "rate": 0.1,
                "decay": 1e-2,
                "share": 1e-2,
                "noise": 0.2,
                "redundancy": 0.05,
                "adam": 1e-3,
            },
            "6 h",
            block=2,
        ),
    },
    margins={"self-supervised": 5.0},
    unit="directions",
    source=Source(
        _PAPER, "abstract: low-rank supervised against high-rank self-supervised representations"
    ),
    reported="The low rank of supervised learning contrasts with the high-rank, expansive "
    "representations of self-supervision.",
    differs=_DIFFERS
    + (
        " Self-supervised: Barlow Twins' loss on two views of each digit (a fifth of the "
        "pixels left out, Gaussian noise), Adam. A hundredth of the largest eigenvalue counts "
        "here."
    ),
    mutants={"no redundancy term": partial(_more, arm="no redundancy term")},
    curves=Curves(
        {
            arm: f"directions, {arm}"
            for arm in ("supervised", "self-supervised", "no redundancy term")
        },
        "step",
        "directions of the centred kernel",
        _steps,
    ),
)
def self_supervision_keeps_more_directions(runs: Runs) -> Mapping[str, Array]:
    r"""One encoder keeps more directions if it is trained without labels on two views than if it is
    trained on labels under decay.

    Without the term that punishes redundancy the self-supervised loss has no reason to, and must be
    refuted. Labels play no part in that arm.

    Effect: difference of the numbers of directions, larger than 5. Source: arXiv:2601.00276 [P in
    words].
    """
    return _more(runs)


EXPERIMENTS = (
    supervised_kernels_compress_to_the_classes,
    plain_relu_keeps_more_directions,
    leading_eigenvectors_align_with_the_labels,
    self_supervision_keeps_more_directions,
)
