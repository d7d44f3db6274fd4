"""What measures the kernel flow, beside other ways to compute it: a mistake in one of these helpers
changes no verdict by itself.
"""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import nn

from impl.kernel_flows.decayed import decayed_layers
from impl.kernel_flows.flow_runs import escapes
from impl.kernel_flows.flow_solvers import flow_to_rest
from impl.kernel_flows.flows import (
    KernelPoint,
    coupled_derivatives,
    coupled_point,
    doubled_features_velocity,
    energy,
    reduced_objective,
)
from impl.kernel_flows.minibatches import feature_noise
from impl.kernel_flows.objectives import contrast, loss_named
from impl.kernel_flows.spectral import LaplacianTask
from impl.numbers.inverses import inverse, slope
from impl.strategies.flows import number, rational
from tests.flow_tasks import axis_task, gaussian
from theorems.kernel_flow import stability
from theorems.kernel_flow.filters import _energy_slope
from theorems.kernel_flow.water_filling import _doubled_slope


def test_the_derivative_of_an_inverse_along_any_direction():
    """d(M⁻¹)[V] = −M⁻¹VM⁻¹ of matrices that are not symmetric: by hand over the integers, by finite
    differences on floats.
    """
    found = slope(inverse, rational([[1, 2], [0, 1]]), rational([[0, 1], [0, 0]]))
    assert found.tolist() == [[0, -1], [0, 0]]
    found = slope(inverse, rational([[1, 2], [0, 1]]), rational([[0, 0], [1, 0]]))
    assert found.tolist() == [[2, -4], [-1, 2]]
    matrix, along, h = gaussian(3, 3), gaussian(3, 3, seed=1), 1e-6
    wanted = (torch.linalg.inv(matrix + h * along) - torch.linalg.inv(matrix - h * along)) / (2 * h)
    exact = slope(inverse, number_array(matrix), number_array(along))
    np.testing.assert_allclose(exact.astype(float), wanted.numpy(), rtol=1e-5, atol=1e-5)


def number_array(matrix):
    from impl.numbers.operands import to_exact

    return to_exact(matrix)


@pytest.mark.parametrize("speedup", [1.0, 3.0])
def test_derivatives_of_the_coupled_flow_are_those_of_its_own_right_side(speedup):
    """Leibniz's recursion against nested forward-mode differentiation of (Φ̇, Ȧ), labels and a
    faster readout included.
    """
    phi, readout, targets = gaussian(3, 2), gaussian(2, 2, seed=1), gaussian(3, 2, seed=2)
    ridge, decay = 0.7, 0.3
    point = coupled_point(phi, readout, targets, ridge=ridge, decay=decay, speedup=speedup)

    def flow(p, a):
        grad = p @ a.mT - targets
        return -(grad @ a + decay * p), -speedup * (grad.mT @ p + ridge * a)

    def following(function):
        return lambda p, a: torch.func.jvp(function, (p, a), flow(p, a))[1]

    found, step = coupled_derivatives(point, 4), flow
    assert torch.equal(found[0][0], phi)
    for order in range(1, 5):
        for side in (0, 1):
            torch.testing.assert_close(
                found[side][order], step(phi, readout)[side], rtol=1e-10, atol=1e-10
            )
        step = following(step)
    torch.testing.assert_close(point.features_velocity, flow(phi, readout)[0])
    torch.testing.assert_close(point.readout_velocity, flow(phi, readout)[1])


def test_the_features_velocity_is_what_reverse_mode_finds():
    phi, targets = gaussian(4, 3), gaussian(4, 2, seed=1)
    point = KernelPoint(phi, phi, targets, number(0.7), number(0.3), torch.zeros(2, 3).double())
    leaf = phi.clone().requires_grad_()
    (grad,) = torch.autograd.grad(reduced_objective(leaf, targets, number(0.7), number(0.3)), leaf)
    torch.testing.assert_close(doubled_features_velocity(point), -grad, rtol=1e-12, atol=1e-12)


