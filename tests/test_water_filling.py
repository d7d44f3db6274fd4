"""Where the flows end and from where they escape (arXiv:2601.00276)."""

import math
from fractions import Fraction

import pytest
import torch
from scipy.integrate import solve_ivp

from impl.flow_runs import escapes, run
from impl.flow_solvers import descend, flow_to_rest, kernel_flow, optimality
from impl.spectral import SpectralTask
from impl.strategies.flows import rational
from tests.flow_tasks import axis_task, gaussian
from theorems import kernel_flow as claims
from theorems.verdict import Grade, Outcome


@pytest.mark.parametrize("how", ["kernel ODE", "factored flow", "gradient descent"])
def test_three_ways_to_the_water_level(how):
    task = axis_task((3.0, 3.0, 0.5), rows=4)
    verdict = claims.kernel_flow_reaches_water_filling(run(task, gaussian(4, 3), gaussian(3, 3), how=how))
    assert verdict
    assert verdict.bound < 1e-5


def test_fast_path_agrees_with_scipy_on_the_whole_path():
    y, phi = gaussian(6, 2), gaussian(6, 5, seed=1)
    slow = kernel_flow(phi @ phi.mT, y, ridge=0.5, decay=1.0, until=60.0)
    fast = flow_to_rest(phi, y, ridge=0.5, decay=1.0)
    torch.testing.assert_close(fast.features @ fast.features.mT, slow, rtol=1e-6, atol=1e-8)
    down = descend(phi, y, ridge=0.5, decay=1.0)
    torch.testing.assert_close(down.features @ down.features.mT, slow, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("targets", [torch.zeros(4, 2).double(), gaussian(4, 1) @ gaussian(1, 3, seed=1)])
def test_labels_of_deficient_rank_reach_rest(targets):
    end = flow_to_rest(gaussian(4, 3), targets, ridge=1.0, decay=1.0)
    assert end.distance < 1e-8
    assert torch.linalg.matrix_rank(end.features, atol=1e-6) <= 1


def test_a_large_flow_reaches_its_water_level():
    rows, classes = 120, 4
    left = torch.linalg.qr(gaussian(rows, classes))[0]
    s = torch.tensor([4.0, 3.0, 2.0, 0.5], dtype=torch.float64)
    end = flow_to_rest(gaussian(rows, 150, seed=1) / 10, left * s, ridge=1.0, decay=1.0)
    filled = (left * (s - 1).clamp(min=0)) @ left.mT
    assert float((end.features @ end.features.mT - filled).norm() / filled.norm()) < 1e-8


def test_optimality_of_the_closed_form_from_thin_matrices():
    left = torch.linalg.qr(gaussian(1000, 10))[0]
    s = torch.linspace(0.5, 6, 10, dtype=torch.float64)
    filled = left * (s - 1).clamp(min=0).sqrt()
    slack, residual = optimality(filled, left * s, ridge=1.0, decay=1.0)
    assert slack > -1e-12
    assert residual < 1e-12
    assert optimality(filled * 1.1, left * s, ridge=1.0, decay=1.0)[1] > 1e-2
    assert optimality(filled[:, :-1], left * s, ridge=1.0, decay=1.0)[0] < -1


def test_the_threshold_itself_is_not_active():
    task = SpectralTask(
        rational([[Fraction(1), 0], [0, 1]]), rational([Fraction(2), Fraction(1)]), rational([[1, 0], [0, 1]]), rational(Fraction(1)),
        rational(Fraction(1)), rational([1, 1]),
    )  # fmt: skip
    verdict = claims.water_filling_law(task)
    assert verdict.grade is Grade.EXACT
    assert claims.only_full_water_filling_is_stable(task).outcome is Outcome.INAPPLICABLE


def test_the_interval_of_an_escape_is_what_the_window_and_the_integrator_leave_open():
    """Each missing mode alone obeys k̇ = 2(λs²/(k + λ)² − μ)k: its slope lies between the rates at both ends of the window, and so does the fit."""
    values, ridge, decay, start = (2.0, 1.5), 0.8, 0.2, 1e-5
    runs = escapes(axis_task(values, decay=decay, root=(ridge / decay) ** 0.5), start=start, until=1e-3)
    assert sorted(runs.modes) == [0, 0, 1, 1]
    window = math.log(100) * ridge / (2 * max(values) ** 2)
    for slope, mode, interval in zip(runs.slopes.tolist(), runs.modes, runs.intervals.tolist(), strict=True):

        def rate(k, s=values[mode]):
            return 2 * (ridge * s**2 / (k + ridge) ** 2 - decay)

        alone = solve_ivp(
            lambda _, k, rate=rate: rate(k) * k, (0, window), [start], method="Radau", rtol=1e-11, atol=1e-18
        )
        end = float(alone.y[0, -1])
        assert slope == pytest.approx(math.log(end / start) / window, rel=1e-7)
        open_ = rate(0) - rate(end)
        assert open_ <= interval * (1 + 1e-9)
        assert interval <= open_ + 1e-4 * rate(0), "no wider than both errors"
        assert abs(slope - rate(0)) <= interval


def test_every_subset_of_four_active_modes_is_covered():
    runs = escapes(axis_task((4.0, 3.0, 2.0, 1.5), rows=5))
    assert len(runs.modes) == 4 * 2**3  # every mode beside every subset of the three others
    assert claims.missing_modes_escape(runs)
