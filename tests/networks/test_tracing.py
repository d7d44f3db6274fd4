"""Traces against finite differences, through one layer only, on real modules; the model stays as it
was.
"""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from impl import InputError, LayerTrace, NetworkSpec, build, half_squared_error, strategies, trace
from impl.networks.data import batch
from impl.strategies.specimens import Reused, Skip, Tied, conv_specimen

STEP = 1e-6


def loss_with(model, inputs, targets, loss, name, *, weight=None, shift=None):
    """The loss when only layer ``name`` sees another weight, or another input: nothing of the trace
    is used.
    """
    layer = model if not name or name == type(model).__name__ else model.get_submodule(name)
    calls = iter(shift or [])

    def move(_, args):
        return (args[0] + next(calls),) if shift else None

    handle = layer.register_forward_pre_hook(move)
    keep = layer._parameters["weight"]
    try:
        if weight is not None:
            del layer._parameters["weight"]
            layer.weight = keep.detach() + weight
        with torch.no_grad():
            return float(loss(model(inputs), targets))
    finally:
        handle.remove()
        layer.__dict__.pop("weight", None)
        layer._parameters["weight"] = keep


def finite_difference(model, inputs, targets, loss, name, **direction):
    key, value = next(iter(direction.items()))
    scaled = [
        [part * s * STEP for part in value] if key == "shift" else value * s * STEP for s in (1, -1)
    ]
    ahead, behind = (loss_with(model, inputs, targets, loss, name, **{key: v}) for v in scaled)
    return (ahead - behind) / (2 * STEP)


def mlp():
    spec = NetworkSpec(widths=(3, 5, 4), activation="tanh", bias=True, batch=6, seed=1)
    return build(spec), *batch(spec), half_squared_error


def module(make):
    torch.manual_seed(0)
    inputs = torch.randn(5, 3, dtype=torch.float64)
    return make(3, bias=True), inputs, torch.randn(5, 3, dtype=torch.float64), half_squared_error


def tokens():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    return (
        model,
        torch.randn(2, 5, 3).double(),
        torch.randn(2, 5, 2).double(),
        nn.functional.mse_loss,
    )


MODELS = {
    "mlp": mlp,
    "skip": lambda: module(Skip),
    "tied": lambda: module(Tied),
    "reused": lambda: module(Reused),
    "tokens": tokens,
    "convolutions": lambda: tuple(conv_specimen(3, seed=2, groups=2, loss=nn.functional.mse_loss)),
}


@pytest.mark.parametrize("name", MODELS)
def test_weight_gradients_are_finite_differences(name):
    model, inputs, targets, loss = MODELS[name]()
    for where, layer in trace(model, inputs, targets, loss, products=False).items():
        if name == "tied" and where == "encoder":
            # its parameter is also read outside the layer, which a finite difference of the module
            # cannot separate
            continue
        direction = torch.randn(model.get_submodule(where).weight.shape, dtype=torch.float64)
        slope = finite_difference(model, inputs, targets, loss, where, weight=direction)
        assert float(
            (layer.weight_grad.reshape(-1) * direction.reshape(-1)).sum()
        ) == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "convolutions"])
def test_input_gradients_are_through_the_layer_only(name):
    model, inputs, targets, loss = MODELS[name]()
    for where, layer in trace(model, inputs, targets, loss, products=False).items():
        shapes = []
        handle = model.get_submodule(where).register_forward_pre_hook(
            lambda _, a, s=shapes: s.append(a[0].shape)
        )
        model(inputs)
        handle.remove()
        shift = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
        slope = finite_difference(model, inputs, targets, loss, where, shift=shift)
        rows = torch.cat([part.reshape(-1, part.shape[-1]) for part in shift])
        assert float((layer.input_grad * rows).sum()) == pytest.approx(slope, abs=1e-6)


def test_patch_gradients_fold_to_the_input_gradient():
    from impl.networks.patches import fold

    model, inputs, targets, loss = conv_specimen(3, seed=2, groups=2, loss=nn.functional.mse_loss)
    layer = trace(model, inputs, targets, loss)["2"]
    images = model[1](model[0](inputs)).detach()
    direction = torch.randn_like(images)
    slope = finite_difference(model, inputs, targets, loss, "2", shift=[direction])
    assert float((fold(model[2], layer.input_grad, images) * direction).sum()) == pytest.approx(
        slope, abs=1e-6
    )


@settings(max_examples=25)
@given(strategies.seeded_networks())
def test_outputs_are_inputs_times_weights(network):
    layers = trace(*network)
    modules = dict(network.model.named_modules())
    for name, layer in layers.items():
        if name.partition("#")[0] not in modules:
            assert layer.outputs is None  # of a product that is no module's, nobody keeps them
            continue
        outputs = layer.inputs @ layer.weight.mT
        if layer.bias is not None:
            outputs = outputs + layer.bias[..., None, :]
        assert torch.allclose(outputs, layer.outputs)


