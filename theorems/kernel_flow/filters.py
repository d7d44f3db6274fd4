"""What the kernel's spectrum means: arXiv:2601.00276, bias and variance of kernel regression, and
the self-supervised filter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theorems.claim import Hypothesis, Source
from theorems.impl.kernel_flows.spectral import (
    LaplacianTask,
    Regression,
    diagonal,
    positive_part,
    scalar,
)
from theorems.impl.numbers.inverses import eye_like, inverse, slope
from theorems.impl.numbers.operands import Operand
from theorems.impl.strategies import ridge as ridge_strategies
from theorems.kernel_flow.kernel_ranks import PAPER
from theorems.kernel_flow.water_filling import levels_of, marked, smallest
from theorems.relations.minimum import Spectrum
from theorems.stating import equals, minimiser_has_rank, minimises


def _total(terms: Operand) -> Operand:
    """Σ over the last axis, kept as a vector of one: sums of objects to no dimension are no
    arrays.
    """
    return terms[..., None, :].sum(-1)


def _column(vector: Operand) -> Operand:
    return vector[..., :, None]


def _fitted(fit: Regression, levels: Operand) -> tuple[Operand, Operand]:
    """Squared bias and variance of f̂ = K(K + λI)⁻¹y, the expectation over the noise taken exactly,
    (…, 1).
    """
    kernel = diagonal(fit.left, levels)
    eye = eye_like(kernel)
    smoother = kernel @ inverse(kernel + eye * scalar(fit.ridge))
    missed = smoother @ _column(fit.signal) - _column(fit.signal)
    noise = eye if fit.covariance is None else fit.covariance
    spread = smoother @ (noise * scalar(fit.noise)) @ smoother.mT
    return (missed * missed).sum(-2), _total((spread * eye).sum(-1))


def _best(fit: Regression) -> Operand:
    """k_i = λ (u_iᵀf*)²/σ²."""
    seen = (fit.left.mT @ _column(fit.signal))[..., 0]
    return seen * seen * (fit.ridge[..., None] * (1 / fit.noise[..., None]))


def _risks(fit: Regression, best: Callable[[Regression], Operand] = _best) -> dict[str, Operand]:
    bias, variance = _fitted(fit, fit.levels)
    other = sum(_fitted(fit, fit.others), start=bias * 0)
    # at k + εe_i for every mode i at once, by forward-mode differentiation of the smoother itself
    top, along = best(fit), eye_like(fit.left)
    falling = slope(lambda k: _fitted(fit, k)[0], top, along)
    rising = slope(lambda k: _fitted(fit, k)[1], top, along)
    return {
        "bias": bias,
        "variance": variance,
        "risk of another spectrum": other,
        "bias falls at the best spectrum": falling,
        "variance rises at the best spectrum": rising,
    }


def _spectral(fit: Regression, levels: Operand) -> tuple[Operand, Operand]:
    share = 1 / (levels + fit.ridge[..., None])
    seen = (fit.left.mT @ _column(fit.signal))[..., 0]
    kept, lost = levels * share, share * fit.ridge[..., None] * seen
    return _total(lost * lost), _total(kept * kept) * fit.noise[..., None]


def _predicted(
    fit: Regression,
    *,
    bias: int = 1,
    variance: int = 1,
    best: Callable[[Regression], Operand] = _best,
) -> dict[str, Operand]:
    lost, kept = _spectral(fit, fit.levels)
    low = sum(_spectral(fit, best(fit)), start=lost * 0)
    kept_best = best(fit) * (1 / (best(fit) + fit.ridge[..., None]))
    # 2σ²λk/(k + λ)³, the slope of the variance, must be what the bias loses
    balance = _column(
        kept_best
        * (1 - kept_best)
        * (1 / (best(fit) + fit.ridge[..., None]))
        * 2
        * fit.noise[..., None]
    )
    return {
        "bias": lost * bias,
        "variance": kept * variance,
        "risk of another spectrum": low,
        "bias falls at the best spectrum": -balance,
        "variance rises at the best spectrum": balance,
    }


def _with_best(best: Callable[[Regression], Operand]) -> dict[str, Callable[[Regression], Any]]:
    """A mutant that takes another spectrum for the best one, on both sides."""
    return {
        "observe": lambda fit: _risks(fit, best),
        "predict": lambda fit: _predicted(fit, best=best),
    }


@equals(
    observed=_risks,
    on=ridge_strategies.regressions,
    source=Source(
        PAPER, "spectral evolution and generalisation: that they are related; form derived"
    ),
    signs={"risk of another spectrum": ">="},
    hypotheses={"noise of the stated size": Hypothesis(ridge_strategies.misjudged_noise)},
    mutants={
        "bias twice": lambda fit: _predicted(fit, bias=2),
        "variance twice": lambda fit: _predicted(fit, variance=2),
        "no variance": lambda fit: _predicted(fit, variance=0),
        "bias and variance exchanged": lambda fit: {
            **_predicted(fit),
            "bias": _predicted(fit)["variance"],
            "variance": _predicted(fit)["bias"],
        },
        "best without the square": _with_best(
            lambda fit: (fit.left.mT @ _column(fit.signal))[..., 0]
        ),
        "best twice": _with_best(lambda fit: _best(fit) * 2),
        "nothing learned is best": _with_best(lambda fit: _best(fit) * 0),
    },
)
def spectral_bias_variance(fit: Regression) -> dict[str, Operand]:
    r"""Kernel ridge regression splits into bias and variance mode by mode, and each mode has its
    own best eigenvalue.

    .. math:: \mathrm{bias}^2 = \sum_i \Big(\frac{\lambda}{k_i+\lambda}\Big)^2 (u_i^\top f^*)^2,
              \qquad
              \mathrm{variance} = \sigma^2 \sum_i \Big(\frac{k_i}{k_i+\lambda}\Big)^2

    for y = f* + ε at fixed design points, f̂ = K(K + λI)⁻¹y; their sum is least at k_i/λ =
    (u_iᵀf*)²/σ², which no other drawn spectrum beats and at which in every mode the bias falls as
    fast as the variance rises. Shapes: K (N, N). Observed: the smoother through an N×N inverse, and
    its forward-mode derivative, the expectation over the noise exactly (it is linear in the
    covariance σ²I). Hypotheses: noise of covariance σ²I (not checkable).

    Raises InputError for anything that is not a Regression. Source: arXiv:2601.00276 [P] (that it
    is related); the form [D, N].
    """
    return _predicted(fit)


def _energy_slope(task: LaplacianTask) -> Callable[[Operand], Operand]:
    """∇E = L + μI − β(K + εI)⁻¹."""

    def gradient(kernel: Operand) -> Operand:
        eye = eye_like(kernel)
        return (
            task.laplacian
            + eye * scalar(task.decay)
            - inverse(kernel + eye * scalar(task.floor)) * scalar(task.drive)
        )

    return gradient


def _filter(task: LaplacianTask, floor: int = 1, drive: int = 1, decay: int = 1) -> Operand:
    """k_i = (β/(ℓ_i + μ) − ε)₊."""
    lifted = task.frequencies + task.decay[..., None] * decay
    return positive_part(
        1 / lifted * (task.drive[..., None] * drive) - task.floor[..., None] * floor
    )


def _first_of_equals(levels: Operand) -> Operand:
    """1 at the first of equal levels, 0 at the others, (N,)."""
    seen = levels_of(levels)
    return marked(levels, [i for i, level in enumerate(seen) if level not in seen[:i]])


@minimises(
    observed=_energy_slope,
    on=ridge_strategies.laplacians,
    source=Source(PAPER, "self-supervised spectrum: high-rank, Laplacian-aligned; form derived"),
    hypotheses={"orthonormal eigenvectors": Hypothesis(ridge_strategies.stretched_laplacians)},
    mutants={
        "no floor": lambda task: diagonal(task.left, _filter(task, floor=0)),
        "no decay": lambda task: diagonal(task.left, _filter(task, decay=2)),
        "drive twice": lambda task: diagonal(task.left, _filter(task, drive=2)),
        "high frequencies pass": lambda task: diagonal(task.left, _filter(task) + task.frequencies),
        "not clamped": lambda task: diagonal(
            task.left,
            1 / (task.frequencies + task.decay[..., None]) * task.drive[..., None]
            - task.floor[..., None],
        ),
        "without its largest passing mode": lambda task: diagonal(task.left, _but_largest(task)),
        "equal frequencies pass once": lambda task: diagonal(
            task.left, _filter(task) * _first_of_equals(_filter(task))
        ),
    },
)
def laplacian_spectral_filter(task: LaplacianTask) -> Operand:
    r"""A self-supervised kernel is a low-pass filter of the data's Laplacian, of a rank that
    classes do not bound.

    .. math:: E(K) = \operatorname{tr}(LK) + \mu \operatorname{tr} K - \beta \log\det(K
              + \varepsilon I), \qquad
              k_i = \left( \frac{\beta}{\ell_i + \mu} - \varepsilon \right)_+

    in the Laplacian's eigenbasis. E is convex, so the conditions ∇E ⪰ 0, ∇E·K = 0 are sufficient;
    they are checked, on rational spectra exactly. Its rank is `laplacian_filter_rank`. Shapes: L, K
    (N, N). Observed: ∇E through the inverse of K + εI, N×N.

    Hypotheses: orthonormal eigenvectors (not checkable on floats); μ, β, ε > 0 (an instance without
    is refused). Raises InputError for anything that is not a LaplacianTask. Source:
    arXiv:2601.00276 [P] (high-rank, aligned); the form [D, N].
    """
    return diagonal(task.left, _filter(task))


def _cut(task: LaplacianTask) -> Operand:
    """β/ε − μ, (…, 1)."""
    return task.drive[..., None] / task.floor[..., None] - task.decay[..., None]


def _passed(task: LaplacianTask) -> int:
    """#{ℓ_i < β/ε − μ}."""
    return int((_plain(task.frequencies) < _plain(_cut(task))).sum())


