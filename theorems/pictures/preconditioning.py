"""Pictures of preconditioned feature learning (arXiv:2509.25637): a function each, which returns
the figure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from theorems.impl.networks.spec import generator
from theorems.impl.preconditioning.linear_students import LinearStudent, descend, linear_student
from theorems.pictures.style import BLUE, GREEN, GREY, ORANGE, RED, canvas, styled
from theorems.preconditioning.student_risk import (
    exponent_needs_early_stopping,
    preconditioned_regression_risk,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIMENSION, SAMPLES, NOISE = 24, 96, 1.0
EIGENVALUES = torch.logspace(0, -1.2, DIMENSION, dtype=torch.float64)
"""λ_j of Σ, from 1 down to 0.06."""


def student(power: float, mode: int, steps: int, *, seed: int) -> LinearStudent:
    """A teacher of unit signal on eigenvector ``mode`` (0 the top one), P = Σ^power, η = 1/λ_max of
    P^½(XᵀX/n)P^½, Gaussian inputs.
    """
    inputs = (
        torch.randn(SAMPLES, DIMENSION, generator=generator(seed), dtype=torch.float64)
        * EIGENVALUES.sqrt()
    )
    beta = torch.zeros(DIMENSION, dtype=torch.float64)
    beta[mode] = EIGENVALUES[mode] ** -0.5
    root = inputs * EIGENVALUES ** (power / 2)
    rate = SAMPLES / float(torch.linalg.matrix_norm(root, 2)) ** 2
    return linear_student(
        inputs,
        beta,
        preconditioner=torch.diag(EIGENVALUES**power),
        covariance=torch.diag(EIGENVALUES),
        noise=NOISE,
        rate=rate,
        steps=steps,
    )


def simulated_risk(s: LinearStudent, draws: int, *, seed: int) -> tuple[float, float]:
    """Mean excess risk of real training (autograd and the optimiser) on ``draws`` noise vectors,
    and its standard error.
    """
    beta = s.factor @ s.teacher
    noise = (
        torch.randn(s.samples, draws, generator=generator(seed), dtype=torch.float64)
        * s.noise.sqrt()
    )
    end = descend(
        s.inputs, s.inputs @ beta + noise, s.factor @ s.factor.mT, s.rates, scale=s.samples
    )[-1]
    risks: Tensor = (s.covariance_root @ (end.mT - beta)).square().sum(0)
    return float(risks.mean()), float(risks.std()) / draws**0.5


@styled("96 samples, 24 dimensions, Σ from 1 down to 0.06, noise variance 1")
def risk_by_exponent(seed: int) -> Figure:
    """Excess risk against the exponent p of P = Σ^p, for teachers on the top and bottom
    eigenvectors, and how training on levels it.
    """
    figure, (left, right) = canvas(2, (10.6, 4.5))
    powers, few = np.linspace(-3, 3, 61), np.linspace(-3, 3, 13)
    predict: Any = preconditioned_regression_risk.predict
    limit: Any = exponent_needs_early_stopping.predict
    teachers = (
        (0, BLUE, "o", "top eigenvector"),
        (DIMENSION // 2, GREEN, "s", "middle one"),
        (DIMENSION - 1, ORANGE, "D", "bottom eigenvector"),
    )
    for mode, colour, mark, name in teachers:
        exact = [float(predict(student(p, mode, 6, seed=seed))) for p in powers]
        left.plot(powers, exact, color=colour)
        seen = [simulated_risk(student(p, mode, 6, seed=seed), 400, seed=seed + 1) for p in few]
        means, errors = np.array(seen).T
        left.errorbar(
            few,
            means,
            yerr=3 * errors,
            fmt=mark,
            color=colour,
            markersize=4,
            linewidth=1,
            label=name,
        )
        best = int(np.argmin(exact))
        left.plot(
            powers[best], exact[best], "v", color=colour, markersize=9, markeredgecolor="white"
        )
    left.annotate(
        "lines: the formula; marks: 400 trainings, ±3 s.e.\ntriangles: the best exponent",
        (0.03, 0.03),
        xycoords="axes fraction",
        color="#5d626b",
    )
    left.set(xlabel="$p$", ylabel="expected excess risk (signal = 1)", yscale="log")
    left.set_title("Top-aligned teachers want larger $p$, after 6 steps")
    left.legend(loc="center right", title="teacher on the", alignment="left")
    for steps, shade in (
        (2, "#b9c7da"),
        (8, "#7fa3cc"),
        (64, "#3d7fbd"),
        (4096, "#1c5a94"),
        (2**22, "#062b4c"),
    ):
        name = f"{steps} steps" if steps < 10_000 else r"$2^{22}$ steps"
        risks = [
            float(predict(student(p, DIMENSION - 1, steps, seed=seed)))
            for p in np.linspace(-3, 3, 31)
        ]
        right.plot(np.linspace(-3, 3, 31), risks, color=shade, label=name)
    end = float(limit(student(0.0, DIMENSION - 1, 1, seed=seed)))
    right.axhline(end, color=RED, linewidth=1.3, linestyle=(0, (4, 3)))
    right.annotate(
        "limit, the same for every $p$",
        (3, end),
        xytext=(0, 5),
        textcoords="offset points",
        color=RED,
        ha="right",
    )
    right.set(xlabel="$p$", ylabel="expected excess risk (signal = 1)", yscale="log")
    right.set_title("Trained to the end, $p$ drops out")
    right.legend(loc="lower right", title="bottom-aligned teacher", alignment="left")
    for axis in (left, right):
        axis.axvline(-1, color=GREY, linewidth=1, linestyle=(0, (2, 3)), zorder=1)
        axis.annotate(
            "whitening",
            (-1, 0.99),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            va="top",
            textcoords="offset points",
            color="#5d626b",
        )
    return figure


PICTURES: dict[str, Callable[[int], Figure]] = {"risk-by-exponent": risk_by_exponent}
"""Every picture by the name that the command line knows it by."""
