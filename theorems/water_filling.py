"""The water-filling law: arXiv:2601.00276, where the kernel's flow ends, on which path, and why only there."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import torch

from impl import flow_strategies, run_strategies
from impl.flows import KernelPoint, doubled_kernel_velocity, drive, kernel_velocity
from impl.inverses import eye_like, slope
from impl.operands import Operand, is_exact
from impl.spectral import Escapes, FlowEnd, SpectralTask, diagonal, positive_part, scalar
from theorems import flow_enclosures  # noqa: F401, registers how the instances are enclosed
from theorems.claim import Hypothesis, Source, equals
from theorems.kernel_ranks import PAPER
from theorems.optimality import minimises
from theorems.relations import Comparison


def _root(task: SpectralTask) -> Operand:
    return task.root[..., None]


def _ridge(task: SpectralTask) -> Operand:
    """λ as (…, 1)."""
    return task.decay[..., None] * _root(task) * _root(task)


def levels(task: SpectralTask) -> Operand:
    """k_i = (s_i √(λ/μ) − λ)₊, (…, N)."""
    return positive_part(task.values * _root(task) - _ridge(task))


def _doubled_slope(task: SpectralTask) -> Callable[[Operand], Operand]:
    """2∇E = μI − D(K)."""

    def gradient(kernel: Operand) -> Operand:
        ridge = task.decay * task.root * task.root
        pull = drive(kernel, task.targets, ridge if hasattr(ridge, "shape") else np.array(ridge, dtype=object))
        return eye_like(kernel) * scalar(task.decay) - pull

    return gradient


def _exceeds(values: Operand, threshold: Operand) -> Operand:
    """1 where values > threshold, else 0, of exact numbers and balls."""
    if is_exact(values):
        return (values > threshold).astype(int).astype(object)
    return (values.center > threshold.center).to(torch.float64)


def _clamped(change: Callable[[SpectralTask], Operand]) -> Callable[[SpectralTask], Operand]:
    return lambda task: diagonal(task.left, positive_part(change(task)))


@minimises(
    observed=_doubled_slope,
    on=flow_strategies.spectral_tasks,
    source=Source(PAPER, "water-filling law; its form derived"),
    mutants={
        "without the root": _clamped(lambda task: task.values * _root(task) * _root(task) - _ridge(task)),
        "not clamped": lambda task: diagonal(task.left, task.values * _root(task) - _ridge(task)),
        "water level twice": _clamped(lambda task: task.values * _root(task) - _ridge(task) * 2),
        "no water": _clamped(lambda task: task.values * _root(task)),
        "root the other way": _clamped(lambda task: task.values * 2 - task.threshold),
        "threshold λμ": lambda task: diagonal(
            task.left,
            (task.values * _root(task) - _ridge(task)) * _exceeds(task.values, _ridge(task) * task.decay[..., None]),
        ),
        "nothing is learned": lambda task: diagonal(task.left, task.values * 0),
    },
)
def water_filling_law(task: SpectralTask) -> Operand:
    r"""The learned kernel fills the labels' modes to one water level: the minimum of its energy has closed form.

    .. math:: K_\infty = \sum_i k_i u_i u_i^\top, \qquad k_i = (s_i \sqrt{\lambda/\mu} - \lambda)_+

    for Y = Σ s_i u_i v_iᵀ: mode i is active iff s_i > √(λμ). E is convex (`kernel_energy_decreases`), so the optimality conditions
    μI − D(K∞) ⪰ 0 and (μI − D)K∞ = 0 are sufficient; they are checked, on instances with rational roots exactly. That the flow gets there
    is `kernel_flow_reaches_water_filling`. Shapes: Y (N, C), K (N, N). Observed: D(K) through the inverse of K + λI, N×N.

    Raises InputError for anything that is not a SpectralTask. Source: arXiv:2601.00276 [P] (the law); the form [D, N].
    """
    return diagonal(task.left, levels(task))


@lru_cache(maxsize=2)  # mutants observe the same instance again
def _path(task: SpectralTask) -> Operand:
    """2K̇ of the reduced objective at Φ = U diag(a), seen in the labels' modes."""
    features = task.left * task.amplitudes[..., None, :]
    ridge = task.decay * task.root * task.root
    ridge = ridge if hasattr(ridge, "shape") else np.array(ridge, dtype=object)
    lag = (task.targets.mT @ features) * 0
    speed = doubled_kernel_velocity(KernelPoint(features, features, task.targets, ridge, task.decay, lag))
    return task.left.mT @ speed @ task.left


