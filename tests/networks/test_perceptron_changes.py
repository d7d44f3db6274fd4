"""Whatever is done to a perceptron after its first kernel, the next one is that of the module as it
is: the same numbers, or the same refusal, as by the way of any module.
"""

import contextlib
import copy
import warnings
import weakref
from unittest import mock

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune
from torch.overrides import TorchFunctionMode

from impl import closed_form_obstacle, tangent_kernel
from impl.networks.perceptron_readings import _KNOWN
from tests.networks.perceptron_ways import assert_same, by_any_way, by_autograd, watched

N = 5


def data(seed=1):
    return torch.randn(N, 4, generator=torch.Generator().manual_seed(seed)).double()


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 4), nn.LeakyReLU(0.2), nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout()),
        nn.GELU(), nn.Linear(4, 4),
    ).double().eval()  # fmt: skip


def doubled(*args):
    return 2 * args[-1]


class Twice(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Reversed(nn.Sequential):
    def forward(self, x):
        for module in reversed(self):
            x = module(x)
        return x


def trained(m):
    optimizer = torch.optim.SGD(m.parameters(), 0.1)
    m(data()).square().sum().backward()
    optimizer.step()


def numbers(m):
    m[0].weight.data.mul_(3)


def parameter_data(m):
    m[0].weight.data = torch.ones(4, 4).double()


def narrower_data(m):
    m[4].weight.data, m[4].bias.data = m[4].weight.data[:2], m[4].bias.data[:2]


def unbroadcast_bias(m):
    m[4].bias = nn.Parameter(torch.ones(1).double())


def own_forward(m):
    m[0].forward = lambda x: 2 * functional.linear(x, m[0].weight, m[0].bias)


def own_forward_of_an_activation(m):
    m[1].forward = torch.tanh


def own_forward_of_the_model(m):
    m.forward = lambda x: m[4](m[0](x))


def own_call(m):
    m[1]._call_impl = torch.tanh


def own_compiled_call(m):
    m[1]._compiled_call_impl = torch.tanh


def swapped_attribute(m):
    """As many attributes as before, of other names."""
    del m[1].inplace
    m[1].forward = torch.tanh


def weight_beside_the_parameters(m):
    m[0].__dict__["weight"] = torch.ones(4, 4).double()


def weight_as_a_buffer(m):
    value = m[0].weight.detach() * 2
    del m[0].weight
    m[0].register_buffer("weight", value)


def renamed_parameters(m):
    held = m[0]._parameters
    weight, bias = held.pop("weight"), held.pop("bias")
    held["bias"], held["weight"] = bias, weight


def tied(m):
    m[4].weight = m[0].weight


def one_module_twice(m):
    m.append(m[0])


def one_module_twice_in_place_of_another(m):
    m[4] = m[0]


def subclass(m):
    m[0].__class__ = Twice


def other_order(m):
    m.__class__ = Reversed


def other_type(m):
    m[0].weight = nn.Parameter(m[0].weight.float())


def nan(m):
    with torch.no_grad():
        m[4].bias[1] = torch.nan


def infinite_but_saturated(m):
    """A weight of infinity that a saturated activation hides from all that comes after."""
    m[1] = nn.Tanh()
    with torch.no_grad():
        m[0].weight[0, 0] = torch.inf


def infinite_bias_but_saturated(m):
    m[1] = nn.Tanh()
    with torch.no_grad():
        m[0].bias[0] = torch.inf


class Masked(nn.Parameter):
    """A parameter that says of itself how it is multiplied."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        found = super().__torch_function__(func, types, args, kwargs or {})
        return 2 * found if func is functional.linear else found


def parameter_of_another_kind(m):
    m[0].weight = Masked(m[0].weight.detach())


def unflattened(m):
    m.insert(0, nn.Flatten(0, -1))
    m.insert(1, nn.Unflatten(0, (-1, 4)))


def flattened_over_samples(m):
    m.insert(1, nn.Flatten(0))


def exchanged(m):
    m[0], m[4] = m[4], m[0]


def hidden_module(m):
    m[0].add_module("inner", nn.Linear(4, 4).double())


def batch_norm(m):
    m.insert(1, nn.BatchNorm1d(4).double().train())


def gradient_hook(m):
    m[0].weight.register_hook(doubled)


def old_weight_norm(m):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.weight_norm(m[0])


CHANGES = {
    "trained": trained,
    "numbers written through .data": numbers,
    "other .data": parameter_data,
    "narrower .data": narrower_data,
    "another Parameter": lambda m: setattr(m[0], "weight", nn.Parameter(m[0].weight * 2)),
    "bias taken away": lambda m: setattr(m[0], "bias", None),
    "bias of one number": unbroadcast_bias,
    "frozen": lambda m: m.requires_grad_(False),
    "frozen layer": lambda m: m[0].requires_grad_(False),
    "layer added": lambda m: m.append(nn.Linear(4, 2).double()),
    "layer inserted": lambda m: m.insert(1, nn.Linear(4, 4).double()),
    "layer removed": lambda m: m.__delitem__(0),
    "layer replaced": lambda m: m.__setitem__(0, nn.Linear(4, 4).double()),
    "layer replaced within": lambda m: m[2].__setitem__(0, nn.Linear(4, 4).double()),
    "layers exchanged": exchanged,
    "activation replaced": lambda m: m.__setitem__(1, nn.Tanh()),
    "activation replaced within": lambda m: m[2].__setitem__(1, nn.Tanh()),
    "norm inserted": lambda m: m.insert(1, nn.LayerNorm(4).double()),
    "norm of the batch inserted": batch_norm,
    "trained activation": lambda m: m.__setitem__(1, nn.PReLU().double()),
    "another slope": lambda m: setattr(m[1], "negative_slope", 0.7),
    "a slope that is a tensor": lambda m: setattr(m[1], "negative_slope", torch.tensor(0.7)),
    "another approximation": lambda m: setattr(m[3], "approximate", "tanh"),
    "in place": lambda m: setattr(m[1], "inplace", True),
    "dropout on": lambda m: m.train(),
    "only dropout on": lambda m: m[2][2].train(),
    "forward hook": lambda m: m[0].register_forward_hook(doubled),
    "forward hook of an activation": lambda m: m[1].register_forward_hook(doubled),
    "forward hook of the model": lambda m: m.register_forward_hook(doubled),
    "forward hook within": lambda m: m[2].register_forward_hook(doubled),
    "forward hook with kwargs": lambda m: m[1].register_forward_hook(
        lambda *a: 2 * a[-1], with_kwargs=True
    ),
    "pre-hook": lambda m: m[0].register_forward_pre_hook(lambda _m, a: (2 * a[0],)),
    "backward hook": lambda m: m[1].register_full_backward_hook(lambda _m, g, _o: (2 * g[0],)),
    "backward pre-hook": lambda m: m[1].register_full_backward_pre_hook(lambda _m, g: (2 * g[0],)),
    "hook on a parameter": gradient_hook,
    "weight norm": lambda m: parametrizations.weight_norm(m[0]),
    "orthogonal": lambda m: parametrizations.orthogonal(m[0]),
    "weight norm by a hook": old_weight_norm,
    "pruned": lambda m: prune.random_unstructured(m[0], "weight", 0.5),
    "forward of one layer": own_forward,
    "forward of one activation": own_forward_of_an_activation,
    "forward of the model": own_forward_of_the_model,
    "call of one activation": own_call,
    "compiled call of one activation": own_compiled_call,
    "an attribute for another": swapped_attribute,
    "weight beside the parameters": weight_beside_the_parameters,
    "weight as a buffer": weight_as_a_buffer,
    "parameters in another order": renamed_parameters,
    "a note": lambda m: setattr(m[0], "note", "seen"),
    "tied": tied,
    "a Parameter of another kind": parameter_of_another_kind,
    "samples flattened and back": unflattened,
    "samples flattened": flattened_over_samples,
    "one module twice": one_module_twice,
    "one module in two places": one_module_twice_in_place_of_another,
    "subclass of a layer": subclass,
    "subclass of the model": other_order,
    "one layer in float32": other_type,
    "float32": lambda m: m.float(),
    "bfloat16": lambda m: m.bfloat16(),
    "on no device": lambda m: m[0].to("meta"),
    "NaN": nan,
    "infinity hidden": infinite_but_saturated,
    "infinity of a bias hidden": infinite_bias_but_saturated,
    "a module inside a layer": hidden_module,
    "a parameter of the model": lambda m: m.register_parameter("scale", nn.Parameter(data())),
    "a buffer": lambda m: m[1].register_buffer("count", torch.ones(1)),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("outputs", ["trace", "full"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_network_that_was_changed(change, outputs):
    model, others = network(), data(seed=2)
    with watched() as seen:
        tangent_kernel(model, data(), outputs=outputs)
        tangent_kernel(model, data(), outputs=outputs)
    assert seen == [True, True]
    CHANGES[change](model)
    for batch in (None, others):
        wanted = by_autograd(model, data(), batch, outputs=outputs)
        for _ in range(2):
            assert_same(by_any_way(model, data(), batch, outputs=outputs), wanted)


class Tripled(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        return 3 * found if func is functional.linear else found


@contextlib.contextmanager
def hook_on_all(register):
    handle = register()
    try:
        yield
    finally:
        handle.remove()


def called_twice(self, x):
    return 2 * nn.Module._wrapped_call_impl(self, x)


modules = nn.modules.module
AROUND = {
    "a hook on all modules": lambda: hook_on_all(
        lambda: modules.register_module_forward_hook(doubled)
    ),
    "a pre-hook on all modules": lambda: hook_on_all(
        lambda: modules.register_module_forward_pre_hook(lambda _m, a: (2 * a[0],))
    ),
    "a mode": Tripled,
    "another relu": lambda: mock.patch.object(functional, "relu", lambda x, **_: torch.tanh(x)),
    "another gelu": lambda: mock.patch.object(functional, "gelu", lambda x, **_: torch.tanh(x)),
    "another linear": lambda: mock.patch.object(
        functional, "linear", lambda x, w, b: 2 * (x @ w.mT + b)
    ),
    "another forward of layers": lambda: mock.patch.object(
        nn.Linear, "forward", lambda self, x: 2 * (x @ self.weight.mT)
    ),
    "another forward of activations": lambda: mock.patch.object(
        nn.ReLU, "forward", lambda _self, x: torch.tanh(x)
    ),
    "another forward of containers": lambda: mock.patch.object(
        nn.Sequential, "forward", Reversed.forward
    ),
    "another call": lambda: mock.patch.object(nn.Module, "__call__", called_twice),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}


@pytest.mark.parametrize("first", [True, False], ids=["known", "new"])
@pytest.mark.parametrize("around", AROUND)
def test_a_call_that_means_something_else(around, first):
    model = network()
    if first:
        tangent_kernel(model, data())
    with AROUND[around](), watched() as seen:
        wanted = by_autograd(model, data())
        assert_same(by_any_way(model, data()), wanted)
    assert not any(seen)
    assert closed_form_obstacle(model) is None
    assert_same(tangent_kernel(model, data()), by_autograd(model, data()))


def test_under_a_transformation():
    model, obstacles = network(), []
    assert closed_form_obstacle(model) is None

    def one(x):
        obstacles.append(closed_form_obstacle(model))
        return x

    torch.func.vmap(one)(data())
    assert obstacles == ["a transformation of torch.func or a compiler is on"]


def test_copies_and_loaded_networks_are_read_anew():
    model = network()
    wanted = tangent_kernel(model, data())
    twin = copy.deepcopy(model)
    twin[1].negative_slope = 0.9
    assert_same(tangent_kernel(model, data()), wanted)
    assert_same(tangent_kernel(twin, data()), by_autograd(twin, data()))


def test_a_network_that_is_gone_is_forgotten():
    model = network()
    tangent_kernel(model, data())
    gone = weakref.ref(model)
    assert model in _KNOWN
    del model
    assert gone() is None


INPUTS = {
    "a tuple": (data(),),
    "a list": [data()],
    "numpy": data().numpy(),
    "float32": data().float(),
    "whole numbers": data().long(),
    "complex": data().to(torch.complex128),
    "sparse": data().to_sparse(),
    "nested": torch.nested.nested_tensor([data()[0], data()[1]], layout=torch.jagged),
    "no device": data().to("meta"),
    "one sample without its dimension": data()[0],
    "tokens": data()[None],
    "too wide": torch.cat([data(), data()], 1),
    "no sample": data()[:0],
    "NaN": data() * torch.nan,
    "a Parameter": nn.Parameter(data()),
    "transposed": torch.randn(4, N, dtype=torch.float64).mT,
    "expanded": data()[:1].expand(N, 4),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("outputs", ["trace", "full"])
def test_batches_of_every_kind(kind, outputs):
    model = network()
    for others in (None, data(seed=2)):
        for inputs, more in ((INPUTS[kind], others), (data(), INPUTS[kind])):
            wanted = by_autograd(model, inputs, more, outputs=outputs)
            assert_same(by_any_way(model, inputs, more, outputs=outputs), wanted)
