"""Which stationary kernels are stable: arXiv:2601.00276, escape from every partial water-filling
state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from theorems.claim import Claim, Hypothesis, Source
from theorems.impl.kernel_flows.flows import kernel_velocity, symmetric_directions
from theorems.impl.kernel_flows.spectral import Escapes, SpectralTask, diagonal
from theorems.impl.numbers.inverses import slope
from theorems.impl.numbers.operands import Operand
from theorems.impl.strategies import flows as flow_strategies
from theorems.impl.strategies import runs as run_strategies
from theorems.kernel_flow.kernel_ranks import PAPER
from theorems.kernel_flow.water_filling import MODES, levels, mode_ridge
from theorems.relations import Comparison
from theorems.stating import equals


def _subsets(task: SpectralTask) -> Operand:
    """0/1 rows, one for each nonempty subset of the active modes, the full one last, (S, N)."""
    size = task.values.shape[-1]
    active = [i for i in range(size) if bool(task.active[i])]
    rows = [
        [int(i in subset) for i in range(size)]
        for r in range(1, len(active) + 1)
        for subset in combinations(active, r)
    ]
    if isinstance(task.values, Tensor):
        return torch.tensor(rows or [[0] * size], dtype=torch.float64)
    return np.array(rows or [[0] * size], dtype=object)


def _at(task: SpectralTask, masks: Operand) -> Operand:
    """The kernel of each subset."""
    return diagonal(task.left, levels(task) * masks)


def _velocity(task: SpectralTask) -> Callable[[Operand], Operand]:
    ridge = np.array(task.decay * task.root * task.root, dtype=object)
    return lambda kernel: kernel_velocity(kernel, task.targets, ridge, task.decay)


@lru_cache(maxsize=2)  # mutants observe the same instance again
def _stability(task: SpectralTask) -> dict[str, Operand]:
    masks, flow = _subsets(task), _velocity(task)
    kernels = _at(task, masks)
    u = task.left.T[:, None, :, None]  # one mode after another, against every subset
    diagonal_rates = (u.mT @ slope(flow, kernels, u @ u.mT) @ u)[..., 0, 0].T
    everything, aside = _pair_rates(task, kernels[-1])
    missing = task.active * (1 - masks)
    return {
        "stationary": flow(kernels),
        "rates": diagonal_rates,
        "missing modes escape": diagonal_rates * missing + (1 - missing),
        "the full set attracts": -everything,
        "directions of the full set": aside,
    }


def _pair_rates(task: SpectralTask, kernel: Operand) -> tuple[Operand, Operand]:
    """Rates of all u_iu_jᵀ + u_ju_iᵀ at the full set, (N, N), and what the linearised flow makes of
    each beside itself, (N, N, N, N).
    """
    size = task.values.shape[-1]
    pairs = symmetric_directions(size, task.values)
    seen = task.left.T @ slope(_velocity(task), kernel, task.left @ pairs @ task.left.T) @ task.left
    rates = np.array(
        [[seen[i, j, i, j] / (2 if i == j else 1) for j in range(size)] for i in range(size)],
        dtype=object,
    )
    return rates, seen - pairs * rates[..., None, None]


def _rates(task: SpectralTask, factor: int = 2, drop: int = 1) -> dict[str, Operand]:
    masks = _subsets(task)
    k, ridge, mu = levels(task) * masks, mode_ridge(task), task.decay[..., None]
    escape = (task.values * task.values / ridge - mu) * factor
    back = k / (k + ridge) * mu * (-4 * drop)
    rates = escape * (1 - masks) + back * masks
    nothing = diagonal(task.left, levels(task)) * 0
    return {
        "stationary": diagonal(task.left, k) * 0,
        "rates": rates,
        "missing modes escape": rates * 0,
        "the full set attracts": nothing,
        "directions of the full set": symmetric_directions(task.values.shape[-1], task.values) * 0
        + nothing,
    }


class _Rates(NamedTuple):
    """What a wrong variant of the rates is made of: subsets, their levels, λ, μ, and the rates
    themselves.
    """

    on: Operand
    k: Operand
    lam: Operand
    mu: Operand
    r: Operand


def _rates_but(change: Callable[[_Rates], Operand]) -> Callable[[SpectralTask], dict[str, Operand]]:
    """The rates with something else in their place."""

    def predict(task: SpectralTask) -> dict[str, Operand]:
        masks, right = _subsets(task), _rates(task)
        at = _Rates(
            masks, levels(task) * masks, mode_ridge(task), task.decay[..., None], right["rates"]
        )
        return right | {"rates": change(at)}

    return predict


def _doubled(rates: Operand, which: Operand) -> Operand:
    """Twice the rates of some subsets, (S,)."""
    return rates * (1 + np.asarray(which, dtype=int).astype(object))[:, None]


def _without_rounding(claim: Claim) -> Claim:
    """Floats are judged in ball arithmetic alone: which modes are active is no question of
    rounding.
    """
    assert isinstance(claim.relation, Comparison)
    return replace(claim, relation=replace(claim.relation, rounded=False))


def no_active_mode(task: SpectralTask) -> str | None:
    """Why there is no subset to speak of, or None if a mode is active."""
    return (
        None if any(bool(on) for on in task.active) else "no mode is active: s <= √(λμ) throughout"
    )


def at_threshold(task: SpectralTask) -> str | None:
    """Why stability is not strict, or None if no mode sits at s = √(λμ)."""
    return (
        "a mode sits exactly at the threshold s = √(λμ): its rate is zero"
        if any(task.values == task.threshold)
        else None
    )


@_without_rounding
@equals(
    observed=_stability,
    on=flow_strategies.active_tasks,
    source=Source(PAPER, "stability of the full water-filling state; rates derived"),
    signs={"missing modes escape": ">", "the full set attracts": ">"},
    hypotheses={
        "no mode at the threshold": Hypothesis(flow_strategies.threshold_tasks, at_threshold),
        "an active mode": Hypothesis(
            flow_strategies.inactive_tasks,
            no_active_mode,
            meaning="with no active mode there is no subset to compare",
        ),
        **MODES,
    },
    mutants={
        "escape without the factor 2": lambda task: _rates(task, factor=1),
        "return twice as fast": lambda task: _rates(task, drop=2),
        "all subsets attract": {
            "observe": lambda task: {"rates": -_stability(task)["rates"]},
            "predict": lambda task: {"rates": _rates(task)["rates"] * 0},
            "relation": Comparison(">", rounded=False),
        },
        "modes of the unclipped law": lambda task: (
            _rates(task) | {"rates": _rates(task)["rates"] + task.decay[..., None]}
        ),
        "μ for λ in the return": _rates_but(
            lambda at: at.r * (1 - at.on) - at.k / (at.k + at.mu) * at.mu * at.on * 4
        ),
        "λ for μ in the return": _rates_but(
            lambda at: at.r * (1 - at.on) - at.k / (at.k + at.lam) * at.lam * at.on * 4
        ),
        "λ for μ in the escape": _rates_but(lambda at: at.r + (at.mu - at.lam) * (1 - at.on) * 2),
        "wrong at the full set": _rates_but(
            lambda at: _doubled(at.r, at.on.sum(-1) == at.on[-1].sum())
        ),
        "wrong beside single modes": _rates_but(lambda at: _doubled(at.r, at.on.sum(-1) == 1)),
        "wrong for four active modes": _rates_but(
            lambda at: at.r * (1 + int(at.on[-1].sum() == 4))
        ),
    },
)
def only_full_water_filling_is_stable(task: SpectralTask) -> dict[str, Operand]:
    r"""Every subset of active modes is stationary, but a missing active mode escapes: only the full
    set is stable.

    .. math:: \text{missing } u_i: \quad 2\left( s_i^2/\lambda - \mu \right) > 0, \qquad
              \text{present: } -4\mu\, k_i/(k_i + \lambda) < 0

    are the rates of u_iu_iᵀ at K_S = Σ_{i∈S} k_i u_iu_iᵀ, for each of the 2^r − 1 nonempty subsets
    of r active modes; at the full set the rates of all u_iu_jᵀ + u_ju_iᵀ, each of which the
    linearised flow maps to a multiple of itself, are negative. Observed: the kernel's ODE
    linearised by dual numbers over the rationals: exact. That integrated paths escape so is
    `missing_modes_escape`. Shapes: rates (2^r − 1, N).

    Hypotheses: a mode is active, none at the threshold (both checked). Raises InputError for
    anything that is not a SpectralTask. Source: arXiv:2601.00276 [P] ("stable"); the rates [D, N].
    """
    return _rates(task)


def not_active(runs: Escapes) -> str | None:
    """Which missing mode is not active, or None if all are."""
    weak = [i for i in runs.modes if not bool(runs.values[i] > runs.threshold[..., 0])]
    return f"mode {weak[0]} is not active: s <= √(λμ), it does not grow" if weak else None


def _escape_rates(runs: Escapes, factor: float = 2, power: int = 2) -> Operand:
    index = list(runs.modes)
    s = runs.values[index]
    strength = s * s if power == 2 else s
    return (strength / mode_ridge(runs) - runs.decay[..., None]) * factor


def _beside_nothing(runs: Escapes) -> Operand:
    """1 for the runs beside the empty subset, which come first, one for each of the r modes (all
    missing), else 0.
    """
    return torch.tensor(
        [float(i < len(set(runs.modes))) for i in range(len(runs.modes))], dtype=torch.float64
    )


@equals(
    observed=lambda runs: runs.slopes,
    on=run_strategies.escape_runs,
    source=Source(PAPER, "escape from partial states", "derived"),
    hypotheses={"the missing modes are active": Hypothesis(run_strategies.weak_labels, not_active)},
    mutants={
        "without the factor 2": lambda runs: _escape_rates(runs, factor=1),
        "without decay": lambda runs: _escape_rates(runs) + runs.decay[..., None] * 2,
        "linear in s": lambda runs: _escape_rates(runs, power=1),
        "right beside the empty subset alone": lambda runs: (
            _escape_rates(runs) * (1 + (1 - _beside_nothing(runs)) * 0.01)
        ),
        "wrong beside the empty subset alone": lambda runs: (
            _escape_rates(runs) * (1 + _beside_nothing(runs) * 0.01)
        ),
    },
)
def missing_modes_escape(runs: Escapes) -> Operand:
    r"""A trace of a missing active mode grows like e^{2(s_i²/λ − μ)t} beside every stationary
    subset of the others.

    .. math:: u_i^\top K(t)\, u_i \sim e^{2 (s_i^2/\lambda - \mu) t}, \qquad s_i > \sqrt{\lambda\mu}

    Fitted to integrated paths of the kernel's ODE, for each proper subset (the empty one included)
    of r ≤ 4 active modes and each mode missing from it; the interval is derived: saturation over
    the fitted window, and the integrator's error as a second run measures it. Shapes: rates (M,),
    one per subset and missing mode.

    Hypotheses: the missing modes are active (checked). Raises InputError for anything that is not
    Escapes. Source: derived here from arXiv:2601.00276 [D, N].
    """
    return _escape_rates(runs)