def _speeds(task: SpectralTask, gain: int = 4, fade: int = 4, power: int = 2) -> Operand:
    k = task.amplitudes * task.amplitudes
    share = task.values / (k + _ridge(task))
    pull = share * share if power == 2 else share
    speed = k * (pull * _ridge(task) * gain - task.decay[..., None] * fade)
    eye = eye_like(task.left)
    return eye * speed[..., None, :]


@equals(
    observed=_path,
    on=flow_strategies.rational_tasks,
    source=Source(PAPER, "the path of a mode", "derived"),
    mutants={
        "decay once": lambda task: _speeds(task, fade=2),
        "drive once": lambda task: _speeds(task, gain=2),
        "drive not squared": lambda task: _speeds(task, power=1),
        "linear growth": lambda task: _speeds(task) * 0,
    },
)
def water_filling_path(task: SpectralTask) -> Operand:
    r"""If the kernel shares the labels' modes, each fills on its own.

    .. math:: \dot k_i = 2 k_i \left( \frac{\lambda s_i^2}{(k_i + \lambda)^2} - \mu \right)

    for K = U diag(k) Uᵀ, and no mode mixes into another. Shapes: UᵀK̇U (N, N), compared twice over. Observed: the reduced objective
    differentiated along every symmetric direction, over the rationals exactly, at Φ = U diag(√k).

    Raises InputError for anything that is not a SpectralTask. Source: derived here from arXiv:2601.00276 [D, N].
    """
    return _speeds(task)


# -- which stationary states are stable ----------------------------------------------------------------------------


def _subsets(task: SpectralTask) -> Operand:
    """0/1 rows, one for each nonempty subset of the active modes, the full one last, (S, N)."""
    size = task.values.shape[-1]
    active = [i for i in range(size) if bool(task.active[i])]
    rows = [
        [int(i in subset) for i in range(size)] for r in range(1, len(active) + 1) for subset in combinations(active, r)
    ]
    return np.array(rows or [[0] * size], dtype=object)


def _at(task: SpectralTask, masks: Operand) -> tuple[Operand, Operand]:
    """The kernel of each subset and its velocity as a function."""
    return diagonal(task.left, levels(task) * masks), task.decay * task.root * task.root


def _velocity(task: SpectralTask) -> Callable[[Operand], Operand]:
    ridge = np.array(task.decay * task.root * task.root, dtype=object)
    return lambda kernel: kernel_velocity(kernel, task.targets, ridge, task.decay)


@lru_cache(maxsize=2)  # mutants observe the same instance again
def _stability(task: SpectralTask) -> dict[str, Operand]:
    masks, flow = _subsets(task), _velocity(task)
    kernels, _ = _at(task, masks)
    rates = []
    for i in range(task.values.shape[-1]):
        u = task.left[:, i : i + 1]
        moved = slope(flow, kernels, u @ u.T)
        rates.append((u.T @ moved @ u)[:, 0, 0])
    diagonal_rates = np.stack(rates, -1)
    full = kernels[-1]
    everything = _pair_rates(task, full)
    missing = task.active * (1 - masks)
    return {
        "stationary": flow(kernels),
        "rates": diagonal_rates,
        "missing modes escape": diagonal_rates * missing + (1 - missing),
        "the full set attracts": -everything,
    }


def _pair_rates(task: SpectralTask, kernel: Operand) -> Operand:
    """Rates of all u_iu_jᵀ + u_ju_iᵀ at the full set, each an eigendirection of the linearised flow, (N, N)."""
    size = task.values.shape[-1]
    units = np.eye(size, dtype=int).astype(object)
    pairs = np.array(
        [[np.outer(units[i], units[j]) + np.outer(units[j], units[i]) for j in range(size)] for i in range(size)]
    )
    moved = slope(_velocity(task), kernel, task.left @ pairs @ task.left.T)
    seen = task.left.T @ moved @ task.left
    return np.array([[seen[i, j, i, j] / (2 if i == j else 1) for j in range(size)] for i in range(size)], dtype=object)


def _rates(task: SpectralTask, factor: int = 2, drop: int = 1) -> dict[str, Operand]:
    masks = _subsets(task)
    k, ridge, mu = levels(task) * masks, _ridge(task), task.decay[..., None]
    escape = (task.values * task.values / ridge - mu) * factor
    back = k / (k + ridge) * mu * (-4 * drop)
    present = masks
    rates = escape * (1 - present) + back * present
    return {
        "stationary": diagonal(task.left, k) * 0,
        "rates": rates,
        "missing modes escape": rates * 0,
        "the full set attracts": diagonal(task.left, levels(task)) * 0,
    }


