"""Layers that are not what they seem: wrong backward passes, subclasses with another forward,
layers never called.
"""

import torch
from torch import nn
from torch.nn import functional

from tests.foreign.common import F64, Case, D, H, I, Net, R, case, data, lin, plain, two

# -- layers that are not what they seem ------------------------------------------------------------


class Product(torch.autograd.Function):
    """x Wᵀ with its right gradients."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x @ weight.T

    @classmethod
    def gradients(cls, x, weight, grad):
        return grad @ weight, grad.T @ x

    @classmethod
    def backward(cls, ctx, grad):
        return cls.gradients(*ctx.saved_tensors, grad)


class DoubledInputGradient(Product):
    @classmethod
    def gradients(cls, x, weight, grad):
        return 2 * grad @ weight, grad.T @ x


class DoubledWeightGradient(Product):
    @classmethod
    def gradients(cls, x, weight, grad):
        return grad @ weight, 2 * grad.T @ x


class TransposedInputGradient(Product):
    @classmethod
    def gradients(cls, x, weight, grad):
        return grad @ weight.T, grad.T @ x


class TransposedWeightGradient(Product):
    @classmethod
    def gradients(cls, x, weight, grad):
        return grad @ weight, x.T @ grad


class NoInputGradient(Product):
    @classmethod
    def gradients(cls, x, weight, grad):
        return torch.zeros_like(x), grad.T @ x


class NearlyRight(Product):
    @classmethod
    def gradients(cls, x, weight, grad):
        return grad @ weight * (1 + 1e-12), grad.T @ x


def linear_by(function, kind=nn.Linear):
    class Own(kind):
        def forward(self, x):
            return function.apply(x, self.weight)

    return Own


def by_hand(function):
    layer = linear_by(function)(D, D, bias=False, dtype=F64)
    return two(lin(), layer, _2=H if function is Product else R)


class Convolved(torch.autograd.Function):
    """A convolution whose backward pass a subclass meddles with."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return functional.conv2d(x, weight)

    @classmethod
    def gradients(cls, x, weight, grad):
        return torch.nn.grad.conv2d_input(x.shape, weight, grad), torch.nn.grad.conv2d_weight(
            x, weight.shape, grad
        )

    @classmethod
    def backward(cls, ctx, grad):
        return cls.gradients(*ctx.saved_tensors, grad)


class ConvolvedFlipped(Convolved):
    @classmethod
    def gradients(cls, x, weight, grad):
        return super().gradients(x, weight.flip(-1), grad)


class ConvolvedShifted(Convolved):
    @classmethod
    def gradients(cls, x, weight, grad):
        right, own = super().gradients(x, weight, grad)
        return right.roll(1, -1), own


class ConvolvedWeightOff(Convolved):
    @classmethod
    def gradients(cls, x, weight, grad):
        right, own = super().gradients(x, weight, grad)
        return right, own * (1 + 1e-9)


def convolution_by_hand(function):
    own = linear_by(function, nn.Conv2d)(3, 2, 2, bias=False, dtype=F64)
    model = nn.Sequential(nn.Conv2d(2, 3, 3, dtype=F64), nn.ReLU(), own)
    return Case(
        model,
        data(2, 2, 6, 6),
        data(2, 2, 3, 3),
        functional.mse_loss,
        {"0": H, "2": H if function is Convolved else R},
    )


def subclass(forward, answer=H, call=None):
    own = type("Own", (nn.Linear,), {"forward": forward})
    model = Net(call or (lambda s, x: s.b(s.a(x))), a=own(D, D, dtype=F64), b=lin())
    return case(model, a=answer, b=H)


def subclass_squares_its_input():
    return subclass(lambda self, x: plain(self, x * x), I)


def subclass_doubles_its_output():
    return subclass(lambda self, x: 2 * plain(self, x), I)


def subclass_is_wider():
    return subclass(
        lambda self, x: torch.cat([plain(self, x)] * 2, -1), I, lambda s, x: s.b(s.a(x)[:, 2:6])
    )


def subclass_pools():
    return subclass(
        lambda self, x: plain(self, x).mean(0, keepdim=True), I, lambda s, x: s.b(s.a(x) + x)
    )


def subclass_returns_a_tuple():
    return subclass(lambda self, x: (plain(self, x), self.bias), I, lambda s, x: s.b(s.a(x)[0]))


def subclass_takes_more_arguments():
    return subclass(
        lambda self, x, gain: plain(self, x) * gain, H, lambda s, x: s.b(s.a(x, gain=1.0))
    )


def subclass_takes_keywords():
    return subclass(lambda self, *, hidden: plain(self, hidden), H, lambda s, x: s.b(s.a(hidden=x)))


def low_rank_adapter():
    found = subclass(lambda self, x: plain(self, x) + x @ self.bias[:, None] @ self.bias[None], I)
    return found._replace(answers=found.answers | {"a.bias": H, "a.bias#2": H})


def called_by_its_forward():
    return case(Net(lambda s, x: s.b(s.a.forward(x)), a=lin(), b=lin()), a_weight=H, b=H)


def unused():
    return case(Net(lambda s, x: s.b(x), a=lin(), b=lin()), a=I, b=H)


def transposed_convolution():
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.ConvTranspose2d(3, 2, 3)).double()
    return Case(
        model,
        data(2, 2, 6, 6),
        data(2, 2, 6, 6, seed=1),
        functional.mse_loss,
        {"0": H, "2.weight": H},
    )
