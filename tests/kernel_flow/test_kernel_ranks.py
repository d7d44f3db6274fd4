"""Ranks of learned kernels: trained features, integer states at rest, real networks
(arXiv:2601.00276).
"""

import dataclasses

import pytest
import torch
from flint import arb, ctx
from scipy.optimize import minimize
from torch import nn
from torch.nn import functional

from impl.kernel_flows.decayed import decayed_layers, free_features, softmax_error
from impl.kernel_flows.objectives import LOSSES
from impl.networks.losses import half_squared_error
from impl.strategies.trained import train_free_features, train_softplus
from tests.flow_tasks import gaussian
from theorems import kernel_flow as claims
from theorems.verdict import Grade, Outcome


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
    phi, readout, targets = train_free_features(
        8, 6, 2, loss="squared", decay=0.0, ridge=0.1, seed=0
    )
    assert torch.linalg.matrix_rank(phi) == 6
    verdict = claims.kernel_rank_at_most_classes(
        free_features(phi, readout, targets, decay=0.0, ridge=0.1)
    )
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
    point = free_features(
        eye,
        torch.zeros(1, 4, dtype=torch.float64),
        torch.ones(4, 1, dtype=torch.float64),
        decay=2.0,
    )
    assert claims.kernel_rank_at_most_classes(point).grade is Grade.EXACT
    looser = dataclasses.replace(point, gradient=point.gradient * 0.999)
    assert claims.kernel_rank_at_most_classes(looser).outcome is Outcome.REFUTED


@pytest.mark.parametrize("spread", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("classes", [2, 5, 200])
def test_softmax_error_is_never_exceeded_and_not_far_from_what_rounding_does(classes, spread):
    """Autograd in float32 against the same sum in float64; a bound that some error comes within a
    hundredth of sees mistakes.
    """
    source = torch.Generator().manual_seed(classes)
    f = (torch.randn(100, classes, generator=source) * spread).requires_grad_()
    t = torch.softmax(torch.randn(100, classes, generator=source), -1)
    exact = torch.softmax(f.detach().double(), -1) * t.double().sum(-1, keepdim=True) - t.double()
    for reduction, scale in (("sum", 1.0), ("mean", 0.01)):
        (found,) = torch.autograd.grad(functional.cross_entropy(f, t, reduction=reduction), f)
        error = (found.double() - scale * exact).abs()
        bound = softmax_error(f.detach(), t, scale, unit=2.0**-24)
        assert (error <= bound).all()
        assert (error / bound).max() > 0.01


def test_softmax_error_in_double_precision_against_balls():
    source = torch.Generator().manual_seed(0)
    f = (5 * torch.randn(8, 4, generator=source, dtype=torch.float64)).requires_grad_()
    t = torch.eye(4, dtype=torch.float64)[torch.arange(8) % 4]
    (found,) = torch.autograd.grad(functional.cross_entropy(f, t, reduction="sum"), f)
    bound = softmax_error(f.detach(), t)
    with ctx.workprec(200):
        for row, target, gradient, allowed in zip(
            f.tolist(), t.tolist(), found.tolist(), bound.tolist(), strict=True
        ):
            powers = [arb(v).exp() for v in row]
            for p, y, g, a in zip(powers, target, gradient, allowed, strict=True):
                assert abs(arb(g) - (p / sum(powers) - arb(y))) <= a < 1e-13


def test_softplus_features_keep_more_directions_than_classes():
    found = train_softplus(0)
    assert float(found.gradient.norm()) < 1e-10
    values = torch.linalg.svdvals(found.features)
    assert int((values > 1e-3 * values[0]).sum()) > 2
    verdict = claims.parameter_decay_bounds_kernel_rank_as_stated(found)
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.measured > 1e6 * verdict.bound


@pytest.mark.parametrize(
    ("activation", "applies"), [(nn.Identity, True), (nn.Softplus, False), (nn.Tanh, False)]
)
def test_real_networks_are_told_apart(activation, applies):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 6), activation(), nn.Linear(6, 2)
    ).double()
    layers = decayed_layers(
        model, gaussian(9, 5), gaussian(9, 2, seed=1), nn.functional.mse_loss, decay=0.1
    )
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

    layers = decayed_layers(
        Skipping(), gaussian(6, 4), gaussian(6, 2), nn.functional.mse_loss, decay=0.1
    )
    verdict = claims.kernel_rank_at_most_classes(layers["fc"])
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert "besides" in verdict.context["reason"]


@pytest.mark.slow
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
    found = minimize(
        value,
        flat,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "ftol": 0.0, "gtol": 1e-9},
    )
    value(found.x)
    end = decayed_layers(model, x, y, half_squared_error, decay=0.1)["2"]
    for layer in (start, end):
        assert claims.kernel_rank_at_most_classes(layer)
        reach = float(torch.linalg.matrix_norm(layer.gradient, 2)) / 0.1
        assert float(torch.linalg.svdvals(layer.matrix)[2]) <= reach + 1e-12
    assert reach < 1e-3 * float(torch.linalg.svdvals(start.matrix)[2])
