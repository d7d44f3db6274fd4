"""Weights that are computed; gradients that stop, start again or are meddled with."""

import warnings

import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

from tests.foreign.common import F64, D, H, I, Net, R, case, lin, looped, two

# -- weights that are computed ---------------------------------------------------------------------


def weight_norm():
    return two(parametrizations.weight_norm(lin()))


def weight_norm_frozen():
    return two(parametrizations.weight_norm(lin()).requires_grad_(False))


def spectral_norm():
    return two(parametrizations.spectral_norm(lin()))


def spectral_norm_looped():
    return case(looped(parametrizations.spectral_norm(lin()).eval()), fc=H)


def orthogonal():
    return two(parametrizations.orthogonal(lin()))


def old(norm):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = norm(lin())
    with torch.no_grad():  # the weight of the layer is stale until the next forward pass
        next(p for name, p in layer.named_parameters() if name.startswith("weight_")).mul_(3)
    return two(layer)


def weight_norm_old():
    return old(nn.utils.weight_norm)


def spectral_norm_old():
    return old(nn.utils.spectral_norm)


def pruned():
    layer = lin()
    prune.l1_unstructured(layer, "weight", 0.5)
    return two(layer)


def functional_call():
    def forward(net, x):
        doubled = {name: 2 * p for name, p in net.f.named_parameters()}
        return torch.func.functional_call(net.f, doubled, (x,)) + net.f(x)

    model = Net(forward, f=nn.Sequential(lin(), nn.ReLU(), lin()))
    found = case(model)
    return found._replace(answers={"f.0": H, "f.2": H, "f.0#2": H, "f.2#2": H})


def hypernetwork():
    def forward(net, x):
        weight = net.h(torch.ones(1, 3, dtype=F64)).reshape(D, D)
        return torch.func.functional_call(net.fc, {"weight": weight}, (x,))

    return case(Net(forward, h=lin(3, D * D), fc=lin()), h=H, fc=H)


# -- gradients that stop, start again, or are meddled with -----------------------------------------


def frozen_layer():
    return two(lin().requires_grad_(False))


def frozen_network():
    found = two(lin())
    found.model.requires_grad_(False)
    return found


def part_without_grad():
    def forward(net, x):
        with torch.no_grad():
            x = net.a(x)
        return net.b(x)

    return case(Net(forward, a=lin(), b=lin()), a=I, b=H)


def part_in_inference_mode():
    def forward(net, x):
        with torch.inference_mode():
            x = net.a(x)
        return net.b(x.clone())

    return case(Net(forward, a=lin(), b=lin()), a=I, b=H)


def detached():
    return case(Net(lambda s, x: s.b(s.a(x).detach()), a=lin(), b=lin()), a=I, b=H)


def checkpointed():
    def forward(net, x):
        return net.b(checkpoint(net.f, net.a(x), use_reentrant=False))

    block = nn.Sequential(lin(), nn.ReLU(), lin())
    return case(Net(forward, a=lin(), f=block, b=lin()), a=H, b=H, f_0=H, f_2=H)


def differentiated_twice():
    def forward(net, x):
        x = x.detach().requires_grad_()
        u = net.b(torch.tanh(net.a(x)))
        (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        return net.c(u + slope)

    return case(Net(forward, a=lin(), b=lin(), c=lin()), a=I, b=I, c=H)


def vectorised():
    return case(Net(lambda s, x: s.b(torch.vmap(s.a)(x)), a=lin(), b=lin()), a_weight=H, b=H)


def hook_scales_the_output():
    layer = lin()
    layer.register_forward_hook(lambda _m, _i, out: out * 2)
    return two(layer)


def hook_scales_the_output_in_place():
    layer = lin()
    layer.register_forward_hook(lambda _m, _i, out: out.mul_(2))
    return two(layer)


def hook_scales_the_input():
    layer = lin()
    layer.register_forward_pre_hook(lambda _m, args: (args[0] * 2,))
    return two(layer)


def hook_scales_the_input_gradient():
    layer = lin()
    layer.register_full_backward_hook(lambda _m, grads, _o: tuple(2 * g for g in grads))
    return two(lin(), layer, _2=R)


def hook_scales_the_output_gradient():
    layer = lin()
    layer.register_full_backward_pre_hook(lambda _m, grads: tuple(2 * g for g in grads))
    return two(lin(), layer)


def hook_scales_the_weight_gradient():
    layer = lin()
    layer.weight.register_hook(lambda grad: 2 * grad)
    return two(layer, _0=R)


def hook_on_an_activation():
    def forward(net, x):
        h = net.a(x)
        if h.requires_grad:
            h.register_hook(lambda grad: 3 * grad)
        return net.b(torch.relu(h))

    return case(Net(forward, a=lin(), b=lin()), a=H, b=H)
