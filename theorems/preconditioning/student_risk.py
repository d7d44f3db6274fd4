"""The risk of a linear student under preconditioned descent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from flint import arb

from theorems.claim import Hypothesis, Source
from theorems.impl.instances.measured import given
from theorems.impl.numbers.arb_arrays import ArbArray
from theorems.impl.numbers.arb_matrices import norm
from theorems.impl.numbers.linalg import exact_rank, least_squares
from theorems.impl.numbers.operands import Operand, is_exact, zeros_like
from theorems.impl.numbers.rounded import UNIT, Ball
from theorems.impl.numbers.rounded_matrices import _norm as norm_of_ball
from theorems.impl.preconditioning.linear_students import LinearStudent, identity
from theorems.impl.strategies import students as strategies
from theorems.preconditioning.descent import beside, condition, descend, divided, filters, spectrum
from theorems.stating import equals

_PAPER = "2509.25637"
Parts = Mapping[str, Operand]


def _square(matrix: Operand) -> Operand:
    return (matrix * matrix).sum(-1).sum(-1)


def _trained(student: LinearStudent) -> Operand:
    """E over the noise of the excess risk of real training: the signal's run and one run per basis
    vector of the noise.
    """
    beta = student.factor @ student.teacher
    signal = student.inputs @ beta
    root = student.covariance_root
    # of symbols no two stand side by side: the columns are students of their own
    if hasattr(signal, "fresh"):
        one, others = (
            descend(
                student.inputs, y, student.factor, student.rates, start=start, scale=student.samples
            )
            for y, start in (
                (signal, student.start),
                (identity(student.samples, student.inputs), None),
            )
        )
        return _square(root @ (one.mT - beta)) + _square(root @ others.mT) * student.noise
    targets = beside(signal, identity(student.samples, student.inputs))
    start = student.start
    if start is not None:  # the noise's runs start from zero: training is affine in (w(0), y)
        start = beside(start.mT, zeros_like(student.inputs.mT)).mT
    runs = descend(
        student.inputs, targets, student.factor, student.rates, start=start, scale=student.samples
    )
    return _square(root @ (runs[:1].mT - beta)) + _square(root @ runs[1:].mT) * student.noise


def _closed_form(
    student: LinearStudent,
    *,
    power: int = 2,
    unfiltered: bool = False,
    plain: bool = False,
) -> Parts:
    """The printed formula, and its mutants."""
    factor = student.factor
    gram = spectrum(student.inputs, factor if not plain else identity(factor.shape[0], factor))
    r, q = filters(gram, student.rates)
    root = student.covariance_root @ factor
    middle = root.mT @ root
    bent = r @ student.teacher
    bias = (bent.mT @ middle @ bent)[0, 0]
    inner = q @ gram if power == 1 else q @ q @ gram
    noise = divided(
        ((middle @ (gram if unfiltered else inner)) * identity(factor.shape[0], factor))
        .sum(-1)
        .sum(-1),
        student.samples,
    )
    return {"bias": bias, "variance": noise * student.noise}


def not_from_zero(student: LinearStudent) -> str | None:
    """Why training does not start from zero, or None."""
    return (
        None
        if student.start is None or not bool((student.start != 0).any())
        else "w(0) is not zero"
    )


def _sum(parts: Parts) -> Operand:
    return parts["bias"] + parts["variance"]


@equals(
    observed=_trained,
    on=strategies.students,
    source=Source(_PAPER, "stand-in for the single-index theorem", "derived"),
    hypotheses={"starts from zero": Hypothesis(strategies.started_students, not_from_zero)},
    mutants={
        "P dropped from the spectrum": lambda s: _sum(_closed_form(s, plain=True)),
        "one filter in the variance": lambda s: _sum(_closed_form(s, power=1)),
        "variance not filtered": lambda s: _sum(_closed_form(s, unfiltered=True)),
        "one step less": lambda s: _sum(
            _closed_form(replace(s, rates=s.rates[:-1]) if s.steps > 1 else s)
        ),
        "variance twice": lambda s: _sum(_closed_form(s)) + _closed_form(s)["variance"],
        "no bias": lambda s: _closed_form(s)["variance"],
        "no variance": lambda s: _closed_form(s)["bias"],
        "β not whitened by P": lambda s: _sum(_closed_form(_replace_teacher(s))),
    },
)
def preconditioned_regression_risk(student: LinearStudent) -> Operand:
    r"""The expected excess risk of a linear student after t preconditioned steps from zero.

    With S = P^½(XᵀX/n)P^½, r(s) = (1 − ηs)^t, q(s) = (1 − r(s))/s, on the loss (1/2n)‖Xw − y‖², y =
    Xβ + ε:

    .. math::
        E[\text{excess risk} \mid X] = \beta^\top P^{-1/2} r(S) P^{1/2} \Sigma P^{1/2} r(S) P^{-1/2} \beta
        + \frac{\sigma^2}{n} \operatorname{tr}\left[P^{1/2} \Sigma P^{1/2} q(S)^2 S\right]

    For rates that change, r(s) = Π(1 − η_i s). Any root R of P = R Rᵀ serves as P^½, with its
    transpose on the left. Shapes: X (n, d), Σ and P (d, d); the risk is a scalar, in units of y².
    Observed: real descent on the signal and on each basis vector of the noise; the expectation over
    noise of covariance σ²I is a second moment, so nothing is sampled.

    Hypotheses: w(0) = 0 (checked); β in the range of P (by construction: β = Rγ). Any n, d and
    rates, also ones at which training diverges. Raises InputError for anything that is not a
    LinearStudent. Source: derived here; the wording of the single-index theorem of arXiv:2509.25637
    was not to be had [D, N].
    """  # noqa: E501
    return _sum(_closed_form(student))


def _replace_teacher(student: LinearStudent) -> LinearStudent:
    return replace(student, teacher=student.factor @ student.teacher)


def _limit(student: LinearStudent) -> Operand:
    """σ² ‖A X⁺‖_F² = (σ²/n) tr[Σ (XᵀX/n)⁻¹], with what the steps still miss in the radius of
    balls.
    """
    inverse = least_squares(student.inputs, identity(student.samples, student.inputs))
    ideal = student.covariance_root @ inverse
    risk = _square(ideal) * student.noise
    if not isinstance(risk, Ball | ArbArray):
        return risk
    # w_T = w_∞ − R r(S) R⁻¹ (w_∞ − w_0), so every run is off by at most κ(R)‖r(S)‖ relative to its
    # own limit
    r, _ = filters(spectrum(student.inputs, student.factor), student.rates)
    share = condition(student.factor) * _norm(r)
    beta = student.factor @ student.teacher
    size, root = _norm(inverse), _norm(student.covariance_root)
    off = root * share * size
    missed = (
        root
        * share
        * (_norm(beta) if student.start is None else _norm(beta) + _norm(student.start))
    )
    if isinstance(risk, ArbArray):
        return (
            risk
            + student.noise * arb(0, (2 * _norm(ideal) * off + off * off).upper())
            + arb(0, (missed * missed).upper())
        )
    extra = student.noise.magnitude * (2 * _norm(ideal) * off + off**2) + missed**2
    return Ball(risk.center, risk.error + extra * (1 + 1e-9), risk.unit)


def _norm(ball: Operand) -> Any:
    return norm(ball) if isinstance(ball, ArbArray) else norm_of_ball(ball)


def too_few_samples(student: LinearStudent) -> str | None:
    """Why the minimiser is not unique, or None."""
    n, d = student.inputs.shape
    if n < d:
        return f"n = {n} samples in d = {d} dimensions: the limit depends on P"
    rank = (
        exact_rank(student.inputs)
        if is_exact(student.inputs)
        else int(torch.linalg.matrix_rank(student.inputs))
    )
    return None if rank == d else f"XᵀX has rank {rank} < d = {d}: the limit depends on P"


def stopped_early(student: LinearStudent) -> str | None:
    """Why the filter is not yet zero, or None."""
    inputs, factor, rates = student.inputs, student.factor, student.rates
    if not is_exact(inputs):
        inputs, factor, rates = given(inputs), given(factor), given(rates)
    left, _ = filters(spectrum(inputs, factor), rates)
    size = _norm(left) if isinstance(left, Ball) else max(abs(v) for v in left.reshape(-1).tolist())
    limit = UNIT if isinstance(left, Ball) else 0
    if size <= limit:
        return None
    return (
        f"stopped early: ‖r(S)‖ = {float(size):.3g} after {student.steps} steps, wanted {limit:.3g}"
    )


def _limit_with(student: LinearStudent, matrix: Operand) -> Operand:
    """σ² tr(M)/n."""
    trace = (matrix * identity(int(matrix.shape[-1]), matrix)).sum(-1).sum(-1)
    return divided(trace * student.noise, student.samples)


@equals(
    observed=_trained,
    on=strategies.patient_students,
    source=Source(_PAPER, "the exponent needs early stopping", "derived"),
    hypotheses={
        "n ≥ d and full rank": Hypothesis(
            strategies.poor_students,
            too_few_samples,
            meaning="S has a null direction, in which the filter stays 1: that the run never ends "
            "would refuse it too",
        ),
        "run to the end": Hypothesis(strategies.impatient_students, stopped_early),
    },
    mutants={
        "P stays": lambda s: _limit_with(
            s, s.covariance_root @ s.factor @ s.factor.mT @ s.covariance_root.mT
        ),
        "in-sample risk, σ²d/n": lambda s: _limit_with(s, identity(s.inputs.shape[1], s.inputs)),
        "covariance not inverted": lambda s: _limit_with(
            s, s.covariance_root @ s.inputs.mT @ s.inputs @ s.covariance_root.mT
        ),
        "bias stays": lambda s: _limit(s) + _square(s.covariance_root @ s.factor @ s.teacher),
    },
)
def exponent_needs_early_stopping(student: LinearStudent) -> Operand:
    r"""Run to the end with more samples than dimensions, the preconditioner drops out: every
    exponent and every start give the same risk.

    .. math:: \lim_{t\to\infty} E[\text{excess risk} \mid X]
              = \frac{\sigma^2}{n} \operatorname{tr}\left[\Sigma (X^\top X/n)^{-1}\right]

    Shapes: X (n, d), Σ and P (d, d), risk a scalar. Observed: real descent until the filter r_t(S)
    is below the unit roundoff, on fractions until it is exactly zero (rates 1/s_j end descent in d
    steps). What it still misses is in the bound.

    From any w(0). Hypotheses, checked: n ≥ d and XᵀX of full rank (otherwise the interpolator
    depends on P); r_t(S) has died out. P is invertible. Raises InputError for anything that is not
    a LinearStudent. Source: derived here from arXiv:2509.25637 [D].
    """
    return _limit(student)