def no_active_mode(task: SpectralTask) -> str | None:
    """Why there is no subset to speak of, or None if a mode is active."""
    return None if any(bool(on) for on in task.active) else "no mode is active: s <= √(λμ) throughout"


def at_threshold(task: SpectralTask) -> str | None:
    """Why stability is not strict, or None if no mode sits at s = √(λμ)."""
    return (
        "a mode sits exactly at the threshold s = √(λμ): its rate is zero"
        if any(task.values == task.threshold)
        else None
    )


@equals(
    observed=_stability,
    on=flow_strategies.active_tasks,
    source=Source(PAPER, "stability of the full water-filling state; rates derived"),
    signs={"missing modes escape": ">", "the full set attracts": ">"},
    hypotheses={
        "no mode at the threshold": Hypothesis(flow_strategies.threshold_tasks, at_threshold),
        "an active mode": Hypothesis(flow_strategies.inactive_tasks, no_active_mode),
    },
    mutants={
        "escape without the factor 2": lambda task: _rates(task, factor=1),
        "return twice as fast": lambda task: _rates(task, drop=2),
        "all subsets attract": {
            "observe": lambda task: {"rates": -_stability(task)["rates"]},
            "predict": lambda task: {"rates": _rates(task)["rates"] * 0},
            "relation": Comparison(">"),
        },
        "modes of the unclipped law": lambda task: (
            _rates(task) | {"rates": _rates(task)["rates"] + task.decay[..., None]}
        ),
    },
)
def only_full_water_filling_is_stable(task: SpectralTask) -> dict[str, Operand]:
    r"""Every subset of active modes is stationary, but a missing active mode escapes: only the full set is stable.

    .. math:: \text{missing } u_i: \quad 2\left( s_i^2/\lambda - \mu \right) > 0, \qquad
              \text{present: } -4\mu\, k_i/(k_i + \lambda) < 0

    are the rates of u_iu_iᵀ at K_S = Σ_{i∈S} k_i u_iu_iᵀ, for each of the 2^r − 1 nonempty subsets of r active modes; at the full set the
    rates of all u_iu_jᵀ + u_ju_iᵀ are negative. Observed: the kernel's ODE linearised by dual numbers over the rationals: exact.
    That integrated paths escape so is `missing_modes_escape`. Shapes: rates (2^r − 1, N).

    Hypotheses: a mode is active, none at the threshold (both checked). Raises InputError for anything that is not a SpectralTask.
    Source: arXiv:2601.00276 [P] ("stable"); the rates [D, N].
    """
    return _rates(task)


def _escape_rates(runs: Escapes, factor: float = 2, power: int = 2) -> Operand:
    index = list(runs.modes)
    s = runs.values[index]
    strength = s * s if power == 2 else s
    return (strength / _ridge(runs) - runs.decay[..., None]) * factor


@equals(
    observed=lambda runs: runs.slopes,
    on=run_strategies.escape_runs,
    source=Source(PAPER, "escape from partial states", "derived"),
    mutants={
        "without the factor 2": lambda runs: _escape_rates(runs, factor=1),
        "without decay": lambda runs: _escape_rates(runs) + runs.decay[..., None] * 2,
        "linear in s": lambda runs: _escape_rates(runs, power=1),
    },
)
def missing_modes_escape(runs: Escapes) -> Operand:
    r"""A trace of a missing active mode grows like e^{2(s_i²/λ − μ)t} beside every stationary subset of the others.

    Fitted to integrated paths of the kernel's ODE, for each proper subset (the empty one included) of r ≤ 4 active modes and each mode
    missing from it; the interval is derived: saturation over the fitted window, and the integrator's error as a second run measures it.

    Raises InputError for anything that is not Escapes. Source: derived here from arXiv:2601.00276 [D, N].
    """
    return _escape_rates(runs)


# -- where the flows end -------------------------------------------------------------------------------------------


def too_narrow(end: FlowEnd) -> str | None:
    """Why the width cannot hold the active modes, or None if it can."""
    active, width = int(end.active.sum()), int(end.features.shape[-1])
    return f"{width} features cannot hold {active} active modes" if width < active else None


def _end_state(end: FlowEnd) -> dict[str, Operand]:
    kernel = end.features @ end.features.mT
    return {
        "regularised kernel": kernel + eye_like(kernel) * end.ridge,
        "residual": end.targets - end.features @ end.readout.mT,
    }