def _distinct(task: LaplacianTask) -> int:
    """The same without multiplicity."""
    values = np.asarray(_plain(task.frequencies))
    return len(set(values[values < np.asarray(_plain(_cut(task)))].tolist()))


def _plain(values: Operand) -> Operand:
    """Numbers that can be compared and counted: a ball's center, everything else as it is."""
    return getattr(values, "center", values)


def _ranked(change: Callable[[LaplacianTask], int]) -> Callable[[LaplacianTask], Spectrum]:
    return lambda task: Spectrum(diagonal(task.left, _filter(task)), change(task))


def _but_largest(task: LaplacianTask) -> Operand:
    """The filter without its largest passing frequency, whose level is the smallest."""
    return _filter(task) * (1 - smallest(_filter(task)))


@minimiser_has_rank(
    observed=_energy_slope,
    on=ridge_strategies.laplacians,
    source=Source(PAPER, "rank of the self-supervised spectrum", "derived"),
    hypotheses={"orthonormal eigenvectors": Hypothesis(ridge_strategies.stretched_laplacians)},
    mutants={
        "all modes": _ranked(lambda task: task.frequencies.shape[-1] + 1),
        "one fewer": _ranked(lambda task: _passed(task) - 1),
        "the cut without decay": _ranked(
            lambda task: int(
                (_plain(task.frequencies) < _plain(_cut(task) + task.decay[..., None])).sum()
            )
        ),
        "the cut without floor": _ranked(
            lambda task: int((_plain(task.frequencies) < _plain(task.drive - task.decay)).sum())
        ),
        "the cut itself passes": _ranked(
            lambda task: int((_plain(task.frequencies) <= _plain(_cut(task))).sum())
        ),
        "multiplicity ignored": _ranked(_distinct),
        "the filter without its largest passing mode": lambda task: Spectrum(
            diagonal(task.left, _but_largest(task)), _passed(task) - int(_passed(task) > 0)
        ),
        "twice the filter": lambda task: Spectrum(
            diagonal(task.left, _filter(task) * 2), _passed(task)
        ),
    },
)
def laplacian_filter_rank(task: LaplacianTask) -> Spectrum:
    r"""The self-supervised kernel has as many modes as the Laplacian has frequencies below β/ε − μ,
    however many classes there are.

    .. math:: \operatorname{rank} K_\infty = \#\{\ell_i < \beta/\varepsilon - \mu\}, \qquad
              \text{full as } \varepsilon \to 0

    The kernel is first seen to be the minimiser: it passes the optimality conditions of
    `laplacian_spectral_filter`, whose hypotheses it shares. Then its exact rank over the rationals;
    of other frames a rank proved by elimination on balls. Shapes: K (N, N).

    Hypotheses: orthonormal eigenvectors. Raises InputError for anything that is not a
    LaplacianTask. Source: derived here from arXiv:2601.00276 [D, N].
    """
    return Spectrum(diagonal(task.left, _filter(task)), _passed(task))
