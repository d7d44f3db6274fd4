"""Minibatch noise of trained kernels, and the Laplacian model of self-supervision
(arXiv:2601.00276).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from theorems.claim import Source
from theorems.experiments.experiment import Curves, Scale, experiment
from theorems.impl.experiments.data import CLASSES
from theorems.impl.experiments.kernel_runs import ARMS
from theorems.impl.experiments.laplacian_runs import laplacian_runs
from theorems.impl.experiments.noise_runs import noise_rank_runs
from theorems.impl.experiments.runs import Array, Runs

_PAPER = "2601.00276"
_COMMON = {"rate": 0.05, "decay": 1e-2, "share": 1e-9}
_NOISE_SCALES = {
    "smoke": Scale(
        16,
        {
            **_COMMON,
            "samples": 40,
            "width": 24,
            "steps": 150,
            "looks": 2,
            "batch": 10,
            "batches": 3,
        },
        "2 s",
        block=16,
    ),
    "default": Scale(
        24,
        {
            **_COMMON,
            "samples": 120,
            "width": 32,
            "steps": 1000,
            "looks": 8,
            "batch": 20,
            "batches": 6,
        },
        "1 min",
        block=12,
    ),
    "paper": Scale(
        50,
        {
            **_COMMON,
            "samples": 1000,
            "width": 128,
            "steps": 20_000,
            "looks": 40,
            "batch": 64,
            "batches": 16,
        },
        "3 h",
        block=2,
    ),
}
_DIFFERS = (
    "Digits of scikit-learn, ½ mean square error on one-hot labels, trained full batch under decay "
    "0.01, so that the noise is looked at and does not act; measured by the code of the claims "
    "about it, autograd of each batch's loss."
)
_LINEAR = ("free features", "deep linear", "linear penultimate")


def _steps(settings: Mapping[str, float]) -> list[float]:
    return [settings["steps"] * k / settings["looks"] for k in range(int(settings["looks"]) + 1)]


def _bounded(runs: Runs, bound: int = CLASSES) -> dict[str, Array]:
    """The largest number of directions at any look, against the bound."""
    return {arm: bound + 0.5 - runs[f"directions, {arm}"].max(1) for arm in _LINEAR} | {
        "plain ReLU": runs["directions, plain ReLU"].min(1) - CLASSES - 0.5
    }


@experiment(
    measure=noise_rank_runs,
    scales=_NOISE_SCALES,
    margins=dict.fromkeys((*_LINEAR, "plain ReLU"), 0.0),
    unit="directions",
    source=Source(_PAPER, "abstract: minibatch noise is low-rank, O(C)"),
    reported="SGD noise is low-rank too, O(C), which confines the dynamics to the task-relevant "
    "subspace.",
    differs=_DIFFERS
    + " All directions above rounding count (a billionth of the largest), of six batches of 20 "
    "together. Of the three linear readouts this is a theorem, `sgd_feature_noise_is_low_rank`: "
    "the trainings try it in float32 and show that it is met; in front of a ReLU it is none.",
    mutants={
        "bound of C - 1": partial(_bounded, bound=CLASSES - 1),
        "plain ReLU among the bounded": lambda runs: (
            _bounded(runs) | {"deep linear": CLASSES + 0.5 - runs["directions, plain ReLU"].max(1)}
        ),
    },
    curves=Curves(
        {arm: f"directions, {arm}" for arm in ARMS}, "step", "directions of the noise", _steps
    ),
)
def minibatch_noise_has_as_many_directions_as_classes(runs: Runs) -> Mapping[str, Array]:
    r"""All along a training on labels, minibatch noise at the features of a linear readout has at
    most as many directions as there are classes; in front of a ReLU it has more.

    Free features, a deep linear network, a ReLU network with a linear penultimate layer; and as a
    contrast a plain ReLU network, whose noise is that of its last preactivations. The bound has
    nothing to do with what is learned, so that shuffled labels are no mutant here.

    Effect: C + ½ less the largest number of directions at any look, larger than 0; and of the plain
    ReLU network the smallest number less C + ½, larger than 0. Source: arXiv:2601.00276 [P].
    """
    return _bounded(runs)


def _confined(runs: Runs, suffix: str = "") -> dict[str, Array]:
    seen = {arm: runs[f"confined, {arm}{suffix}"] for arm in _LINEAR}
    return {arm: share[:, -1] - share[:, 0] for arm, share in seen.items()}


@experiment(
    measure=noise_rank_runs,
    scales=_NOISE_SCALES,
    margins=dict.fromkeys(_LINEAR, 0.1),
    unit="share of the noise",
    source=Source(_PAPER, "abstract: noise confined to the task-relevant subspace"),
    reported="SGD noise is low-rank too, O(C), which confines the dynamics to the task-relevant "
    "subspace.",
    differs=_DIFFERS,
    mutants={"the last C directions": partial(_confined, suffix=", last")},
    curves=Curves(
        {arm: f"confined, {arm}" for arm in ARMS},
        "step",
        "share of the noise in the top C directions",
        _steps,
    ),
)
def minibatch_noise_is_confined_to_the_leading_directions(runs: Runs) -> Mapping[str, Array]:
    r"""Training on labels under decay turns minibatch noise and the kernel towards each other: more
    of the noise lies in the C leading directions of the features after it than before.

    Measured: the share of the noise of all batches in the span of the features' C leading right
    singular vectors. Which labels are learned plays no part, so that shuffled ones are no mutant.

    Effect: the share after training less that before, larger than 0.1. Source: arXiv:2601.00276 [P
    in words].
    """
    return _confined(runs)


_MODEL = {
    "rate": 0.05,
    "decay": 1e-2,
    "share": 1e-2,
    "step": 0.05,
    "pull": 0.05,
    "drive": 0.1,
    "floor": 0.05,
}


def _expands(runs: Runs, rank: str = "Laplacian", diagonal: str = "Laplacian") -> dict[str, Array]:
    counts, aligned = runs[f"directions, {rank}"], runs[f"aligned, {diagonal}"]
    return {
        "directions": counts[:, -1] - runs["directions, supervised"][:, -1],
        "alignment": aligned[:, -1] - aligned[:, 0],
    }


@experiment(
    measure=laplacian_runs,
    scales={
        "smoke": Scale(
            16,
            {**_MODEL, "samples": 30, "width": 32, "steps": 200, "looks": 2},
            "2 s",
            block=16,
        ),
        "default": Scale(
            24,
            {**_MODEL, "samples": 60, "width": 64, "steps": 500, "looks": 10},
            "1 min",
        ),
        "paper": Scale(
            50,
            {**_MODEL, "samples": 300, "width": 320, "steps": 3000, "looks": 30},
            "2 h",
            block=4,
        ),
    },
    margins={"directions": 5.0, "alignment": 0.3},
    unit="directions; share of the kernel",
    source=Source(_PAPER, "abstract: high-rank self-supervision; the Laplacian model", "derived"),
    reported="The low rank of supervised learning contrasts with the high-rank, expansive "
    "representations of self-supervision.",
    differs="The energy is the one of `laplacian_spectral_filter`, tr(LK) + μ tr K − β logdet(K + "
    "εI), descended on free features: L is the normalised Laplacian of Gaussian similarities of 60 "
    "digits, μ = 0.05, β = 0.1, ε = 0.05. The supervised arm starts from the same features (decay "
    "0.01). A hundredth of the largest eigenvalue counts.",
    mutants={
        "no expansion term": partial(_expands, rank="no expansion"),
        "another graph": partial(_expands, diagonal="another graph"),
    },
    curves=Curves(
        {arm: f"directions, {arm}" for arm in ("supervised", "Laplacian", "no expansion")},
        "step",
        "directions of the kernel",
        _steps,
    ),
)
def laplacian_model_keeps_more_directions(runs: Runs) -> Mapping[str, Array]:
    r"""Free features that are trained without labels on a graph's Laplacian keep more directions
    than the same features trained on labels, and their kernel becomes diagonal in the Laplacian's
    eigenvectors.

    Measured apart from the first eigenvector, and from the kernel's mean eigenvalue: the share of
    its square on the diagonal. Without the expanding term −β logdet one direction is left; the
    kernel of another graph, the same with its nodes in another order, does not become diagonal.

    Effect: difference of the numbers of directions, larger than 5; the share on the diagonal after
    training less that before, larger than 0.3. Source: derived here from arXiv:2601.00276 [D].
    """
    return _expands(runs)


EXPERIMENTS = (
    minibatch_noise_has_as_many_directions_as_classes,
    minibatch_noise_is_confined_to_the_leading_directions,
    laplacian_model_keeps_more_directions,
)