def test_the_slopes_of_both_energies_are_what_autograd_finds():
    """μI − D(K) is 2∇E of the task's energy; L + μI − β(K + εI)⁻¹ is the gradient of tr(LK) + μ tr
    K − β logdet(K + εI).
    """
    kernel = gaussian(4, 4) @ gaussian(4, 4).mT
    task = axis_task((3.0, 2.0), rows=4, decay=0.3, root=1.5)
    leaf = kernel.clone().requires_grad_()
    (grad,) = torch.autograd.grad(energy(leaf, task.targets, task.ridge[0, 0], task.decay), leaf)
    torch.testing.assert_close(
        _doubled_slope(task)(kernel), (grad + grad.mT) / 2, rtol=1e-10, atol=1e-10
    )

    left = torch.linalg.qr(gaussian(4, 4, seed=3))[0]
    graph = LaplacianTask(
        left, torch.tensor([0.0, 1.0, 2.0, 2.0]).double(), number(0.3), number(1.7), number(0.4)
    )
    eye = torch.eye(4, dtype=torch.float64)
    value = (
        (graph.laplacian @ leaf).trace()
        + 0.3 * leaf.trace()
        - 1.7 * torch.linalg.slogdet(leaf + 0.4 * eye).logabsdet
    )
    (grad,) = torch.autograd.grad(value, leaf)
    torch.testing.assert_close(_energy_slope(graph)(kernel), grad, rtol=1e-10, atol=1e-10)


def test_an_escape_interval_holds_the_integrators_error_and_no_hundred_of_it():
    values, ridge, decay, start = (2.0, 1.5), 0.8, 0.2, 1e-5
    runs = escapes(
        axis_task(values, decay=decay, root=(ridge / decay) ** 0.5), start=start, until=1e-3
    )
    window = math.log(100) * ridge / (2 * max(values) ** 2)
    for found, mode, interval in zip(
        runs.slopes.tolist(), runs.modes, runs.intervals.tolist(), strict=True
    ):

        def rate(k, s=values[mode]):
            return 2 * (ridge * s**2 / (k + ridge) ** 2 - decay)

        alone = solve_ivp(
            lambda _, k, rate=rate: rate(k) * k,
            (0, window),
            [start],
            method="DOP853",
            rtol=1e-13,
            atol=1e-20,
        )
        end = float(alone.y[0, -1])
        left_open = interval - (rate(0) - rate(end))
        assert abs(found - math.log(end / start) / window) <= left_open <= 1e-10 * rate(0)


def test_class_weights_take_a_loss_out_of_the_softmax_bound():
    """The gradient's rows still sum to zero, but the bound on their rounding takes weights of at
    most one.
    """
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3)).double()
    inputs, labels = gaussian(6, 4), torch.arange(6) % 3
    for weight, known in ((None, True), (torch.tensor([1.0, 5.0, 1e3]).double(), False)):
        loss = nn.CrossEntropyLoss(weight=weight)
        assert decayed_layers(model, inputs, labels, loss)["0"].shift_free is known


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [10.0, 50.0, 200.0])
def test_labels_far_above_the_threshold_reach_their_water_level(ratio):
    left = torch.linalg.qr(gaussian(6, 3))[0]
    values = torch.tensor([ratio, ratio * 0.7, 0.5], dtype=torch.float64)
    end = flow_to_rest(0.3 * gaussian(6, 5, seed=1), left * values, ridge=1.0, decay=1.0)
    filled = (left * (values - 1).clamp(min=0)) @ left.mT
    torch.testing.assert_close(end.features @ end.features.mT, filled, rtol=1e-9, atol=1e-9 * ratio)


def test_the_contrast_sees_no_shift_and_keeps_integers():
    outputs, targets = gaussian(5, 4).round().requires_grad_(), gaussian(5, 4, seed=1).round()
    value = contrast(outputs, targets)
    (grad,) = torch.autograd.grad(value, outputs)
    torch.testing.assert_close(contrast(outputs + 3, targets), value)
    assert torch.equal(grad, grad.round())
    assert not bool(grad.sum(-1).any())
    assert loss_named("contrast") is contrast


def test_every_nonempty_subset_of_the_active_modes_is_looked_at():
    for active in range(1, 5):
        task = axis_task((2.0, 3.0, 2.5, 1.5)[:active], rows=5)
        rows = {tuple(row) for row in stability._subsets(task).tolist()}
        assert len(rows) == 2**active - 1
        assert all(sum(row[active:]) == 0 < sum(row) for row in rows)


def test_a_sigmoids_last_bits_are_allowed_for():
    """σ is evaluated by other code in a vector's tail: gradients of one sample differ between a
    batch and the whole by an ulp of it.
    """
    counts = torch.tensor([[1.0, 0, 1, 1, 0, 1, 1, 1]]).double()
    targets = gaussian(8, 2, seed=2).sigmoid()
    noise = feature_noise(
        gaussian(8, 11), gaussian(2, 11, seed=1), targets, counts, loss="logistic"
    )
    outputs = noise.features @ noise.readout.mT
    assert bool((noise.output_error >= 2**-52 * outputs.sigmoid()).all())
    assert bool((noise.output_error <= 2**-48 * (outputs.sigmoid() + targets)).all())
