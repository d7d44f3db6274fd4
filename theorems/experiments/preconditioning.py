"""Trained networks with a preconditioned first layer (arXiv:2509.25637): noise, a cue that shifts,
transfer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from theorems.claim import Source
from theorems.experiments.experiment import Curves, Scale, experiment
from theorems.impl.experiments.preconditioning_runs import (
    RATES,
    cue_runs,
    noise_runs,
    transfer_runs,
)
from theorems.impl.experiments.runs import Array, Runs

_PAPER = "2509.25637"
_SMALL = {
    "samples": 100,
    "width": 32,
    "tests": 300,
    "rate": 0.2,
    "steps": 120,
    "looks": 12,
    "ridge": 1e-3,
}
_FULL = {
    "samples": 200,
    "width": 500,
    "tests": 1000,
    "rate": 0.2,
    "steps": 600,
    "looks": 30,
    "ridge": 1e-3,
}
_LONG = {**_FULL, "steps": 5000, "looks": 100}
_DIFFERS = (
    "Train size 200, d = 10, 500 ReLU units and the link log(1+e^{10z}) are the paper's. Ours: Σ "
    "geometric from 1 to 0.01, the teacher's score scaled to variance one and the target "
    "standardised, so that both cases have one target law; full batch, η = 0.2. Both arms for the "
    "rate must show the effect: with one η for all p, a change of p is a change of speed."
)


def _steps(settings: Mapping[str, float]) -> list[float]:
    return [settings["steps"] * k / settings["looks"] for k in range(int(settings["looks"]) + 1)]


def _final(errors: Array) -> Array:
    last: Array = errors[:, -1]
    return last


def _best(errors: Array) -> Array:
    least: Array = errors.min(1)
    return least


def _aligned(
    runs: Runs, summary: Callable[[Array], Array], *, names: tuple[str, str], suffix: str = "", others: str | None = None  # noqa: E501
) -> dict[str, Array]:  # fmt: skip
    """By case and rate: the error of the exponent that suppresses the teacher's direction less that
    of the one that emphasises it.
    """
    found = {}
    for case, better in zip(names, (1, -1), strict=True):
        for rate in RATES:
            worse = runs[f"{case}, p = {-better}, {rate}{suffix if others is None else others}"]
            found[f"{case}, {rate}"] = summary(worse) - summary(
                runs[f"{case}, p = {better}, {rate}{suffix}"]
            )
    return found


_CASES = ("high", "low")
_NOISY = {"signal_to_noise": 1.0, "exponents": (-1, 1)}


def _noise_scales() -> dict[str, Scale]:
    wide = {"signal_to_noise": 1.0, "exponents": (-1, 0, 1)}
    return {
        "smoke": Scale(20, {**_SMALL, **_NOISY}, "2 s", block=20),
        "default": Scale(24, {**_FULL, **wide}, "5 min"),
        "paper": Scale(100, {**_LONG, **wide, "exponents": (-1, -0.5, 0, 0.5, 1)}, "4 h", block=4),
    }


@experiment(
    measure=noise_runs,
    scales=_noise_scales(),
    margins={f"{case}, {rate}": 0.05 for case in _CASES for rate in RATES},
    unit="test error / variance of the target",
    source=Source(_PAPER, "experiments on robustness to noise, final error"),
    reported="In Case High larger p prevents overfitting more effectively, in Case Low the "
    "opposite is observed (final test MSE at SNR 1).",
    differs=_DIFFERS,
    mutants={
        "labels shuffled": partial(
            _aligned, summary=_final, names=_CASES, suffix=", labels shuffled"
        ),
        "larger p in both cases": lambda runs: {
            f"{case}, {rate}": _final(runs[f"{case}, p = -1, {rate}"])
            - _final(runs[f"{case}, p = 1, {rate}"])
            for case in _CASES
            for rate in RATES
        },
    },
    curves=Curves(
        {f"{case}, p = {p}": f"{case}, p = {p}, rescaled" for case in _CASES for p in (1, -1)},
        "step (rate rescaled by p)",
        "test error / variance of the target",
        _steps,
    ),
)
def noise_robustness_follows_alignment(runs: Runs) -> Mapping[str, Array]:
    r"""Trained on noisy targets, a network ends with the smaller test error under the
    preconditioner that emphasises the teacher's direction.

    First layer :math:`W \leftarrow W - \eta \nabla_W L\, \Sigma^p`, signal to noise 1. Case *high*:
    the teacher reads the input's direction of largest variance, and p = 1 ends with a smaller test
    error than p = −1. Case *low*: it reads the smallest, and p = −1 ends with the smaller one. Both
    hold at one rate for all p, and at rates rescaled by d/tr Σ^{p+1}.

    Effect: difference of final test errors (noise-free targets of variance one), larger than 0.05.
    Source: arXiv:2509.25637 [P in words].
    """
    return _aligned(runs, _final, names=_CASES)


@experiment(
    measure=noise_runs,
    scales=_noise_scales(),
    margins={f"{case}, {rate}": 0.02 for case in _CASES for rate in RATES},
    unit="test error / variance of the target",
    source=Source(_PAPER, "experiments on robustness to noise, best error over time", "derived"),
    reported="The paper's figure is of the final error; whether the best error along the training "
    "shows the same is not said.",
    differs=_DIFFERS,
    mutants={
        "labels of the favoured arm shuffled": partial(
            _aligned, summary=_best, names=_CASES, suffix=", labels shuffled", others=""
        ),
        "larger p in both cases": lambda runs: {
            f"{case}, {rate}": _best(runs[f"{case}, p = -1, {rate}"])
            - _best(runs[f"{case}, p = 1, {rate}"])
            for case in _CASES
            for rate in RATES
        },
    },
    news="In case high the difference of the best errors is a twentieth of that of the final ones: "
    "most of the effect on the final error is a matter of when to stop.",
)
def alignment_helps_with_early_stopping(runs: Runs) -> Mapping[str, Array]:
    r"""The same order of the preconditioners shows in the best test error along the training, not
    only in the last.

    A difference of final errors alone could be one of when to stop; the best error over time is
    what an oracle's early stopping would reach. Cases and rates as in
    `noise_robustness_follows_alignment`.

    Effect: difference of the best test errors over time, larger than 0.02. Source: derived here
    from arXiv:2509.25637 [D].
    """
    return _aligned(runs, _best, names=_CASES)


_CORES = ("core high", "core low")
_CUE = {"signal_to_noise": 4.0, "correlation": 0.9}


@experiment(
    measure=cue_runs,
    scales={
        "smoke": Scale(20, {**_SMALL, **_CUE}, "2 s", block=20),
        "default": Scale(24, {**_FULL, **_CUE}, "4 min"),
        "paper": Scale(100, {**_LONG, **_CUE}, "2 h", block=4),
    },
    margins={f"{case}, {rate}": 0.05 for case in _CORES for rate in RATES},
    unit="test error / variance of the target",
    source=Source(
        _PAPER, "experiments on out-of-distribution generalisation under correlation shift"
    ),
    reported="Matching the spectral bias to the direction of the core feature improves the error "
    "where a spurious correlation shifts.",
    differs=_DIFFERS
    + (
        " The cue is one white coordinate, correlated at 0.9 with the target in training and "
        "not at all in the test."
    ),
    mutants={
        "labels shuffled": partial(
            _aligned, summary=_final, names=_CORES, suffix=", labels shuffled"
        ),
        "core and cue exchanged": lambda runs: {
            f"{case}, {rate}": _final(runs[f"{case}, p = {p}, {rate}"])
            - _final(runs[f"{case}, p = {-p}, {rate}"])
            for case, p in zip(_CORES, (1, -1), strict=True)
            for rate in RATES
        },
    },
    curves=Curves(
        {f"{case}, p = {p}": f"{case}, p = {p}, rescaled" for case in _CORES for p in (1, -1)},
        "step (rate rescaled by p)",
        "error after the shift / variance of the target",
        _steps,
    ),
)
def preconditioner_decides_which_cue_is_used(runs: Runs) -> Mapping[str, Array]:
    r"""Where a spurious cue is correlated with the target in training alone, the preconditioner
    that emphasises the core feature errs less.

    *Core high*: the teacher reads the direction of largest variance and the cue is the smallest,
    and p = 1 has the smaller error once the correlation is gone; *core low*: the other way round,
    and p = −1 has. Both at fixed and at rescaled rates.

    Effect: difference of the errors without the correlation, after training, larger than 0.05.
    Source: arXiv:2509.25637 [P in words].
    """
    return _aligned(runs, _final, names=_CORES)


def _transferred(runs: Runs) -> dict[str, Array]:
    return {
        f"{target}, {rate}": runs[f"{target}, p = {-better}, {rate}"]
        - runs[f"{target}, p = {better}, {rate}"]
        for target, better in (("high", 1), ("low", -1))
        for rate in RATES
    }


_MOVED = {"signal_to_noise": 4.0}
_TRANSFER_SCALES = {
    "smoke": Scale(20, {**_SMALL, **_MOVED}, "2 s", block=20),
    "default": Scale(24, {**_FULL, **_MOVED}, "2 min"),
    "paper": Scale(100, {**_LONG, **_MOVED}, "1 h", block=4),
}
_TRANSFER_DIFFERS = _DIFFERS + (
    " The first task reads both ends of the spectrum with equal weight, the new one reads "
    "one of them, through a ridge readout."
)


@experiment(
    measure=transfer_runs,
    scales=_TRANSFER_SCALES,
    margins={f"{target}, {rate}": 0.01 for target in _CASES for rate in RATES},
    unit="test error / variance of the target",
    source=Source(_PAPER, "experiments on forward knowledge transfer"),
    reported="Features transfer to tasks whose direction the preconditioner emphasised; p = −1 "
    "often transfers broadly.",
    differs=_TRANSFER_DIFFERS,
    mutants={
        "largest exponent for both": lambda runs: {
            f"{target}, {rate}": runs[f"{target}, p = -1, {rate}"]
            - runs[f"{target}, p = 1, {rate}"]
            for target in _CASES
            for rate in RATES
        },
    },
    news="A control that was planned as a mutant is not refuted: with the favoured layer left "
    "untrained the order is the same. The exponent that does not emphasise the new task's "
    "direction makes a layer that serves it no better than no training does.",
)
def features_transfer_where_they_were_emphasised(runs: Runs) -> Mapping[str, Array]:
    r"""A frozen first layer serves a new task better if its preconditioner emphasised the direction
    that the new task reads.

    First task: a sum of two teachers, one on each end of the input's spectrum. New task: one of
    them alone, fitted by a ridge readout on the frozen layer. *High*: p = 1 has the smaller error
    than p = −1; *low*: p = −1 has. Both at fixed and at rescaled rates.

    Effect: difference of the test errors of the new readout, larger than 0.01. Source:
    arXiv:2509.25637 [P in words].
    """
    return _transferred(runs)


def _learned(runs: Runs, *, other: str = ", labels shuffled") -> dict[str, Array]:
    better = {"high": 1, "low": -1}
    return {
        target: runs[f"{target}, p = {p}, rescaled, labels shuffled"]
        - runs[f"{target}, p = {p}, rescaled{other}"]
        for target, p in better.items()
    }


@experiment(
    measure=transfer_runs,
    scales=_TRANSFER_SCALES,
    margins={"high": 0.01, "low": 0.01},
    unit="test error / variance of the target",
    source=Source(
        _PAPER,
        "experiments on forward knowledge transfer: the control with shuffled labels",
        "derived",
    ),
    reported="Transfer is said to be of learned features; a control with shuffled labels is not "
    "reported.",
    differs=_TRANSFER_DIFFERS,
    mutants={
        "labels shuffled": _learned,
    },
    news="On the direction of largest variance there is little to be learned: the first layer as "
    "it was drawn already leaves a median error of 0.092, the trained one 0.079, the one trained "
    "on shuffled labels 0.091.",
)
def transfer_needs_the_first_tasks_labels(runs: Runs) -> Mapping[str, Array]:
    r"""What a first layer hands on was learned from labels: trained on shuffled ones, it serves the
    new task less well.

    The favoured exponent of each target, at the rescaled rate: p = 1 for a new task on the
    direction of largest variance, p = −1 for one on the smallest.

    Effect: test error after shuffled labels less that after the true ones, larger than 0.01.
    Source: derived here from arXiv:2509.25637 [D].
    """
    return _learned(runs, other="")


EXPERIMENTS = (
    noise_robustness_follows_alignment,
    alignment_helps_with_early_stopping,
    preconditioner_decides_which_cue_is_used,
    features_transfer_where_they_were_emphasised,
    transfer_needs_the_first_tasks_labels,
)
