"""The water-filling law: arXiv:2601.00276, the minimum that the kernel's flow descends to, and the
path of a mode.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from theorems.claim import Hypothesis, Source
from theorems.impl.kernel_flows.flows import KernelPoint, doubled_kernel_velocity, drive
from theorems.impl.kernel_flows.spectral import SpectralTask, diagonal, positive_part, scalar
from theorems.impl.numbers.inverses import eye_like
from theorems.impl.numbers.operands import Operand
from theorems.impl.strategies import flows as flow_strategies
from theorems.kernel_flow.kernel_ranks import PAPER
from theorems.stating import equals, minimises

MODES = {"orthonormal modes": Hypothesis(flow_strategies.stretched_tasks)}
"""Exact instances that violate it come out refuted; on floats the modes' distance from orthonormal
ones is part of the bound.
"""


def mode_root(task: SpectralTask) -> Operand:
    """√(λ/μ) as (…, 1)."""
    return task.root[..., None]


def mode_ridge(task: SpectralTask) -> Operand:
    """λ as (…, 1)."""
    return task.decay[..., None] * mode_root(task) * mode_root(task)


def levels(task: SpectralTask) -> Operand:
    """k_i = (s_i √(λ/μ) − λ)₊, (…, N)."""
    return positive_part(task.values * mode_root(task) - mode_ridge(task))


def _doubled_slope(task: SpectralTask) -> Callable[[Operand], Operand]:
    """2∇E = μI − D(K)."""

    def gradient(kernel: Operand) -> Operand:
        ridge = task.decay * task.root * task.root
        pull = drive(
            kernel,
            task.targets,
            ridge if hasattr(ridge, "shape") else np.array(ridge, dtype=object),
        )
        return eye_like(kernel) * scalar(task.decay) - pull

    return gradient


def _exceeds(values: Operand, threshold: Operand) -> Operand:
    """1 where values > threshold, else 0, of exact numbers and balls."""
    if isinstance(values, np.ndarray):
        return (values > threshold).astype(int).astype(object)
    return (values.center > threshold.center).to(torch.float64)


def levels_of(levels: Operand) -> list[float]:
    """The levels of one kernel, near enough to compare them by size: of floats, exact numbers and
    balls of either kind.
    """
    centers: Any = getattr(levels, "center", levels)
    return [float(k.mid()) if hasattr(k, "mid") else float(k) for k in centers.tolist()]


def marked(levels: Operand, places: list[int]) -> Operand:
    """1 at these places, 0 elsewhere, (N,), of a kind that goes with the levels."""
    marks = [int(i in places) for i in range(levels.shape[-1])]
    if isinstance(levels, np.ndarray):
        return np.array(marks, dtype=object)
    return torch.tensor(marks, dtype=torch.float64)


def smallest(levels: Operand) -> Operand:
    """1 at the smallest positive level, if there is one, else 0, (N,)."""
    seen = levels_of(levels)
    return marked(
        levels, sorted((i for i, k in enumerate(seen) if k > 0), key=seen.__getitem__)[:1]
    )


def largest(levels: Operand) -> Operand:
    """1 at the largest positive level, if there is one, else 0, (N,)."""
    seen = levels_of(levels)
    return marked(
        levels, sorted((i for i, k in enumerate(seen) if k > 0), key=seen.__getitem__)[-1:]
    )


def _clamped(change: Callable[[SpectralTask], Operand]) -> Callable[[SpectralTask], Operand]:
    return lambda task: diagonal(task.left, positive_part(change(task)))


@minimises(
    observed=_doubled_slope,
    on=flow_strategies.spectral_tasks,
    source=Source(PAPER, "water-filling law; its form derived"),
    hypotheses=MODES,
    mutants={
        "without the root": _clamped(
            lambda task: task.values * mode_root(task) * mode_root(task) - mode_ridge(task)
        ),
        "not clamped": lambda task: diagonal(
            task.left, task.values * mode_root(task) - mode_ridge(task)
        ),
        "water level twice": _clamped(
            lambda task: task.values * mode_root(task) - mode_ridge(task) * 2
        ),
        "no water": _clamped(lambda task: task.values * mode_root(task)),
        "root the other way": _clamped(lambda task: task.values * 2 - task.threshold),
        "threshold λμ": lambda task: diagonal(
            task.left,
            (task.values * mode_root(task) - mode_ridge(task))
            * _exceeds(task.values, mode_ridge(task) * task.decay[..., None]),
        ),
        "nothing is learned": lambda task: diagonal(task.left, task.values * 0),
        "without its smallest mode": lambda task: diagonal(
            task.left, levels(task) * (1 - smallest(levels(task)))
        ),
        "without its largest mode": lambda task: diagonal(
            task.left, levels(task) * (1 - largest(levels(task)))
        ),
        "μ for λ": _clamped(lambda task: task.values * mode_root(task) - task.decay[..., None]),
    },
)
def water_filling_law(task: SpectralTask) -> Operand:
    r"""The learned kernel fills the labels' modes to one water level: the minimum of its energy has
    closed form.

    .. math:: K_\infty = \sum_i k_i u_i u_i^\top, \qquad k_i = (s_i \sqrt{\lambda/\mu} - \lambda)_+

    for Y = Σ s_i u_i v_iᵀ: mode i is active iff s_i > √(λμ). E is convex
    (`kernel_energy_decreases`), so the optimality conditions μI − D(K∞) ⪰ 0 and (μI − D)K∞ = 0 are
    sufficient; they are checked, on instances with rational roots exactly. That the flow gets there
    is `kernel_flow_reaches_water_filling`. Shapes: Y (N, C), K (N, N). Observed: D(K) through the
    inverse of K + λI, N×N.

    Hypotheses: U and V are orthonormal (not checkable on floats), λ, μ > 0 (an instance without is
    refused). Raises InputError for anything that is not a SpectralTask. Source: arXiv:2601.00276
    [P] (the law); the form [D, N].
    """
    return diagonal(task.left, levels(task))


@lru_cache(maxsize=2)  # mutants observe the same instance again
def _path(task: SpectralTask) -> Operand:
    """2K̇ of the reduced objective at Φ = U diag(a), seen in the labels' modes."""
    features = task.left * task.amplitudes[..., None, :]
    ridge = task.decay * task.root * task.root
    ridge = ridge if hasattr(ridge, "shape") else np.array(ridge, dtype=object)
    lag = (task.targets.mT @ features) * 0
    speed = doubled_kernel_velocity(
        KernelPoint(features, features, task.targets, ridge, task.decay, lag)
    )
    return task.left.mT @ speed @ task.left


