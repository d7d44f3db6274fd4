"""Certified kernels after one large step: views, linear modes, decay, enclosures of eigenvalues."""

import math
from fractions import Fraction

import numpy as np
import pytest
from flint import arb_mat, ctx
from scipy import integrate

from impl.function_space.spiked_kernels import SpikedKernel
from impl.numbers.arb_matrices import eigenvalues
from tests.spiked import kernel, objects
from theorems import Grade, Outcome, function_space


@pytest.mark.parametrize("d", [1, 2, 5, 50, 500])
def test_linear_modes_at_every_dimension(d):
    verdict = function_space.linear_modes_are_amplified(
        kernel(d, Fraction(5, 4), Fraction(d, 2) + 1, seed=d)
    )
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.grade is Grade.CERTIFIED
    assert verdict.bound < 1e-6


def test_linear_mode_in_the_plane_by_integration_over_inputs():
    """The other order of integration: T₁ on ⟨·, v⟩ over x' in polar form, kernel in closed form (E
    r² r = 2·…).
    """
    k = kernel(2, Fraction(3, 2), Fraction(4), seed=3, count=1)
    v = np.array([0.3, -1.1])
    low, high = 1.5, 5.5
    w = k.direction.astype(float)
    gamma = low * np.eye(2) + (high - low) * np.outer(w, w)
    x = k.points[0].astype(float)

    def at(angle):
        y = np.array([math.cos(angle), math.sin(angle)])
        xx, xy, yy = x @ gamma @ x, x @ gamma @ y, y @ gamma @ y
        theta = math.acos(max(-1.0, min(1.0, xy / math.sqrt(xx * yy))))
        return (
            math.sqrt(xx * yy)
            / (4 * math.pi)
            * (math.sin(theta) + (math.pi - theta) * math.cos(theta))
            * (y @ v)
        )

    start = math.atan2(*x[::-1])
    # E r² = 2
    total = integrate.quad(at, start, start + 2 * math.pi, limit=400)[0] / (2 * math.pi) * 2
    assert total == pytest.approx(float(v @ gamma @ x) / 8, rel=1e-8)


def test_views_agree_at_the_corners():
    axis = objects([Fraction(1), Fraction(0)])
    for rows in (
        [[1, 2], [-1, -2]],
        [[1, 2], [1, 2]],
        [[0, 0], [1, 1]],
        [[1, 0], [3, 0]],
        [[0, 1], [0, -2]],
        [[1, 2]],
    ):
        verdict = function_space.kernel_views_agree(
            SpikedKernel(objects(rows), axis, Fraction(2), Fraction(7))
        )
        assert verdict.outcome is Outcome.HOLDS, rows
        assert verdict.grade is Grade.CERTIFIED


def test_views_agree_with_simulated_weights():
    k = kernel(3, Fraction(3, 2), Fraction(4), seed=1)
    w = k.direction.astype(float)
    root = math.sqrt(1.5) * np.eye(3) + (math.sqrt(5.5) - math.sqrt(1.5)) * np.outer(w, w)
    weights = np.random.default_rng(0).standard_normal((400_000, 3)) @ root / math.sqrt(3)
    hidden = np.maximum(weights @ k.points.astype(float).T, 0)
    sampled = hidden.T @ hidden / len(weights)
    exact = np.vectorize(lambda value: float(value.mid()))(k.sampled)
    np.testing.assert_allclose(sampled, exact, rtol=0.03, atol=0.02)


def test_enclosures_are_tight_and_disjoint_balls_refute():
    k = kernel(5, Fraction(3, 2), Fraction(4))
    assert function_space.kernel_views_agree(k).bound < 1e-9
    verdict = function_space.kernel_views_agree.mutants["Γ in place of Γ^½"](k)
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.grade is Grade.CERTIFIED


def test_decay_holds_with_equality_without_a_spike():
    k = kernel(2, Fraction(1), Fraction(0), count=4)
    assert function_space.decay_is_preserved(k).outcome is Outcome.HOLDS
    assert function_space.decay_is_preserved.mutants["constant one"](k).outcome is Outcome.HOLDS


def test_eigenvalue_enclosures_hold_multiple_and_zero_ones():
    with ctx.workprec(80):
        found = eigenvalues(arb_mat([[2, 1, 1], [1, 2, 1], [1, 1, 2]]))
        assert [float(v.mid()) for v in found] == pytest.approx([4, 1, 1])
        assert found[0].contains(4)
        assert found[1].contains(1)
        assert found[2].contains(1)
        assert all(v.rad() < 1e-12 for v in found)
        assert eigenvalues(arb_mat([[1, 1], [1, 1]]))[1].contains(0)
