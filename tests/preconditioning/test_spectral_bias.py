"""Powers of the covariance: risks against simulation, one step against quadrature, the statement
that is false as stated.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import Phase, find, given, settings
from scipy import integrate, stats

from impl import InitialisedPair, LinearStudent, linear_student
from impl.preconditioning.gaussian_teachers import DEGREES, cubature
from impl.preconditioning.linear_students import descend, reflections
from impl.strategies import spectra as strategies
from impl.strategies.sampling import visit
from impl.strategies.students import patient_students, students
from theorems import (
    Grade,
    Outcome,
    exponent_needs_early_stopping,
    information_needs_matched_initialisation,
    information_needs_matched_initialisation_as_stated,
    one_step_learns_powered_teacher,
    preconditioned_regression_risk,
)
from theorems.impl.numbers.rounded import Ball

DOUBLE = torch.float64


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def student(seed=0, n=6, d=3, steps=5):
    root = normal(d, d, seed=seed)
    return linear_student(
        normal(n, d, seed=seed + 1),
        normal(d, seed=seed + 2),
        preconditioner=root @ root.mT + torch.eye(d).double(),
        covariance=torch.diag(torch.arange(1.0, d + 1)).double(),
        noise=0.7,
        rate=0.05,
        steps=steps,
    )


def risk_of(s: LinearStudent, noise: torch.Tensor) -> torch.Tensor:
    """Excess risks of real training on y = Xβ + ε, one per column of ε."""
    beta = s.factor @ s.teacher
    runs = descend(
        s.inputs, s.inputs @ beta + noise, s.factor @ s.factor.mT, s.rates, scale=s.samples
    )[-1]
    return ((s.covariance_root @ (runs.mT - beta)) ** 2).sum(0)


def predicted(s: LinearStudent) -> float:
    return float(preconditioned_regression_risk.predict(s.map(Ball)).center)


def test_risk_is_the_mean_over_all_sign_patterns_of_the_noise():
    s = student(n=6)
    signs = (
        torch.tensor(list(itertools.product([1.0, -1.0], repeat=6)), dtype=DOUBLE).mT
        * float(s.noise) ** 0.5
    )
    assert float(risk_of(s, signs).mean()) == pytest.approx(predicted(s), rel=1e-12)


def test_risk_against_simulation():
    """4000 replicates of Gaussian noise; false-alarm probability below 1e-9.

    With w = b + Bε the risk is ‖A(b + σBg)‖²: a constant, a Gaussian and a quadratic form in g.
    Both deviations of the sum over M replicates are bounded at x = ln(4e9): √(2x) standard
    deviations, and 2‖λ‖₂√x + 2‖λ‖_∞x (Laurent and Massart 2000).
    """
    s, replicates, x = student(seed=5, n=8), 4000, math.log(4e9)
    sigma = float(s.noise) ** 0.5
    risks = risk_of(s, sigma * normal(8, replicates, seed=11))
    beta = s.factor @ s.teacher
    matrix = s.factor @ s.factor.mT
    basis = (
        s.covariance_root
        @ descend(s.inputs, torch.eye(8, dtype=DOUBLE), matrix, s.rates, scale=8)[-1].mT
        * sigma
    )
    offset = s.covariance_root @ (
        descend(s.inputs, s.inputs @ beta, matrix, s.rates, scale=8)[-1].mT - beta
    )
    modes = torch.linalg.eigvalsh(basis.mT @ basis)
    linear = 2 * float((basis.mT @ offset).norm()) * (2 * x * replicates) ** 0.5
    quadratic = 2 * float(modes.norm()) * (x * replicates) ** 0.5 + 2 * float(modes.max()) * x
    allowed = (linear + quadratic) / replicates
    assert abs(float(risks.mean()) - predicted(s)) <= allowed < 0.3 * predicted(s)


def test_risk_of_a_user_and_its_limit():
    s = student(steps=5)
    assert preconditioned_regression_risk(s)
    verdict = exponent_needs_early_stopping(s)
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert "stopped early" in verdict.context["reason"]


def test_early_stopping_lets_the_exponent_matter_and_full_training_does_not():
    risks = {}
    for steps, power in itertools.product((3, 400), (-1.0, 0.0, 1.0)):
        covariance = torch.diag(torch.tensor([2.0, 1.0, 0.5], dtype=DOUBLE))
        s = linear_student(
            normal(12, 3),
            normal(3, seed=1),
            preconditioner=torch.diag(covariance.diagonal() ** power),
            covariance=covariance,
            noise=1.0,
            rate=0.3,
            steps=steps,
        )
        risks[steps, power] = predicted(s)
    assert (
        max(risks[400, p] for p in (-1.0, 0.0, 1.0)) - min(risks[400, p] for p in (-1.0, 0.0, 1.0))
        < 1e-9
    )
    assert (
        max(risks[3, p] for p in (-1.0, 0.0, 1.0)) - min(risks[3, p] for p in (-1.0, 0.0, 1.0))
        > 0.05
    )


def test_fewer_samples_than_dimensions_keep_the_preconditioner_in_the_limit():
    inputs, beta = torch.tensor([[1.0, 1.0]], dtype=DOUBLE), torch.tensor([1.0, 0.0], dtype=DOUBLE)
    limits = [
        predicted(
            linear_student(
                inputs, beta, preconditioner=torch.diag(torch.tensor([1.0, p], dtype=DOUBLE)),
                covariance=torch.eye(2, dtype=DOUBLE), noise=0.0, rate=0.2, steps=300,
            )
        )
        for p in (1.0, 3.0)
    ]  # fmt: skip
    assert limits == pytest.approx([0.5, 1.125], rel=1e-9)


@given(students())
@settings(max_examples=15)
def test_risk_is_exact_on_fractions_and_bounded_on_floats(s):
    verdict = preconditioned_regression_risk(s)
    assert verdict, verdict
    assert (verdict.grade is Grade.EXACT) == isinstance(s.inputs, np.ndarray)


@given(patient_students())
@settings(max_examples=8)
def test_limit_holds(s):
    assert exponent_needs_early_stopping(s)


def test_counterexample_to_unmatched_initialisation():
    """X = I and X' = [[1, 0], [1, 1]], P = (XᵀX)⁻¹: G_P = I twice, yet Var Z'(0) = 2 in the second
    row.
    """
    inputs, twin = torch.eye(2, dtype=DOUBLE), torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=DOUBLE)
    one = torch.ones(1, dtype=DOUBLE)
    pair = InitialisedPair(
        inputs,
        inputs,
        inputs,
        twin,
        torch.linalg.inv(twin),
        inputs,
        torch.zeros(2, 1, dtype=DOUBLE),
        one * 2,
        one[0],
    )
    verdict = information_needs_matched_initialisation_as_stated(pair)
    assert (
        verdict.outcome
        is information_needs_matched_initialisation_as_stated.expected
        is Outcome.REFUTED
    )
    assert verdict.grade is Grade.EXACT
    assert information_needs_matched_initialisation(pair).outcome is Outcome.INAPPLICABLE
    matched = dataclasses.replace(pair, start=pair.factor, twin_start=pair.twin_factor)
    assert information_needs_matched_initialisation(matched).grade is Grade.EXACT
    zero = dataclasses.replace(pair, start=inputs * 0, twin_start=inputs * 0, scale=one[0] * 0)
    assert information_needs_matched_initialisation(zero)


def test_law_of_the_start_against_simulation():
    """Var Z'(0) of the counterexample's second row from 4000 draws of W(0): a χ² test, false alarm
    1e-9 in total.
    """
    draws = normal(4000, 2, seed=3) @ torch.tensor([1.0, 1.0], dtype=DOUBLE)
    low, high = stats.chi2.ppf([5e-10, 1 - 5e-10], 4000)
    assert low <= float((draws**2).sum()) / 2 <= high
    assert not low <= float((draws**2).sum()) / 1 <= high


@pytest.mark.parametrize("rule", [1, 2, 3])
def test_cubature_has_the_gaussian_moments_to_its_degree_and_no_further(rule):
    nodes, masses = cubature(1, rule)
    total = masses.sum()

    def moment(k):
        return float((masses * nodes[:, 0] ** k).sum() / total)

    for k in range(DEGREES[rule] + 1):
        assert moment(k) == pytest.approx(0 if k % 2 else math.prod(range(1, k, 2)), abs=1e-12)
    assert moment(DEGREES[rule] + 1) != pytest.approx(math.prod(range(1, DEGREES[rule] + 1, 2)))


def test_stein_for_a_target_that_is_no_polynomial():
    """E[tanh(⟨β, x⟩)x] = E[tanh'] Σβ by adaptive quadrature in two dimensions, to the error that
    quadrature reports.
    """
    root, beta = np.array([1.5, 0.5]), np.array([0.6, -0.8])

    def density(a, b):
        return math.exp(-(a * a + b * b) / 2) / (2 * math.pi)

    moments = [
        integrate.dblquad(
            lambda b, a, i=i: (
                math.tanh(beta @ (root * [a, b])) * root[i] * [a, b][i] * density(a, b)
            ),
            -9,
            9,
            -9,
            9,
            epsabs=1e-8,
        )
        for i in range(2)
    ]
    size = float(np.linalg.norm(root * beta))
    slope, error = integrate.quad(lambda u: stats.norm.pdf(u) / math.cosh(size * u) ** 2, -12, 12)
    for i, (value, reported) in enumerate(moments):
        assert abs(value - slope * root[i] ** 2 * beta[i]) <= reported + error + 1e-12


@given(strategies.gaussian_teachers())
@settings(max_examples=15)
def test_one_step_is_one_direction_for_all_neurons(teacher):
    verdict = one_step_learns_powered_teacher(teacher)
    assert verdict, verdict
    weights = one_step_learns_powered_teacher.observe(teacher)
    scale = float(weights.abs().max())
    assert float((weights[:, None, :, None] * weights[None, :, None, :]).sub(
        weights[:, None, None, :] * weights[None, :, :, None]
    ).abs().max()) <= 1e-12 * max(scale, 1) ** 2  # fmt: skip


TEACHER_CORNERS = {
    "a spectrum with a ratio of e and more": lambda t: (
        float(t.root_logs.max() - t.root_logs.min()) > 1
    ),
    "a spectrum of no whole numbers": lambda t: bool((t.root_logs != t.root_logs.round()).any()),
    "eigenvalues below one and above it": lambda t: (
        float(t.root_logs.min()) < -0.5 and float(t.root_logs.max()) > 0.5
    ),
    "eigenvectors off the axes": lambda t: bool(((t.basis != 0).sum(0) > 1).any()),
    "a power between whole ones": lambda t: float(t.power) % 1 != 0,
    "a teacher off the axes": lambda t: int((t.teacher != 0).sum()) > 1,
    "degree six": lambda t: len(t.polynomial) == 7,
    "one dimension": lambda t: t.teacher.shape[0] == 1,
    "exact": lambda t: bool((t.root_logs == t.root_logs.round()).all()) and float(t.power) == 2,
}


@pytest.mark.slow
@pytest.mark.parametrize("corner", TEACHER_CORNERS)
def test_teachers_reach_every_corner(corner):
    """Without spectra that stretch, powers of the covariance would be powers of the identity."""
    quick = settings(max_examples=500, database=None, derandomize=True, phases=[Phase.generate])
    find(strategies.gaussian_teachers(), TEACHER_CORNERS[corner], settings=quick)


@pytest.mark.slow
def test_violating_teachers_violate_what_they_say():
    """Signs in place of Gaussian numbers tell on a cubic teacher if β³ is not parallel to β; the
    others have their start or their kink.
    """
    seen = []
    visit(strategies.coin_teachers(), 40, seed=0, see=seen.append)
    for teacher in seen:
        beta = teacher.teacher[:, 0]
        assert bool((teacher.nodes.abs() == 1).all())
        assert float(teacher.polynomial[3]) > 0
        assert not teacher.root_logs.any()
        assert torch.linalg.matrix_rank(torch.stack([beta, beta**3])) == 2
        assert one_step_learns_powered_teacher(teacher).outcome is Outcome.REFUTED
    for make, name in ((strategies.started_teachers, "W(0)"), (strategies.kinked_teachers, "ReLU")):
        seen.clear()
        visit(make(), 10, seed=0, see=seen.append)
        for teacher in seen:
            assert bool(teacher.start.any()) == (name == "W(0)")
            assert (teacher.activation == "relu") == (name == "ReLU")
            assert one_step_learns_powered_teacher(teacher).outcome is Outcome.INAPPLICABLE


@pytest.mark.parametrize("dimension", [1, 2, 3, 7, 200])
def test_reflections_are_orthogonal_without_rounding(dimension):
    basis = reflections(dimension, torch.Generator().manual_seed(dimension))
    assert torch.equal(basis.mT @ basis, torch.eye(dimension, dtype=DOUBLE))


def test_exact_powers_need_whole_exponents():
    from impl.errors import InputError
    from impl.preconditioning.linear_students import exp2

    with pytest.raises(InputError, match="whole exponents in exact arithmetic, got 1/2"):
        exp2(np.array([Fraction(1, 2)], dtype=object))


def test_powers_of_two_on_balls_contain_the_truth():
    import mpmath

    values = normal(50) * 10
    ball = Ball(values).exp2()
    with mpmath.workdps(40):
        for x, c, r in zip(values.tolist(), ball.center.tolist(), ball.error.tolist(), strict=True):
            assert abs(mpmath.power(2, mpmath.mpf(x)) - mpmath.mpf(c)) <= mpmath.mpf(r)
    assert float((ball.error / ball.center).max()) < 1e-15
    assert Ball(torch.tensor([3.0, -2.0])).exp2().radius is None