def _closed_form(end: FlowEnd, filled: Operand | None = None, kept: Operand | None = None) -> dict[str, Operand]:
    filled = levels(end) if filled is None else filled
    kept = positive_part(end.values - end.threshold) if kept is None else kept
    kernel = diagonal(end.left, filled)
    return {
        "regularised kernel": kernel + eye_like(kernel) * end.ridge,
        "residual": end.targets - (end.left * kept[..., None, :]) @ end.right.mT,
    }


_END_MUTANTS: dict[str, Any] = {
    "without the root": lambda end: _closed_form(
        end, positive_part(end.values * _root(end) * _root(end) - _ridge(end) / 2)
    ),
    "no water": lambda end: _closed_form(end, end.values * _root(end)),
    "labels fitted exactly": lambda end: _closed_form(end, kept=end.values),
    "threshold λμ": lambda end: _closed_form(end, kept=positive_part(end.values - end.threshold * end.threshold / 2)),
    "first mode missing": lambda end: _closed_form(end, levels(end) * (torch.arange(end.values.shape[-1]) > 0)),
}


@equals(
    observed=_end_state,
    on=run_strategies.kernel_ends,
    source=Source(PAPER, "the flow's end"),
    hypotheses={
        "overlap with every active mode": Hypothesis(run_strategies.blind_starts),
        "width of at least the active modes": Hypothesis(run_strategies.narrow_starts, too_narrow),
    },
    mutants=_END_MUTANTS,
)
def kernel_flow_reaches_water_filling(end: FlowEnd) -> dict[str, Operand]:
    r"""From any start that overlaps every active mode, the kernel's flow ends in the water-filling state.

    .. math:: K(t) \to \sum_i (s_i\sqrt{\lambda/\mu} - \lambda)_+\, u_i u_i^\top, \qquad F(t) \to \sum_i (s_i - \sqrt{\lambda\mu})_+\, u_i v_i^\top

    Three ways: scipy on the kernel's ODE, the factored flow, gradient descent on Φ by autograd. The bound is measured: the end is
    within 2‖∇J‖/ρ of rest, ρ the least nonzero Hessian eigenvalue there (see `theorems.flow_enclosures`).

    Hypotheses: K(0) overlaps every active mode (not checkable from the end); P ≥ number of active modes (checked). Configurations without
    a mode near the threshold, where rest is approached like 1/t. Raises InputError for anything that is not a FlowEnd.
    Source: arXiv:2601.00276 [P]; forms [D, N].
    """
    return _closed_form(end)


def _coupled_state(end: FlowEnd) -> dict[str, Operand]:
    return _end_state(end) | {"balance": _regularised(end, end.features.mT @ end.features * scalar(end.decay))}


def _regularised(end: FlowEnd, gram: Operand) -> Operand:
    """μΦᵀΦ or λAᵀA plus λμ, which sets the scale where nothing is learned."""
    return gram + eye_like(gram) * end.ridge * scalar(end.decay)


def _coupled_form(end: FlowEnd) -> dict[str, Operand]:
    return _closed_form(end) | {"balance": _regularised(end, end.readout.mT @ end.readout * end.ridge)}


@equals(
    observed=_coupled_state,
    on=run_strategies.coupled_ends,
    source=Source(PAPER, "the same law without fast readout; forms derived"),
    hypotheses={
        "overlap with every active mode": Hypothesis(run_strategies.blind_coupled_starts),
        "width of at least the active modes": Hypothesis(run_strategies.narrow_coupled_starts, too_narrow),
    },
    mutants={
        name: (lambda end, change=change: _coupled_form(end) | change(end)) for name, change in _END_MUTANTS.items()
    }
    | {
        "balance the other way": lambda end: (
            _coupled_form(end) | {"balance": _regularised(end, end.readout.mT @ end.readout * scalar(end.decay) * 3)}
        )
    },
)
def coupled_flow_reaches_water_filling(end: FlowEnd) -> dict[str, Operand]:
    r"""Without a fast readout the coupled flow ends in the same kernel, its outputs a soft threshold of the labels.

    .. math:: \dot\Phi = -(GA + \mu\Phi), \quad \dot A = -(G^\top\Phi + \lambda A): \qquad K \to K_\infty, \quad
              F \to \sum_i (s_i - \sqrt{\lambda\mu})_+\, u_i v_i^\top, \quad \mu\,\Phi^\top\Phi = \lambda A^\top A

    Observed: LSODA on Φ and A. Bound and hypotheses: as `kernel_flow_reaches_water_filling`. Raises InputError for anything
    that is not a FlowEnd. Source: arXiv:2601.00276 [P] (same law); forms [D, N].
    """
    return _coupled_form(end)
