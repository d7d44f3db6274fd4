"""`impl.tangent_kernel` of perceptrons, in closed form, against Jacobians by autograd."""

import itertools
import random

import pytest
import torch
from torch import nn

from impl import NetworkSpec, build, closed_form_obstacle, tangent_kernel
from impl.networks import factored_kernels, perceptron_kernels
from impl.networks.entrywise import KINDS
from tests.networks.perceptron_ways import assert_same, by_any_way, by_autograd, watched
from tests.networks.test_kernels import jacobian_terms

ACTIVATIONS = [
    *(kind for kind in KINDS),
    lambda: nn.GELU(approximate="tanh"),
    lambda: nn.LeakyReLU(0.3),
    lambda: nn.ELU(0.7),
    lambda: nn.Softplus(2.0, 3.0),
    lambda: nn.Hardtanh(-0.4, 0.6),
    lambda: nn.ReLU(inplace=True),
]


def data(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def assert_jacobians(model, inputs, others, *, full, bias, dtype=torch.float64, layers=None):
    exact = model.double() if dtype is torch.float64 else None
    found = tangent_kernel(
        model, inputs, others, outputs="full" if full else "trace", bias=bias, layers=layers
    )
    wanted = jacobian_terms(exact or model, inputs, others, full=full, bias=bias)
    wanted = {name: term for name, term in wanted.items() if layers is None or name in layers}
    digits = 1e-11 if dtype is torch.float64 else 2e-5
    assert list(found.terms) == list(wanted)
    size = max(float(term.abs().max()) for term in wanted.values())
    for name, term in wanted.items():
        assert found.terms[name].dtype is dtype
        torch.testing.assert_close(found.terms[name], term, rtol=digits, atol=digits * size)
    torch.testing.assert_close(found.total, sum(wanted.values()), rtol=digits, atol=digits * size)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(3, 6), activation(), nn.Linear(6, 5), activation(), nn.Linear(5, 2), activation()
    ).double()
    assert closed_form_obstacle(model) is None
    with watched() as seen:
        for full in (False, True):
            for others in (None, data(4, 3, seed=2)):
                assert_jacobians(model, 3 * data(7, 3, seed=1), others, full=full, bias=True)
    assert all(seen)


def drawn(seed):
    """A perceptron of random depth, widths, biases, activations, nesting and what does nothing."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    width = first = draw.randint(1, 6)
    parts, layers = [nn.Flatten()] if draw.random() < 0.3 else [], draw.randint(1, 5)
    if draw.random() < 0.2:
        parts.append(draw.choice(ACTIVATIONS)())
    for _ in range(layers):
        after = draw.choice([width, draw.randint(1, 8)])
        parts.append(nn.Linear(width, after, bias=draw.random() < 0.7))
        width = after
        parts += [draw.choice(ACTIVATIONS)() for _ in range(draw.choice([0, 1, 1, 1, 2]))]
        if draw.random() < 0.3:
            parts.append(draw.choice([nn.Identity(), nn.Dropout(0.5), nn.Flatten()]))
    if draw.random() < 0.4:
        cut = draw.randrange(len(parts))
        parts = [*parts[:cut], nn.Sequential(*parts[cut:])]
    return nn.Sequential(*parts).eval(), first, draw


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed):
    model, width, draw = drawn(seed)
    dtype = torch.float64 if seed % 3 else torch.float32
    model.to(dtype)
    inputs = data(draw.randint(1, 9), width, seed=seed, dtype=dtype)
    others = draw.choice([None, data(draw.randint(1, 9), width, seed=seed + 1, dtype=dtype)])
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    layers = draw.choice([None, None, draw.sample(names, draw.randint(1, len(names)))])
    with watched() as seen:
        for full, bias in itertools.product([False, True], [True, False]):
            options = {"full": full, "bias": bias, "dtype": dtype, "layers": layers}
            if dtype is torch.float64:
                assert_jacobians(model, inputs, others, **options)
            found = tangent_kernel(
                model, inputs, others, outputs="full" if full else "trace", bias=bias, layers=layers
            )
            wanted = by_autograd(
                model, inputs, others, outputs="full" if full else "trace", bias=bias, layers=layers
            )
            assert_same(found, wanted, rtol=1e-11 if dtype is torch.float64 else 1e-4)
    assert seen
    assert all(seen)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("others", [None, 70])
def test_large_batches_in_blocks_and_passes(full, others, monkeypatch):
    """Blocks of the triangle, several backward passes, several blocks of the full kernel."""
    monkeypatch.setattr(perceptron_kernels, "_PASS", 2**16)
    monkeypatch.setattr(factored_kernels, "_BLOCK_BYTES", 2**15)
    model = build(NetworkSpec(widths=(5, 16, 12), bias=True, classes=6, activation="gelu"))
    inputs = data(90, 5)
    with watched() as seen:
        assert_jacobians(model, inputs, others and data(others, 5, seed=3), full=full, bias=True)
    assert all(seen)
    if others is None:
        found = tangent_kernel(model, inputs, outputs="full" if full else "trace")
        kernel = found.total.reshape(found.total.shape[0] * (6 if full else 1), -1)
        torch.testing.assert_close(kernel, kernel.mT, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("samples", [1, 16, 33, 150])
def test_the_trace_is_symmetric_to_the_bit(samples):
    model = build(NetworkSpec(widths=(5, 16, 16), bias=True, classes=3, activation="tanh"))
    found = tangent_kernel(model, data(samples, 5))
    assert all(torch.equal(term, term.mT) for term in (*found.terms.values(), found.total))


@pytest.mark.parametrize("samples", [6, 60])
def test_the_full_kernel_is_that_of_the_call(samples):
    """What is multiplied out later is what the network was then, and nobody's batch is kept."""
    model, inputs = build(NetworkSpec(widths=(5, 16), bias=True, classes=8)), data(samples, 5)
    wanted = tangent_kernel(model, inputs, outputs="full")
    terms, total = {name: wanted.terms[name].clone() for name in wanted.terms}, wanted.total
    found = tangent_kernel(model, inputs, outputs="full")
    with torch.no_grad():
        inputs.zero_()
        for parameter in model.parameters():
            parameter.zero_()
    assert torch.equal(found.total, total)
    assert all(torch.equal(found.terms[name], term) for name, term in terms.items())
    assert found.terms["fc1"] is found.terms["fc1"]
    with pytest.raises(KeyError):
        found.terms["fc7"]


