"""Field equations against trained networks (arXiv:2606.09744): closed at one hidden layer, wrong
without Gram operators at depth three.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from theorems.claim import Source
from theorems.experiments.experiment import Curves, Scale, experiment
from theorems.experiments.gram_fields import gram_term_runs
from theorems.impl.experiments.field_runs import closed_runs
from theorems.impl.experiments.runs import Array, Runs

_PAPER = "2606.09744"
_DATA = (
    "Digits of scikit-learn, even against odd, ½ Σ (f − y)², full batch, float64; the paper's "
    "runs are not described in what could be had of it."
)


def _steps(settings: Mapping[str, float]) -> list[float]:
    return [settings["steps"] * k / settings["looks"] for k in range(int(settings["looks"]) + 1)]


def _closed(runs: Runs, name: str = "distance") -> dict[str, Array]:
    return {
        "agreement": -np.log10(runs[name].max(1) + 1e-17) - 6,
        "mask switches": np.log10(runs["switches"][:, -1] + 1) - 2,
    }


@experiment(
    measure=closed_runs,
    scales={
        "smoke": Scale(
            16, {"samples": 30, "width": 24, "rate": 0.5, "steps": 100, "looks": 4}, "1 s", block=16
        ),
        "default": Scale(
            24, {"samples": 60, "width": 64, "rate": 0.5, "steps": 400, "looks": 10}, "5 s"
        ),
        "paper": Scale(
            50,
            {"samples": 500, "width": 512, "rate": 0.3, "steps": 5000, "looks": 40},
            "6 h",
            block=2,
        ),
    },
    margins={"agreement": 0.0, "mask switches": 0.0},
    unit="decades",
    source=Source(_PAPER, "closed field equations of one hidden layer"),
    reported="For one hidden layer the residuals, the pre-activations and the Gram matrix of the "
    "inputs obey closed equations, without the weights.",
    differs=_DATA
    + (
        " Both sides take the same finite steps: for these the equations are exact too, within "
        "a step and across switches."
    ),
    mutants={
        "masks frozen": partial(_closed, name="masks frozen"),
        "one mask for all": partial(_closed, name="one mask for all"),
        "labels shuffled": partial(_closed, name="labels shuffled"),
    },
    curves=Curves(
        {
            "residual of the network": "loss",
            "distance, masks frozen": "masks frozen",
            "distance, labels shuffled": "labels shuffled",
        },
        "step",
        "norm / norm of the first residual",
        _steps,
        log="y",
    ),
)
def closed_fields_follow_the_trained_network(runs: Runs) -> Mapping[str, Array]:
    r"""Integrated without weights, across every mask switch, the field equations of one hidden
    layer give the trained network's residuals.

    .. math:: h_i(\mu) \leftarrow h_i(\mu) - \eta\, a_i \sum_\nu G_{\mu\nu} 1[h_i(\nu)>0]\, r_\nu,
              \qquad r = \sum_i a_i (h_i)_+ - y

    The network is trained by torch's gradients. Equations of shuffled labels, with masks frozen at
    the start, or with one mask for all samples, must not.

    Effect: decades by which the largest distance of the residuals, over the norm of the first,
    stays below 10⁻⁶; decades of mask switches above a hundred. Source: arXiv:2606.09744 [P].
    """
    return _closed(runs)


def _dropped(
    runs: Runs, name: str = "no Gram terms", *, lower: str = "depth 2, no Gram terms"
) -> dict[str, Array]:
    return {"depth 3": runs[f"depth 3, {name}"].min(1) - runs[lower].max(1)}


@experiment(
    measure=gram_term_runs,
    scales={
        "smoke": Scale(
            16, {"samples": 20, "width": 12, "rate": 0.3, "steps": 40, "looks": 4}, "2 s", block=16
        ),
        "default": Scale(
            24,
            {"samples": 40, "width": 24, "rate": 0.3, "steps": 200, "looks": 10},
            "15 s",
            block=12,
        ),
        "paper": Scale(
            50,
            {"samples": 200, "width": 128, "rate": 0.2, "steps": 3000, "looks": 40},
            "8 h",
            block=2,
        ),
    },
    margins={"depth 3": 0.05},
    unit="relative error of the conjugate field's velocity",
    source=Source(_PAPER, "Gram operators are needed from depth three on"),
    reported="From depth three on the dynamics of the conjugate fields do not close without the "
    "Gram operators of the weights.",
    differs=_DATA,
    mutants={
        "Gram terms kept": partial(_dropped, name="full"),
        "depth two for three": lambda runs: {
            "depth 3": runs["depth 2, no Gram terms"].min(1) - runs["depth 2, full"].max(1)
        },
    },
    curves=Curves(
        {
            "depth 3": "depth 3, no Gram terms",
            "depth 3, labels shuffled": "depth 3, no Gram terms, labels shuffled",
            "depth 2": "depth 2, no Gram terms",
        },
        "step",
        "relative error without Gram terms",
        _steps,
    ),
)
def dropping_gram_operators_is_seen_in_training(runs: Runs) -> Mapping[str, Array]:
    r"""All along a training at depth three the conjugate field's velocity is wrong if the Gram
    operators are dropped; at depth two it is right.

    Velocity of p¹, observed by forward-mode differentiation along −∇L, against −Σ_ν r_ν M¹ z¹(ν)
    with :math:`J^\top M J` left out. It is wrong for every labels, shuffled ones too: nothing is
    said of learning.

    Effect: the smallest relative error of the training at depth three less the largest at depth
    two, larger than 0.05. Source: arXiv:2606.09744 [P].
    """
    return _dropped(runs)


EXPERIMENTS = (
    closed_fields_follow_the_trained_network,
    dropping_gram_operators_is_seen_in_training,
)
