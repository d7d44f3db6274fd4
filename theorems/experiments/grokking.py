"""Target linearity and grokking on modular addition (arXiv:2605.06258)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from theorems.claim import Source
from theorems.experiments.experiment import Curves, Scale, experiment
from theorems.impl.experiments.grokking_runs import grokking_runs
from theorems.impl.experiments.runs import Array, Runs

_PAPER = "2605.06258"


def _since_fitted(runs: Runs, suffix: str = "") -> dict[str, Array]:
    """What has risen since the first look at which the training set was fitted (the second look
    where it never was).
    """
    fitted = runs[f"training accuracy{suffix}"] >= 0.99
    first = np.where(fitted.any(1), fitted.argmax(1), 1)
    rise = {name: runs[f"{name}{suffix}"] for name in ("test accuracy", "linearity")}
    return {
        name: values[:, -1] - values[np.arange(len(values)), first] for name, values in rise.items()
    }


def _steps(settings: Mapping[str, float]) -> list[float]:
    return [settings["steps"] * k / settings["looks"] for k in range(int(settings["looks"]) + 1)]


@experiment(
    measure=grokking_runs,
    scales={
        "smoke": Scale(
            16,
            {
                "modulus": 17,
                "share": 0.8,
                "width": 32,
                "adam": 2e-2,
                "steps": 400,
                "decay": 2.0,
                "looks": 4,
            },
            "2 s",
            block=16,
        ),
        "default": Scale(
            16,
            {
                "modulus": 23,
                "share": 0.7,
                "width": 96,
                "adam": 1e-2,
                "steps": 1000,
                "decay": 1.0,
                "looks": 10,
            },
            "1 min",
        ),
        "paper": Scale(
            16,
            {
                "modulus": 61,
                "share": 0.7,
                "width": 256,
                "adam": 1e-3,
                "steps": 40_000,
                "decay": 1.0,
                "looks": 50,
            },
            "days",
            block=1,
        ),
    },
    margins={"test accuracy": 0.3, "linearity": 0.05},
    unit="accuracy; target linearity",
    source=Source(_PAPER, "grokking on modular addition"),
    reported="On addition modulo 61 with weight decay, target linearity rises with the delayed "
    "generalisation.",
    differs="Modulus 23 in place of 61, two hidden layers of 96 units in place of three of 256, "
    "full batch at a larger rate, so that it ends in minutes; AdamW with decay 1 and a training "
    "share of 0.7 as released. Linearity is of the pairs that were not trained on.",
    mutants={
        "no decay": partial(_since_fitted, suffix=", no decay"),
        "labels shuffled": partial(_since_fitted, suffix=", labels shuffled"),
    },
    curves=Curves(
        {
            name: name
            for name in (
                "training accuracy",
                "test accuracy",
                "linearity",
                "test accuracy, no decay",
                "linearity, no decay",
            )
        },
        "step",
        "accuracy; target linearity of unseen pairs",
        _steps,
    ),
)
def linearity_rises_with_grokking(runs: Runs) -> Mapping[str, Array]:
    r"""On modular addition with weight decay, test accuracy and target linearity of unseen pairs
    rise long after the training set is fitted.

    Last hidden layer of a ReLU network with two. Without decay, and with shuffled sums, neither
    does.

    Effect: what each has risen since the first look at which the training set was fitted: more than
    0.3 and 0.05. Source: arXiv:2605.06258 [P in words].
    """
    return _since_fitted(runs)


EXPERIMENTS = (linearity_rises_with_grokking,)
