"""What the cases share: a case is a network with its batch and the answer at each linear layer."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from theorems.verdict import Outcome

H, R, I = Outcome.HOLDS, Outcome.REFUTED, Outcome.INAPPLICABLE  # noqa: E741
N, D = 6, 4
F64 = torch.float64


class Case(NamedTuple):
    """A network with its batch, and what the claims say at each of its linear layers."""

    model: nn.Module
    inputs: object
    targets: object
    loss: object
    answers: dict[str, Outcome]


class Net(nn.Module):
    """Any forward function over any modules."""

    def __init__(self, forward, **modules):
        super().__init__()
        self.run = forward
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *args, **kwargs):
        return self.run(self, *args, **kwargs)


def data(*shape, seed=0, dtype=F64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64).to(dtype)


def lin(fan_in=D, fan_out=D, **options):
    return nn.Linear(fan_in, fan_out, dtype=F64, **options)


def case(model, inputs=None, shape=None, loss=functional.mse_loss, targets=None, **answers):
    inputs = data(N, D) if inputs is None else inputs
    targets = (
        data(*(shape or (N, D)), seed=1, dtype=next(model.parameters()).dtype)
        if targets is None
        else targets
    )
    named = {name.replace("_", ".").replace("..", "_"): answer for name, answer in answers.items()}
    return Case(model, inputs, targets, loss, named)


def two(first, second=None, between=None, **answers):
    """first, ReLU, second; layers "0" and "2"."""
    model = nn.Sequential(first, between or nn.ReLU(), second or lin())
    return Case(
        model,
        data(N, D),
        data(N, D, seed=1),
        functional.mse_loss,
        {"0": H, "2": H} | {k[1:]: v for k, v in answers.items()},
    )


def looped(layer, times=4):
    def forward(net, x):
        for _ in range(times):
            x = torch.tanh(net.fc(x))
        return x

    return Net(forward, fc=layer)


def plain(self, x):
    return functional.linear(x, self.weight, self.bias)


class Reversible(torch.autograd.Function):
    """Runs a layer again in its backward pass and fills the gradients of its parameters by itself,
    as reversible networks do.
    """

    @staticmethod
    def forward(ctx, x, layers):
        ctx.save_for_backward(x)
        ctx.layers = layers
        return layers[0](x)

    @staticmethod
    def backward(ctx, grad):
        with torch.enable_grad():
            x = ctx.saved_tensors[0].detach().requires_grad_()
            torch.autograd.backward(ctx.layers[0](x), grad)
        return x.grad, None
