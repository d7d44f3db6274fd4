"""Fields of gated networks against torch modules, finite differences and the integrated flow."""

import dataclasses

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import torch
from hypothesis import given

from impl import InputError, NetworkSpec, build, fields, gated_network, strategies, velocity
from impl.gram_hierarchy.gated import outputs
from impl.networks.data import batch


def specimen(widths=(3, 5, 4), seed=3, batch_size=6):
    spec = NetworkSpec(widths=widths, classes=1, batch=batch_size, seed=seed)
    model, (inputs, targets) = build(spec), batch(spec)
    layers = [layer for layer in model if isinstance(layer, torch.nn.Linear)]
    weights = [layer.weight.detach() for layer in layers]
    return (
        model,
        inputs,
        targets,
        gated_network(weights[:-1], weights[-1][0], inputs, targets[:, 0]),
    )


def test_fields_are_those_of_the_module():
    model, inputs, targets, net = specimen()
    seen = fields(net)
    assert torch.allclose(seen.outputs, model(inputs)[:, 0])
    assert torch.allclose(net.residual, (model(inputs) - targets)[:, 0])
    z = inputs.clone().requires_grad_()
    (p0,) = torch.autograd.grad(model(z).sum(), z)
    assert torch.allclose(seen.p[0], p0)


def test_velocities_are_those_of_autograd():
    model, inputs, targets, net = specimen()
    ((model(inputs) - targets) ** 2).sum().div(2).backward()
    for layer, speed in zip([model.fc1, model.fc2], net.weight_velocity, strict=True):
        assert torch.allclose(-layer.weight.grad, speed)


def test_velocity_agrees_with_a_finite_difference():
    _, _, _, net = specimen()
    h = 1e-6
    ahead, behind = (
        fields(net, [w + s * h * v for w, v in zip(net.weights, net.weight_velocity, strict=True)])
        for s in (1, -1)
    )
    exact = velocity(lambda *w: fields(net, w).p, net.weights, net.weight_velocity)
    for plus, minus, speed in zip(ahead.p, behind.p, exact, strict=True):
        assert torch.allclose((plus - minus) / (2 * h), speed, atol=1e-7)


@pytest.mark.slow
@given(strategies.lattice_gated_networks(3))
def test_integers_and_floats_have_the_same_velocities(net):
    exact = net.exact()
    on_floats = velocity(lambda *w: fields(net, w).p, net.weights, net.weight_velocity)
    on_integers = velocity(lambda *w: fields(exact, w).p, exact.weights, exact.weight_velocity)
    for a, b in zip(on_floats, on_integers, strict=True):
        assert (a.numpy().astype(object) == b).all()


def test_residuals_decay_like_the_matrix_exponential_between_switches():
    """r(t) = e^{-Kt} r(0): the flow itself, integrated to 1e-10, as long as no mask changes."""
    source = torch.Generator().manual_seed(5)
    inputs = torch.randn(4, 3, generator=source, dtype=torch.float64)
    weight = torch.randn(6, 3, generator=source, dtype=torch.float64)
    readout = torch.randn(6, generator=source, dtype=torch.float64)
    net = gated_network(
        [weight], readout, inputs, torch.randn(4, generator=source, dtype=torch.float64)
    )
    gates = net.masks[0] * readout
    kernel = (inputs @ inputs.T) * (gates @ gates.T)
    horizon = 0.02

    def right_side(_, flat):
        at = torch.as_tensor(flat).reshape(6, 3)
        moved = gated_network([at], readout, inputs, outputs(net, net.weights) - net.residual)
        assert torch.equal(moved.masks[0], net.masks[0]), (
            "a switch was crossed: shorten the horizon"
        )
        return moved.weight_velocity[0].reshape(-1).numpy()

    flow = scipy.integrate.solve_ivp(
        right_side,
        (0, horizon),
        weight.reshape(-1).numpy(),
        rtol=1e-11,
        atol=1e-13,
        method="DOP853",
    )
    end = torch.as_tensor(flow.y[:, -1]).reshape(6, 3)
    reached = (outputs(net, [end]) - outputs(net, net.weights) + net.residual).numpy()
    predicted = scipy.linalg.expm(-kernel.numpy() * horizon) @ net.residual.numpy()
    assert np.allclose(reached, predicted, rtol=0, atol=1e-9)
    assert not np.allclose(reached, net.residual.numpy(), rtol=0, atol=1e-3), (
        "nothing moved: the test would pass for K = 0"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gate": "gelu"}, "expected gate to be one of"),
        ({"weights": ()}, "expected at least one weight matrix"),
        ({"masks": ()}, "expected as many masks and velocities as weights"),
        ({"residual": torch.zeros(3)}, r"expected residuals of shape \(6,\), got \(3,\)"),
        ({"readout": torch.zeros(6, 3)}, r"expected a readout of shape \(6, 4\)"),
        ({"inputs": torch.zeros(0, 3)}, "expected at least one row"),
        ({"residual": torch.full((6,), float("nan"))}, "expected finite numbers in residual"),
    ],
)
def test_wrong_networks_are_refused(change, message):
    net = specimen()[3]
    with pytest.raises(InputError, match=message):
        dataclasses.replace(net, **change)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gate", ["relu", "tanh"])
def test_the_residual_of_half_the_square_is_known_to_its_rounding(dtype, gate):
    source = torch.Generator().manual_seed(3)
    for _ in range(20):
        weights = [torch.randn(5, 5, generator=source).to(dtype) for _ in range(3)]
        readout, inputs = (
            torch.randn(*shape, generator=source).to(dtype) for shape in ((5,), (4, 5))
        )
        targets = torch.randn(4, generator=source).to(dtype)
        net = gated_network(weights, readout, inputs, targets, gate=gate)
        precise = (
            [weight.to(torch.float64) for weight in weights],
            readout.double(),
            inputs.double(),
            targets.double(),
        )
        off = (net.residual.double() - gated_network(*precise, gate=gate).residual).abs()
        assert (off <= net.residual_error * (1 if dtype is torch.float32 else 2)).all()
        assert (net.residual_error < 2e3 * torch.finfo(dtype).eps * (1 + net.residual.abs())).all()
    whole = gated_network(
        [torch.eye(2).double()],
        torch.ones(2).double(),
        torch.ones(1, 2).double(),
        torch.ones(1).double(),
    )
    assert not whole.residual_error.any()
