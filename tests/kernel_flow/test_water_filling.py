"""Where the flows end and from where they escape (arXiv:2601.00276)."""

import math
from fractions import Fraction

import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from impl.errors import InputError
from impl.kernel_flows import flow_runs
from impl.kernel_flows.flow_runs import escapes, rest_rate, run
from impl.kernel_flows.flow_solvers import descend, flow_to_rest, kernel_flow, optimality
from impl.kernel_flows.spectral import SpectralTask
from impl.strategies.flows import rational
from tests.flow_tasks import axis_task, gaussian
from theorems import kernel_flow as claims
from theorems.verdict import Grade, Outcome


@pytest.mark.parametrize("how", ["kernel ODE", "factored flow", "gradient descent"])
def test_three_ways_to_the_water_level(how):
    task = axis_task((3.0, 3.0, 0.5), rows=4)
    verdict = claims.kernel_flow_reaches_water_filling(
        run(task, gaussian(4, 3), gaussian(3, 3), how=how)
    )
    assert verdict
    assert verdict.bound < 1e-5


def test_fast_path_agrees_with_scipy_on_the_whole_path():
    y, phi = gaussian(6, 2), gaussian(6, 5, seed=1)
    slow = kernel_flow(phi @ phi.mT, y, ridge=0.5, decay=1.0, until=60.0)
    fast = flow_to_rest(phi, y, ridge=0.5, decay=1.0)
    torch.testing.assert_close(fast.features @ fast.features.mT, slow, rtol=1e-6, atol=1e-8)
    down = descend(phi, y, ridge=0.5, decay=1.0)
    torch.testing.assert_close(down.features @ down.features.mT, slow, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "targets", [torch.zeros(4, 2).double(), gaussian(4, 1) @ gaussian(1, 3, seed=1)]
)
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
        rational([[Fraction(1), 0], [0, 1]]),
        rational([Fraction(2), Fraction(1)]),
        rational([[1, 0], [0, 1]]),
        rational(Fraction(1)),
        rational(Fraction(1)),
        rational([1, 1]),
    )
    verdict = claims.water_filling_law(task)
    assert verdict.grade is Grade.EXACT
    assert claims.only_full_water_filling_is_stable(task).outcome is Outcome.INAPPLICABLE


def test_the_interval_of_an_escape_is_what_the_window_and_the_integrator_leave_open():
    """Each missing mode alone obeys k̇ = 2(λs²/(k + λ)² − μ)k: its slope lies between the rates at
    both ends of the window, and so does the fit.
    """
    values, ridge, decay, start = (2.0, 1.5), 0.8, 0.2, 1e-5
    runs = escapes(
        axis_task(values, decay=decay, root=(ridge / decay) ** 0.5), start=start, until=1e-3
    )
    assert sorted(runs.modes) == [0, 0, 1, 1]
    window = math.log(100) * ridge / (2 * max(values) ** 2)
    for slope, mode, interval in zip(
        runs.slopes.tolist(), runs.modes, runs.intervals.tolist(), strict=True
    ):

        def rate(k, s=values[mode]):
            return 2 * (ridge * s**2 / (k + ridge) ** 2 - decay)

        alone = solve_ivp(
            lambda _, k, rate=rate: rate(k) * k,
            (0, window),
            [start],
            method="Radau",
            rtol=1e-11,
            atol=1e-18,
        )
        end = float(alone.y[0, -1])
        assert slope == pytest.approx(math.log(end / start) / window, rel=1e-7)
        open_ = rate(0) - rate(end)
        assert open_ <= interval * (1 + 1e-9)
        assert interval <= open_ + 1e-4 * rate(0), "no wider than both errors"
        assert abs(slope - rate(0)) <= interval


@pytest.mark.parametrize(
    ("values", "width"), [((3.0, 2.0), 3), ((3.0, 2.0), 2), ((2.5, 2.0, 0.2), 3)]
)
def test_the_rate_of_return_is_the_least_curvature_where_a_minimiser_ends(values, width):
    """scipy goes to a minimum of J, torch.func takes all second derivatives there; the flat ones
    are the turns of the width.
    """
    ridge, decay, rows, classes = 0.6, 0.3, 4, len(values)
    task = axis_task(values, rows=rows, decay=decay, root=(ridge / decay) ** 0.5)

    def objective(flat):
        phi, a = (
            flat[: rows * width].reshape(rows, width),
            flat[rows * width :].reshape(classes, width),
        )
        return (
            (phi @ a.mT - task.targets).square().sum() / 2
            + ridge / 2 * a.square().sum()
            + decay / 2 * phi.square().sum()
        )

    def both(x):
        slope, value = torch.func.grad_and_value(objective)(torch.from_numpy(x))
        return float(value), slope.numpy()

    start = gaussian((rows + classes) * width, seed=4).numpy()
    end = minimize(both, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 2_000})
    curvatures = torch.linalg.eigvalsh(torch.func.hessian(objective)(torch.from_numpy(end.x)))
    assert abs(end.jac).max() < 1e-6
    assert curvatures[0] > -1e-5
    assert rest_rate(task, width) == pytest.approx(
        float(curvatures[curvatures > 1e-3][0]), rel=1e-4
    )


def test_a_flow_that_is_too_narrow_or_unknown_is_refused():
    with pytest.raises(InputError, match="width of at least 2"):
        rest_rate(axis_task((3.0, 2.0)), 1)
    with pytest.raises(InputError, match="how='by hand'"):
        run(axis_task((3.0, 2.0)), gaussian(3, 2), gaussian(2, 2), how="by hand")


def test_every_subset_of_four_active_modes_is_covered():
    runs = escapes(axis_task((4.0, 3.0, 2.0, 1.5), rows=5))
    assert len(runs.modes) == 4 * 2**3  # every mode beside every subset of the three others
    assert claims.missing_modes_escape(runs)


def test_an_escape_beside_active_modes_starts_from_their_levels():
    """With the other modes at k_j = s_j√(λ/μ) − λ instead of 0 the fitted rates are the same: modes
    do not see one another (K(0) commutes with YYᵀ).
    """
    begun = []
    keep = flow_runs._growth
    task = axis_task((4.0, 3.0), rows=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            flow_runs,
            "_growth",
            lambda kernel, *rest, **options: begun.append(kernel) or keep(kernel, *rest, **options),
        )
        runs = escapes(task, start=1e-6)
    levels = [s * float(task.root) - float(task.ridge) for s in (4.0, 3.0)]
    seen = {
        tuple(round(v, 5) for v in torch.linalg.eigvalsh(kernel).tolist()[-2:]) for kernel in begun
    }
    assert {tuple(round(v, 5) for v in sorted((1e-6, level))) for level in levels} <= seen
    assert len(runs.modes) == 4