def _decay(task: SpectralTask) -> Operand:
    """μ as (…, 1)."""
    return task.decay[..., None]


def _speeds(
    task: SpectralTask, gain: int = 4, fade: int = 4, power: int = 2, *,
    ridge: Callable[[SpectralTask], Operand] = mode_ridge, front: Callable[[SpectralTask], Operand] = mode_ridge,  # noqa: E501
) -> Operand:  # fmt: skip
    k = task.amplitudes * task.amplitudes
    share = task.values / (k + ridge(task))
    pull = share * share if power == 2 else share
    speed = k * (pull * front(task) * gain - _decay(task) * fade)
    eye = eye_like(task.left)
    return eye * speed[..., None, :]


@equals(
    observed=_path,
    on=flow_strategies.path_tasks,
    source=Source(PAPER, "the path of a mode", "derived"),
    hypotheses=MODES,
    mutants={
        "decay once": lambda task: _speeds(task, fade=2),
        "drive once": lambda task: _speeds(task, gain=2),
        "drive not squared": lambda task: _speeds(task, power=1),
        "linear growth": lambda task: _speeds(task) * 0,
        "μ for λ": lambda task: _speeds(task, ridge=_decay, front=_decay),
        "μ for λ under the label": lambda task: _speeds(task, ridge=_decay),
        "μ for λ before the label": lambda task: _speeds(task, front=_decay),
    },
)
def water_filling_path(task: SpectralTask) -> Operand:
    r"""If the kernel shares the labels' modes, each fills on its own.

    .. math:: \dot k_i = 2 k_i \left( \frac{\lambda s_i^2}{(k_i + \lambda)^2} - \mu \right)

    for K = U diag(k) Uᵀ, and no mode mixes into another. Shapes: UᵀK̇U (N, N), compared twice over.
    Observed: the reduced objective differentiated along every symmetric direction, over the
    rationals exactly, at Φ = U diag(√k); other frames are enclosed.

    Hypotheses: as `water_filling_law`. Raises InputError for anything that is not a SpectralTask.
    Source: derived here from arXiv:2601.00276 [D, N].
    """
    return _speeds(task)
