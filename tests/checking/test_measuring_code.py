"""Code that measures, against closed forms and computations of another kind: single changes in it
are red here.
"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from impl import half_squared_error, trace
from impl.feature_learning.chains import linear_chains_of
from impl.feature_learning.collapse import is_simplex, labelled_features, within_class_variation
from impl.feature_learning.readouts import (
    RandomReadout,
    coordinate_readouts,
    linearised_loss,
    noise_rate,
    surrogate,
)
from impl.feature_learning.whitening import newton_schulz, weight_step
from impl.preconditioning.first_layer_runs import first_layer_runs


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_random_readouts_have_the_variance_and_mean_that_are_stated():
    readout = RandomReadout(
        normal(4, 3),
        normal(16, 3, seed=1),
        normal(4, 2, seed=2),
        torch.tensor(1.0),
        replicates=4000,
    )
    for spread, shift in ((4.0, 0.0), (1.0, 3.0)):
        # times √m
        drawn = RandomReadout(**{**vars(readout), "spread": spread, "shift": shift}).draw() * 4
        count = drawn.numel()
        assert abs(float(drawn.mean()) - shift) < 6 * (spread / count) ** 0.5
        assert abs(float(drawn.var()) - spread) < 6 * spread * (2 / count) ** 0.5


def test_coordinate_readouts_are_centred():
    units = coordinate_readouts(2, 3)
    assert units.shape == (12, 2, 3)
    assert not bool(units.sum(0).any())
    assert torch.equal((units @ units.mT).sum(0), torch.eye(2).double() * 6), "E AAᵀ = I/K"


def test_at_the_noise_rate_mean_and_scatter_of_the_growth_are_alike():
    """Both from autograd: the growth's slope and curvature in the entries of the readout, which are
    N(0, 1/m).
    """
    h, w, y = normal(5, 3), normal(4, 3, seed=1), normal(5, 2, seed=2)
    rate = noise_rate(h, w, y)

    def growth(readout):
        weight = w.clone().requires_grad_()
        (grad,) = torch.autograd.grad(
            linearised_loss(h @ weight.mT @ readout.mT, y), weight, create_graph=True
        )
        return surrogate(h @ (weight - rate * grad).mT, y) - surrogate(h @ weight.mT, y)

    at = torch.zeros(2, 4, dtype=torch.float64)
    slope = torch.autograd.functional.jacobian(growth, at)
    curvature = torch.autograd.functional.hessian(growth, at).reshape(8, 8)
    scatter, mean = slope.norm() / 4**0.5, curvature.trace() / 2 / 4
    assert float(mean / scatter) == pytest.approx(1, rel=1e-9)


def test_newton_schulz_moves_singular_values_by_its_polynomial():
    start = normal(4, 4)
    values = torch.linalg.svdvals(start / torch.linalg.matrix_norm(start))
    for _ in range(3):
        values = (15 * values - 10 * values**3 + 3 * values**5) / 8
    assert torch.allclose(torch.linalg.svdvals(newton_schulz(start, 3)), values, rtol=1e-12)


def test_positivity_is_tried_where_it_is_worst():
    """Along the eigenvector of the smallest eigenvalue of Q W₂W₁ᵀ, which no drawn direction is."""
    step = weight_step(normal(4, 5), normal(4, 5, seed=1))
    aligned = step.rotation @ step.after @ step.before.mT
    forms = torch.linalg.vecdot(
        step.directions, aligned @ step.directions, dim=0
    ) / step.directions.square().sum(0)
    lowest = torch.linalg.eigvalsh((aligned + aligned.mT) / 2)[0]
    assert float(forms[0]) == pytest.approx(float(lowest), rel=1e-9)


def test_a_simplex_is_told_from_what_is_none():
    simplex = torch.eye(3).double() * 3 - 1
    labels = torch.tensor([0, 1, 2])
    assert is_simplex(labelled_features(simplex, labels))
    assert is_simplex(labelled_features(simplex[:, [2, 0, 1]] * 5, labels))
    assert not is_simplex(labelled_features(torch.eye(3).double(), labels))
    assert not is_simplex(labelled_features(simplex * 0, labels))


def test_variation_within_a_class_is_its_largest_entry():
    features = torch.tensor([[1.0, 2.0], [1.0, 5.0], [7.0, 7.0]])
    assert within_class_variation(labelled_features(features, torch.tensor([0, 0, 1]))) == 3


def test_rows_of_linear_layers_are_found_whole():
    model = nn.Sequential(
        *(nn.Linear(3, 3, bias=i == 1) for i in range(3)), nn.ReLU(), nn.Linear(3, 2)
    ).double()
    inputs = normal(6, 3)
    (found,) = linear_chains_of(
        trace(model, inputs, normal(6, 2, seed=1), half_squared_error)
    ).items()
    name, chain = found
    assert name == "0 → 2"
    assert chain.depth == 3
    assert torch.equal(chain.inputs, inputs)
    assert all(torch.equal(w, model[i].weight.detach()) for i, w in enumerate(chain.weights))


def test_traces_follow_another_gradient_and_know_their_format():
    model, inputs, targets = nn.Linear(3, 2).double(), normal(6, 3), normal(6, 2, seed=1)
    layer = trace(model, inputs, targets, half_squared_error)["Linear"]
    other = trace(model, inputs, targets + 1, half_squared_error)["Linear"]
    moved = layer.moved(output_grad=other.output_grad)
    assert torch.allclose(moved.weight_grad, other.weight_grad, rtol=1e-12)
    assert torch.allclose(moved.input_grad, other.input_grad, rtol=1e-12)
    assert replace(layer, unit=0.0).unit == layer.unit == 2.0**-53
    assert (
        trace(model.float(), inputs.float(), targets.float(), half_squared_error)["Linear"].unit
        == 2.0**-24
    )


def test_the_first_step_of_a_run_moves_the_weight_by_a_hundredth():
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    runs = first_layer_runs(model, normal(9, 4), normal(9, 2, seed=1), half_squared_error)
    assert len(runs) == 2
    for run in runs.values():
        step = run.weight_after[0] - run.weight[0]
        assert float(step.norm() / run.weight[0].norm()) == pytest.approx(0.01, rel=1e-9)
    whitened = runs[next(name for name in runs if "whitened" in name)]
    x = torch.cat([normal(9, 4), torch.ones(9, 1).double()], 1)[:, : whitened.inputs.shape[-1]]
    matrix = x.mT @ x / 9
    wanted = torch.linalg.inv(
        matrix + 0.1 * matrix.diagonal().mean() * torch.eye(len(matrix)).double()
    )
    assert torch.allclose(whitened.preconditioner[0], wanted, rtol=1e-9)
