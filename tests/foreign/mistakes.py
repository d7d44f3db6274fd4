"""Factories that make every mistake that we could think of; each must give one line and exit code
2.
"""

import torch
from torch import nn
from torch.nn import functional

X, Y, L = torch.randn(8, 4), torch.arange(8) % 3, nn.CrossEntropyLoss()


def net(*more):
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3), *more)


class Calls(nn.Module):
    """A network whose forward is given."""

    def __init__(self, forward):
        super().__init__()
        self.a, self.run = nn.Linear(4, 3), forward

    def forward(self, *args):
        return self.run(self, *args)


def frozen():
    return net().requires_grad_(False)


def quantised():
    return torch.ao.nn.quantized.Linear(4, 3)


def in_place():
    def forward(self, x):
        z = torch.exp(self.a(x))
        z.mul_(z.detach())
        return z + torch.exp(z).mul_(2)

    return Calls(forward), X, Y, L


def in_place_on_what_is_saved():
    def forward(self, x):
        z = torch.sigmoid(self.a(x))
        y = z * 2
        z += 1
        return y

    return Calls(forward), X, Y, L


MISTAKES = {
    "wrong shapes": (lambda: (net(), torch.randn(8, 7), Y, L), "(8, 7)"),
    "factory raises": (lambda: 1 / 0, "ZeroDivisionError"),
    "factory exits": (lambda: exit(3), "SystemExit"),
    "factory with arguments": (lambda width: (net(), X, Y, L), "without arguments"),
    "nothing returned": (lambda: None, "NoneType"),
    "one value": (lambda: (net(),), "1 values"),
    "five values": (lambda: (net(), X, Y, L, 3), "5 values"),
    "model alone": (net, "Sequential"),
    "a class for a model": (lambda: (nn.Linear, X, Y, L), "call it to make one"),
    "a class for a loss": (lambda: (net(), X, Y, nn.CrossEntropyLoss), "call it to make one"),
    "a name for a loss": (lambda: (net(), X, Y, "cross_entropy"), "callable loss"),
    "no loss": (lambda: (net(), X, Y, None), "returns its loss"),
    "loss is a vector": (
        lambda: (net(), X, Y, nn.CrossEntropyLoss(reduction="none")),
        "shape (8,)",
    ),
    "loss is a float": (lambda: (net(), X, Y, lambda f, y: float(L(f, y))), "float"),
    "loss is NaN": (lambda: (net(), X, Y, lambda f, y: L(f, y) * float("nan")), "loss"),
    "loss without gradient": (
        lambda: (net(), X, Y, lambda f, y: L(f.detach(), y)),
        "without gradient",
    ),
    "loss raises": (lambda: (net(), X, Y, lambda f, y: {}["weight"]), "KeyError"),
    "targets of the wrong type": (lambda: (net(), X, Y.double(), L), "float64"),
    "targets out of range": (lambda: (net(), X, Y + 9, L), "out of bounds"),
    "targets that broadcast": (
        lambda: (net(), X, torch.randn(8, 1), functional.mse_loss),
        "(8, 1)",
    ),
    "no targets": (lambda: (net(), X, None, L), "None"),
    "model returns a tuple": (lambda: (Calls(lambda s, x: (s.a(x), x)), X, Y, L), "tuple"),
    "in-place on what is saved": (in_place_on_what_is_saved, "backward"),
    "weights on the meta device": (lambda: (net().to("meta"), X, Y, L), "meta"),
    "lazy weights": (lambda: (nn.Sequential(nn.LazyLinear(3)), X, Y, L), "lazy"),
    "weights that are NaN": (lambda: (_poisoned(), X, Y, L), "finite"),
    "inputs that are NaN": (lambda: (net(), X * float("nan"), Y, L), "finite"),
    "empty batch": (lambda: (net(), X[:0], Y[:0], L), "at least one sample"),
    "integer inputs": (lambda: (net(), torch.ones(8, 4, dtype=torch.long), Y, L), "int64"),
    "inputs of another format": (lambda: (net(), X.double(), Y, L), "float64"),
    "complex model": (lambda: (net().to(torch.complex64), X.cfloat(), Y, L), "complex"),
    "quantised model": (lambda: (quantised(), X, Y, L), "quantised"),
    "quantised part": (
        lambda: (nn.Sequential(quantised(), nn.Linear(3, 3)), X, Y, L),
        "before it is quantised",
    ),
    "sparse weights": (lambda: (_sparse(), X, Y, L), "sparse"),
    "a generator of inputs": (lambda: (net(), (x for x in X), Y, L), "generator"),
    "inputs that are words": (lambda: (net(), "digits", Y, L), "str"),
    "an array of inputs": (lambda: (net(), X.numpy(), Y, L), "torch.as_tensor"),
    "a list of numbers": (lambda: (net(), [[1.0, 2.0, 3.0, 4.0]], Y[:1], L), "torch.as_tensor"),
    "empty loader": (lambda: (net(), torch.utils.data.DataLoader([]), L), "empty"),
    "negative batch size": (lambda: (net(), X, Y, L, {"batch_size": -4}), "batch_size=-4"),
    "negative decay": (lambda: (net(), X, Y, L, {"decay": -1.0}), "decay=-1.0"),
    "unknown option": (lambda: (net(), X, Y, L, {"lr": 1.0}), "lr"),
    "a mapping without a loss": (lambda: {"model": net(), "inputs": X, "targets": Y}, "loss"),
}


def _poisoned():
    model = net()
    with torch.no_grad():
        model[0].weight[0, 0] = torch.nan
    return model


def _sparse():
    model = net()
    model[0].weight = nn.Parameter(model[0].weight.detach().to_sparse())
    return model