def test_calls_of_one_module_are_more_rows():
    model, inputs, targets, loss = module(Reused)
    assert trace(model, inputs, targets, loss)["fc"].inputs.shape == (10, 3)


def by_hand(kind, *lead, **more):
    """A trace of two rows of two inputs to three outputs, made without a network."""
    shapes = {
        "weight": (3, 2),
        "inputs": (2, 2),
        "weight_grad": (3, 2),
        "input_grad": (2, 2),
        "output_grad": (2, 3),
    }
    return LayerTrace(**({name: kind((*lead, *shape)) for name, shape in shapes.items()} | more))


@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_rate_and_decay_of_a_trace_are_one_unless_given(lead):
    for kind in (
        lambda shape: torch.ones(shape).double(),
        lambda shape: np.full(shape, 2, dtype=object),
    ):
        for more, wanted in (
            ({}, (1, 1)),
            ({"rate": 0.5}, (Fraction(1, 2), 1)),
            ({"decay": 3}, (1, 3)),
        ):
            layer = by_hand(kind, *lead, **more)
            for value, number in zip((layer.rate, layer.decay), wanted, strict=True):
                assert tuple(value.shape) == lead
                assert value.tolist() == np.full(lead, number, dtype=object).tolist()
                assert isinstance(value, type(layer.weight))


def test_what_a_trace_reads_off_its_tensors():
    layer = by_hand(torch.ones)
    assert layer.unit == 2.0**-24
    assert layer.grad_terms == 3, "outputs"
    assert by_hand(torch.ones, unit=0.25, grad_terms=7).unit == 0.25
    assert by_hand(torch.ones, unit=0.25, grad_terms=7).grad_terms == 7
    mixed = by_hand(
        lambda shape: torch.ones(shape).double(), output_grad=torch.ones(2, 3, dtype=torch.bfloat16)
    )
    assert mixed.unit == 2.0**-8, "of the narrowest format"
    for wrong in ({"rate": 0.0}, {"decay": -1.0}, {"rate": math.nan}, {"decay": torch.ones(1)}):
        with pytest.raises(
            InputError, match=f"expected .*{next(iter(wrong))}|{next(iter(wrong))}.*finite"
        ):
            by_hand(torch.ones, **wrong)


def test_groups_lead():
    layer = trace(*conv_specimen(3, seed=2, groups=2, loss=nn.functional.mse_loss))["2"]
    assert layer.weight.shape == (2, 2, 8)
    assert layer.inputs.shape == (2, 3 * 9, 8)


def test_the_model_is_left_as_it_was():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    trace(model, torch.randn(6, 3), torch.randn(6, 2), nn.functional.mse_loss)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(
        m._forward_hooks or m._forward_pre_hooks or "weight" in m.__dict__ for m in model.modules()
    )
    torch.set_rng_state(random)
    drawn = torch.randn(6, 3), torch.randn(6, 2)
    after = torch.get_rng_state()
    trace(model, *drawn, nn.functional.mse_loss)
    assert torch.equal(after, torch.get_rng_state())


def test_equal_seeds_drop_equal_units():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 40), nn.Dropout(0.5), nn.Linear(40, 2))
    inputs, targets = torch.randn(6, 3), torch.randn(6, 2)
    one, two, other = (
        trace(model, inputs, targets, nn.functional.mse_loss, seed=s)["2"].inputs for s in (3, 3, 4)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_a_failing_model_is_left_as_it_was():
    class Broken(Skip):
        def forward(self, inputs):
            super().forward(inputs)
            raise RuntimeError("no luck")

    model = Broken(3, bias=True)
    with pytest.raises(InputError, match=r"raised RuntimeError: no luck"):
        trace(model, torch.zeros(2, 3).double(), torch.zeros(2, 3).double(), half_squared_error)
    assert not any(
        m._forward_hooks or m._forward_pre_hooks or "weight" in m.__dict__ for m in model.modules()
    )


def test_a_trace_stays_what_it_was_when_the_model_trains_on():
    model, inputs, targets, loss = mlp()
    layer = trace(model, inputs, targets, loss)["fc1"]
    weight, bias = layer.weight.clone(), layer.bias.clone()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert torch.equal(layer.weight, weight)
    assert torch.equal(layer.bias, bias)


@pytest.mark.parametrize("seed", [-(2**63), 2**63 - 1, -1, 0])
def test_every_seed_of_sixty_four_bits_is_one(seed):
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
    assert set(
        trace(model, torch.randn(5, 3), torch.randn(5, 2), nn.functional.mse_loss, seed=seed)
    ) == {"0", "2"}
    for beyond in (-(2**63) - 1, 2**63):
        with pytest.raises(InputError, match="expected an integer seed of 64 bits"):
            trace(model, torch.randn(5, 3), torch.randn(5, 2), nn.functional.mse_loss, seed=beyond)