@pytest.mark.parametrize("outputs", ["trace", "full"])
def test_results_are_ordinary_tensors(outputs):
    """Also in inference mode, and whatever requires gradients."""
    model, inputs = build(NetworkSpec(widths=(3, 4), bias=True)), data(5, 3).requires_grad_()
    with torch.inference_mode():
        inside = tangent_kernel(model, inputs, outputs=outputs)
    wanted = inside.total.clone()
    for found in (inside, tangent_kernel(model, inputs, outputs=outputs)):
        for tensor in (found.total, *(found.terms[name] for name in found.terms)):
            assert not tensor.is_inference()
            assert not tensor.requires_grad
            assert torch.equal(tensor * 1, tensor)
            (torch.ones((), requires_grad=True) * tensor).sum().backward()
        found.terms["fc1"].add_(1)
        torch.testing.assert_close(wanted, tangent_kernel(model, inputs, outputs=outputs).total)


def test_nothing_is_called_written_or_drawn():
    model, inputs = build(NetworkSpec(widths=(3, 4), bias=True)), data(5, 3)
    versions = [p._version for p in model.parameters()]
    state = torch.get_rng_state()
    with watched() as seen:
        tangent_kernel(model, inputs, outputs="full").total.add_(1)
    assert seen == [True]
    assert torch.equal(torch.get_rng_state(), state)
    assert versions == [p._version for p in model.parameters()]
    assert inputs._version == 0


@pytest.mark.parametrize("samples", [5, 60])
def test_overflow_is_refused_and_never_returned(samples):
    """Large numbers whose kernel is finite come out; beyond, the message is that of any module."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 8))
    inputs = data(samples, 3, dtype=torch.float32)
    for exponent in (10, 18, 19, 25, 37, 38):
        with torch.no_grad():
            model[2].weight.fill_(10.0**exponent)
        for outputs in ("trace", "full"):
            wanted = by_autograd(model, inputs, outputs=outputs)
            assert_same(by_any_way(model, inputs, outputs=outputs), wanted, rtol=1e-4)


@pytest.mark.parametrize("outputs", ["trace", "full"])
def test_outputs_alone_may_overflow(outputs):
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1))
    with torch.no_grad():
        model[0].weight.fill_(1e17)
        model[1].weight.fill_(1e15)
        model[1].bias.fill_(torch.finfo(torch.float32).max)
    found = by_any_way(model, torch.ones(2, 1), outputs=outputs)
    assert found == by_autograd(model, torch.ones(2, 1), outputs=outputs)
    assert "in the outputs" in found
