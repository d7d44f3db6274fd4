"""Special statements about arXiv:2601.00276 that the generic catalogue tests do not make."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import nn

from impl import data
from impl.decayed import decayed_layers, free_features
from impl.errors import InputError
from impl.flow_runs import escapes, run
from impl.flow_solvers import coupled_flow, descend, flow_to_rest, kernel_flow, optimality
from impl.flows import KernelPoint, coupled_point, doubled_kernel_velocity, reduced_objective
from impl.losses import half_squared_error
from impl.objectives import LOSSES
from impl.spectral import SpectralTask
from impl.strategies.flows import number, rational
from impl.strategies.ranks import train_free_features, train_softplus
from impl.training import feature_noise, minibatches, readout_noise
from theorems import kernel_flow as claims
from theorems.catalogue import CLAIMS
from theorems.verdict import Grade, Outcome


def gaussian(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def axis_task(values=(3.0, 2.0), rows=3, decay=1.0, root=1.0):
    eye = torch.eye(rows, dtype=torch.float64)
    s = torch.tensor([*values, *[0.0] * (rows - len(values))], dtype=torch.float64)
    return SpectralTask(eye, s, eye[: len(values)], number(decay), number(root), eye[0])


def test_the_thirteen_rows_are_in_the_catalogue():
    rows = [
        "kernel_rank_at_most_classes",
        "softmax_kernel_rank_below_classes",
        "task_drive_is_low_rank",
        "kernel_ode",
        "kernel_energy_decreases",
        "water_filling_law",
        "only_full_water_filling_is_stable",
        "coupled_flow_reaches_water_filling",
        "imbalance_decays_exponentially",
        "sgd_kernel_noise_is_low_rank",
        "sgd_feature_noise_is_low_rank",
        "spectral_bias_variance",
        "laplacian_spectral_filter",
    ]
    names = {claim.name for claim in CLAIMS}
    assert set(rows) <= names
    assert all(hasattr(claims, name) for name in rows)
    assert set(claims.__all__) <= names


# -- ranks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_trained_features_lose_every_other_direction(loss):
    phi, readout, targets = train_free_features(8, 6, 2, loss=loss, decay=0.1, ridge=0.1, seed=0)
    point = free_features(phi, readout, targets, loss=loss, decay=0.1, ridge=0.1)
    bound = 1 if loss == "softmax" else 2
    assert float(point.gradient.norm()) < 1e-4
    assert torch.linalg.svdvals(phi)[bound] < 1e-3
    assert claims.kernel_rank_at_most_classes(point)
    if loss == "softmax":
        assert claims.softmax_kernel_rank_below_classes(point)


def test_without_decay_the_start_survives():
    phi, readout, targets = train_free_features(8, 6, 2, loss="squared", decay=0.0, ridge=0.1, seed=0)
    assert torch.linalg.matrix_rank(phi) == 6
    verdict = claims.kernel_rank_at_most_classes(free_features(phi, readout, targets, decay=0.0, ridge=0.1))
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert "survive" in verdict.context["reason"]


def test_an_integer_state_at_rest_is_exact():
    readout = torch.tensor([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]], dtype=torch.float64)
    loadings = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.0, 2.0], [1.0, 1.0]], dtype=torch.float64)
    point = free_features(loadings @ readout, readout, loadings * 3, decay=2.0)
    assert not bool(point.gradient.any())
    verdict = claims.kernel_rank_at_most_classes(point)
    assert verdict
    assert verdict.grade is Grade.EXACT


def test_the_singular_value_bound_is_attained():
    eye = 3 * torch.eye(4, dtype=torch.float64)
    point = free_features(eye, torch.zeros(1, 4, dtype=torch.float64), torch.ones(4, 1, dtype=torch.float64), decay=2.0)
    assert claims.kernel_rank_at_most_classes(point).grade is Grade.EXACT
    looser = dataclasses.replace(point, gradient=point.gradient * 0.999)
    assert claims.kernel_rank_at_most_classes(looser).outcome is Outcome.REFUTED


def test_softplus_features_keep_more_directions_than_classes():
    found = train_softplus(0)
    assert float(found.gradient.norm()) < 1e-10
    values = torch.linalg.svdvals(found.features)
    assert int((values > 1e-3 * values[0]).sum()) > 2
    verdict = claims.parameter_decay_bounds_kernel_rank_as_stated(found)
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.measured > 1e6 * verdict.bound


@pytest.mark.parametrize(("activation", "applies"), [(nn.Identity, True), (nn.Softplus, False), (nn.Tanh, False)])
def test_real_networks_are_told_apart(activation, applies):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 6), activation(), nn.Linear(6, 2)).double()
    layers = decayed_layers(model, gaussian(9, 5), gaussian(9, 2, seed=1), nn.functional.mse_loss, decay=0.1)
    verdict = claims.kernel_rank_at_most_classes(layers["2"])
    assert verdict.outcome is (Outcome.HOLDS if applies else Outcome.INAPPLICABLE)
    lower = claims.kernel_rank_at_most_classes(layers["0"])
    assert lower.outcome is Outcome.INAPPLICABLE
    assert "nonlinear features" in lower.context["reason"]


def test_a_skip_around_the_readout_is_inapplicable():
    class Skipping(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4).double()
            self.out = nn.Linear(4, 2).double()

        def forward(self, x):
            z = self.fc(x)
            return self.out(z) + torch.tanh(z[:, :2])

    layers = decayed_layers(Skipping(), gaussian(6, 4), gaussian(6, 2), nn.functional.mse_loss, decay=0.1)
    verdict = claims.kernel_rank_at_most_classes(layers["fc"])
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert "besides" in verdict.context["reason"]


def test_a_trained_linear_layer_nears_rank_c():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Linear(5, 2)).double()
    x, y = gaussian(12, 4), gaussian(12, 2, seed=1)
    parameters = list(model.parameters())

    def value(flat):
        nn.utils.vector_to_parameters(torch.as_tensor(flat), parameters)
        model.zero_grad()
        loss = half_squared_error(model(x), y) + 0.05 * sum((p**2).sum() for p in parameters)
        loss.backward()
        return float(loss.detach()), torch.cat([p.grad.reshape(-1) for p in parameters]).numpy()

    start = decayed_layers(model, x, y, half_squared_error, decay=0.1)["2"]
    flat = nn.utils.parameters_to_vector(parameters).detach().numpy()
    found = minimize(value, flat, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "ftol": 0.0, "gtol": 1e-9})
    value(found.x)
    end = decayed_layers(model, x, y, half_squared_error, decay=0.1)["2"]
    for layer in (start, end):
        assert claims.kernel_rank_at_most_classes(layer)
        reach = float(torch.linalg.matrix_norm(layer.gradient, 2)) / 0.1
        assert float(torch.linalg.svdvals(layer.matrix)[2]) <= reach + 1e-12
    assert reach < 1e-3 * float(torch.linalg.svdvals(start.matrix)[2])


# -- dynamics ------------------------------------------------------------------------------------------------------


def test_forward_mode_sees_what_reverse_mode_sees():
    phi, y = gaussian(5, 4), gaussian(5, 2, seed=1)
    point = KernelPoint(phi, phi, y, number(0.7), number(0.3), torch.zeros(2, 4).double())
    leaf = phi.clone().requires_grad_()
    (grad,) = torch.autograd.grad(reduced_objective(leaf, y, number(0.7), number(0.3)) / 2, leaf)
    speed = -(grad @ phi.mT + phi @ grad.mT)
    torch.testing.assert_close(doubled_kernel_velocity(point), 2 * speed, rtol=1e-12, atol=1e-12)


def test_the_ode_is_exact_over_the_rationals():
    phi = rational([[1, 2], [0, 1], [-1, 1]])
    y = rational([[1], [2], [0]])
    point = KernelPoint(phi, phi, y, rational(Fraction(1, 2)), rational(Fraction(3)), rational([[0, 0]]))
    for claim in (claims.kernel_ode, claims.kernel_energy_decreases, claims.task_drive_is_low_rank):
        assert claim(point).grade is Grade.EXACT, claim


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_imbalance_is_forgotten_under_every_loss(loss):
    target = torch.softmax(gaussian(5, 3, seed=2), -1)
    point = coupled_point(gaussian(5, 4), gaussian(3, 4, seed=1), target, ridge=0.5, decay=0.5, loss=loss)
    assert claims.imbalance_decays_exponentially(point)


def test_imbalance_along_an_integrated_path():
    phi, a, y = gaussian(4, 3), gaussian(2, 3, seed=1), gaussian(4, 2, seed=2)
    before = phi.mT @ phi - a.mT @ a
    end = coupled_flow(phi, a, y, ridge=0.5, decay=0.5, until=2.0)
    after = end.features.mT @ end.features - end.readout.mT @ end.readout
    torch.testing.assert_close(after, np.exp(-2.0) * before, rtol=1e-7, atol=1e-8)


# -- water filling -------------------------------------------------------------------------------------------------


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


def test_every_subset_of_four_active_modes_is_covered():
    runs = escapes(axis_task((4.0, 3.0, 2.0, 1.5), rows=5))
    assert len(runs.modes) == 4 * 2**3  # every mode beside every subset of the three others
    assert claims.missing_modes_escape(runs)


# -- minibatch noise -----------------------------------------------------------------------------------------------


def test_rank_two_c_is_attained():
    noise = feature_noise(
        gaussian(9, 6), gaussian(2, 6, seed=1), gaussian(9, 2, seed=2), minibatches(9, 3, 2, replacement=False, seed=0)
    )
    assert claims.sgd_kernel_noise_is_low_rank(noise)
    tighter = claims.sgd_kernel_noise_is_low_rank.mutants["2C − 1"](noise)
    assert tighter.outcome is Outcome.REFUTED
    whole = feature_noise(
        *(t.round() for t in (2 * gaussian(9, 6), 2 * gaussian(2, 6, seed=1), 3 * gaussian(9, 2, seed=2))), noise.counts
    )
    assert claims.sgd_kernel_noise_is_low_rank(whole).context["rank"] == 4
    assert claims.sgd_kernel_noise_is_low_rank(whole).grade is Grade.EXACT


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("size", [1, 2, 7, 8])
@pytest.mark.parametrize("replacement", [True, False])
def test_every_batch_size_and_loss(loss, size, replacement):
    targets = torch.softmax(gaussian(8, 3, seed=2), -1)
    counts = minibatches(8, size, 2, replacement=replacement, seed=size)
    noise = feature_noise(gaussian(8, 9), gaussian(3, 9, seed=1), targets, counts, loss=loss)
    if size == 8 and not replacement:  # the whole set: no noise, up to rounding
        assert float(noise.noise.abs().max()) < 1e-12
        return
    for claim in (
        claims.sgd_kernel_noise_is_low_rank,
        claims.sgd_kernel_noise_formula,
        claims.sgd_feature_noise_is_low_rank,
    ):
        assert claim(noise), claim(noise)


def test_the_average_has_full_rank_whatever_n():
    for rows in (8, 20):
        noise = feature_noise(
            gaussian(rows, 6), gaussian(2, 6, seed=1), gaussian(rows, 2, seed=2), torch.eye(rows, dtype=torch.float64)
        )
        xi = claims.averaged_kernel_noise_is_low_rank_as_stated.observe(noise)
        assert torch.linalg.matrix_rank(xi) == rows
        assert claims.averaged_kernel_noise_is_low_rank_as_stated(noise).outcome is Outcome.REFUTED


@pytest.fixture(scope="module")
def digits():
    images, labels = data.digits(200)
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 10)
    ).double()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(150):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
    return model, images, labels


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_noise_of_the_trained_digits_network(digits, dtype):
    model, images, labels = digits
    counts = minibatches(64, 8, 2, replacement=False, seed=0)
    noise = readout_noise(model.to(dtype), images[:64].to(dtype), labels[:64], nn.functional.cross_entropy, counts)
    assert noise.shift_free
    assert claims.sgd_kernel_noise_is_low_rank(noise), claims.sgd_kernel_noise_is_low_rank(noise)
    assert claims.sgd_feature_noise_is_low_rank(noise), claims.sgd_feature_noise_is_low_rank(noise)


# -- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: minibatches(4, 5, 1, replacement=False, seed=0), "at most 4 samples"),
        (lambda: minibatches(4, 0, 1, replacement=True, seed=0), "at least one sample"),
        (
            lambda: feature_noise(gaussian(3, 2), gaussian(1, 3), gaussian(3, 1), torch.ones(1, 3)),
            "readout of shape|mat1 and mat2",
        ),
        (lambda: free_features(gaussian(3, 2), gaussian(1, 2), gaussian(3, 1), decay=-1.0), "at least 0"),
        (
            lambda: free_features(gaussian(3, 2), gaussian(1, 2), gaussian(3, 1), decay=1.0, loss="cubic"),
            "one of squared",
        ),
        (lambda: flow_to_rest(gaussian(3, 2), gaussian(3, 1), ridge=1.0, decay=0.0), "positive decays"),
        (
            lambda: decayed_layers(
                nn.Linear(2, 1), gaussian(3, 2), gaussian(3, 1), nn.functional.mse_loss, decay=1.0, readout="x"
            ),
            "one of|dtype",
        ),
        (lambda: axis_task(decay=-1.0), "positive decay"),
        (lambda: run(axis_task(), gaussian(3, 2), gaussian(2, 2), how="magic"), "one of kernel ODE"),
        (lambda: run(axis_task(), gaussian(3, 1), gaussian(2, 1), how="factored flow"), "width of at least 2"),
        (lambda: claims.kernel_ode(1), "KernelPoint"),
    ],
)
def test_bad_calls_say_what_to_do(call, message):
    with pytest.raises((InputError, RuntimeError), match=message):
        call()
