"""`impl.tangent_kernels`: many networks at once are each network alone."""

import pytest
import torch
from torch import nn

from impl import InputError, NetworkSpec, build, tangent_kernel, tangent_kernels
from impl.networks import factored_kernels, kernel_stacks, perceptron_kernels
from tests.networks.test_kernels import CASES, Tokens, make
from tests.networks.test_perceptron_kernels import drawn

B, N, M = 7, 5, 3


def networks(activation="tanh", **options):
    options = {"widths": (4, 6, 4), "bias": True, "classes": 3} | options
    return [build(NetworkSpec(activation=activation, seed=seed, **options)) for seed in range(B)]


def data(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def assert_each(found, models, inputs, others=None, digits=1e-13, **options):
    for index, model in enumerate(models):
        one = inputs[index] if isinstance(inputs, list) else inputs
        other = others[index] if isinstance(others, list) else others
        wanted = tangent_kernel(model, one, other, **options)
        assert found.left_out == wanted.left_out
        assert list(found.terms) == list(wanted.terms)
        size = float(wanted.total.abs().max())
        for name, term in wanted.terms.items():
            torch.testing.assert_close(
                found.terms[name][index], term, rtol=digits, atol=digits * size
            )
        torch.testing.assert_close(
            found.total[index], wanted.total, rtol=digits, atol=digits * size
        )


BATCHES = {
    "shared": (data(N, 4), None),
    "shared, and others": (data(N, 4), data(M, 4, seed=1)),
    "one each": ([data(N, 4, seed=i) for i in range(B)], None),
    "one each, others shared": ([data(N, 4, seed=i) for i in range(B)], data(M, 4, seed=9)),
    "shared, others one each": (data(N, 4), [data(M, 4, seed=i) for i in range(B)]),
}


@pytest.mark.parametrize("outputs", ["trace", "full"])
@pytest.mark.parametrize("batches", BATCHES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False},
        {"layers": ["fc2"]},
        {"layers": "readout"},
        {"layers": ["fc1", "readout"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("bytes_", [1, 2**21], ids=["one at a time", "together"])
def test_each_network_has_its_own_kernel(batches, outputs, options, bytes_, monkeypatch):
    monkeypatch.setattr(kernel_stacks, "_BYTES", bytes_)
    models, (inputs, others) = networks(), BATCHES[batches]
    options = options | {"outputs": outputs}
    parameters, _ = torch.func.stack_module_state(models)
    assert_each(
        tangent_kernels(models, inputs, others, **options), models, inputs, others, **options
    )
    found = tangent_kernels(models[0], inputs, others, parameters=parameters, **options)
    assert_each(found, models, inputs, others, **options)


@pytest.mark.parametrize("outputs", ["trace", "full"])
@pytest.mark.parametrize("seed", range(20))
def test_random_networks(seed, outputs, monkeypatch):
    """Any activation, depth and nesting; a few networks or a block of the kernel at a time."""
    monkeypatch.setattr(kernel_stacks, "_BYTES", 2**10)
    monkeypatch.setattr(perceptron_kernels, "_PASS", 2**9)
    monkeypatch.setattr(factored_kernels, "_BLOCK_BYTES", 2**12)
    _, width, draw = drawn(seed)
    models = [drawn(seed)[0].double() for _ in range(B)]
    for index, model in enumerate(models):
        for parameter in model.parameters():
            parameter.data = data(*parameter.shape, seed=index)
    inputs = data(draw.randint(1, 6), width, seed=seed)
    found = tangent_kernels(models, inputs, outputs=outputs)
    assert_each(found, models, inputs, outputs=outputs, digits=1e-12)


def test_in_float32():
    models = [model.float() for model in networks("relu")]
    inputs = data(N, 4, dtype=torch.float32)
    found = tangent_kernels(models, inputs)
    assert found.total.dtype is torch.float32
    assert_each(found, models, inputs, digits=1e-5)


@pytest.mark.parametrize("case", [*CASES, "tokens of a class"])
def test_other_modules_are_taken_one_by_one(case):
    if case == "tokens of a class":
        models, inputs = [Tokens().double() for _ in range(3)], data(N, 4, 3)
    else:
        models, inputs = [make(case)[0] for _ in range(3)], make(case)[1]
    for index, model in enumerate(models):
        for parameter in model.parameters():
            parameter.data = data(*parameter.shape, seed=index)
    assert_each(tangent_kernels(models, inputs), models, inputs)


def test_networks_that_differ_in_what_runs():
    models = networks()
    models[3][1] = nn.ReLU()
    models[5] = models[5].train(mode=False)
    models[6].fc2.register_forward_hook(lambda *a: 2 * a[-1])
    assert_each(tangent_kernels(models, data(N, 4)), models, data(N, 4))


def test_slopes_that_differ():
    torch.manual_seed(0)
    models = [
        nn.Sequential(nn.Linear(4, 3), nn.LeakyReLU(0.1 * i), nn.Linear(3, 2)).double()
        for i in range(3)
    ]
    assert_each(tangent_kernels(models, data(N, 4)), models, data(N, 4))


def alone():
    return networks()[0]


def narrower():
    return [*networks()[:2], build(NetworkSpec(widths=(4, 6, 4), bias=True, classes=2))]


def infinite():
    models = networks()
    models[4].fc1.weight.data[0, 0] = torch.inf
    return models


BAD = {
    "no network": (list, {}, "at least one network"),
    "one module": (alone, {}, "one with parameters="),
    "several shapes": (narrower, {"outputs": "full"}, "network 2"),
    "infinity": (infinite, {}, "network 4: expected finite numbers in parameter 'fc1.weight'"),
    "unknown layer": (networks, {"layers": ["fc7"]}, "network 0: expected layers among"),
    "other outputs": (networks, {"outputs": "diagonal"}, "outputs='diagonal'"),
    "too few batches": (networks, {"inputs": [data(N, 4)]}, r"a list of 7 of one shape, got 1"),
    "batches of two sizes": (
        networks,
        {"inputs": [data(N + (i > 3), 4) for i in range(B)]},
        "of one shape, got 7 of shapes",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_says_what_it_cannot_do(case):
    make_models, options, message = BAD[case]
    with pytest.raises(InputError, match=message):
        tangent_kernels(make_models(), **({"inputs": data(N, 4)} | options))


def stacked(**changes):
    parameters, _ = torch.func.stack_module_state(networks())
    return {**parameters, **changes}


BAD_PARAMETERS = {
    "of a list": (networks, {}, {}, "one torch nn.Module beside parameters=, got list"),
    "of another module": (Tokens, {}, {}, "'nn.Sequential'|not an nn.Sequential"),
    "a name too many": (alone, {"fc9.weight": data(B, 1)}, {}, "expected parameters"),
    "another shape": (alone, {"fc1.bias": data(B, 5)}, {}, r"shape \(7, 6\)"),
    "another count": (alone, {"fc1.bias": data(2, 6)}, {}, r"as many networks .* \[2, 7\]"),
    "NaN": (alone, {"fc1.bias": data(B, 6) * torch.nan}, {}, "finite"),
    "another format": (alone, {"fc1.bias": data(B, 6).float()}, {}, "several formats"),
    "unknown layer": (alone, {}, {"layers": ["fc7"]}, "unknown names"),
    "wide inputs": (alone, {}, {"inputs": data(N, 9)}, "does not fit"),
    "tokens": (alone, {}, {"inputs": data(2, N, 4)}, "no rows"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_parameters_that_do_not_fit(case):
    make_model, changes, options, message = BAD_PARAMETERS[case]
    options = {"inputs": data(N, 4), "parameters": stacked(**changes)} | options
    with pytest.raises(InputError, match=message):
        tangent_kernels(make_model(), **options)
