"""Shapes, number formats, compiled and scripted parts, models that change themselves, losses and
labels.
"""

import warnings

import torch
from torch import nn
from torch.nn import functional

from tests.foreign.common import F64, Case, D, H, N, Net, case, data, lin, two

# -- shapes and formats ----------------------------------------------------------------------------


def one_layer():
    return Case(lin(), data(N, D), data(N, D, seed=1), functional.mse_loss, {"Linear": H})


def one_sample():
    return two(lin())._replace(inputs=data(1, D), targets=data(1, D, seed=1))


def without_batch_dimension():
    return two(lin())._replace(inputs=data(D), targets=data(D, seed=1))


def several_leading_dimensions():
    return two(lin())._replace(inputs=data(2, 3, 2, D), targets=data(2, 3, 2, D, seed=1))


def images(inputs, shape, **options):
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3)).double().to(**options)
    return Case(model, inputs, data(*shape, seed=1), functional.mse_loss, {"0": H, "2": H})


def channels_last():
    last = {"memory_format": torch.channels_last}
    return images(data(2, 2, 6, 6).contiguous(**last), (2, 2, 2, 2), **last)


def image_without_batch_dimension():
    return images(data(2, 6, 6), (2, 2, 2))


def in_format(dtype):
    model = nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 4, 3, stride=2, dilation=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(36, 4),
    ).to(dtype)
    answers = {"0": H, "2": H, "5": H}
    return Case(
        model,
        data(4, 2, 10, 10, dtype=dtype),
        data(4, 4, seed=1, dtype=dtype),
        functional.mse_loss,
        answers,
    )


def autocast(dtype):
    def forward(net, x):
        with torch.autocast("cpu", dtype=dtype):
            h = torch.relu(net.a(x))
            for _ in range(3):
                h = torch.tanh(net.b(h))
            return net.c(h).float()

    model = Net(forward, a=nn.Linear(1, 16), b=nn.Linear(16, 16), c=nn.Linear(16, 3))
    return case(model, data(8, 1, dtype=torch.float32), (8, 3), a=H, b=H, c=H)


def compiled():
    model = torch.compile(nn.Sequential(lin(), nn.ReLU(), lin()), backend="eager")
    model(data(N, D))  # compiled before it is checked
    return case(model)._replace(answers={"_orig_mod.0": H, "_orig_mod.2": H})


def scripted_part():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = torch.jit.script(nn.Sequential(lin(), nn.ReLU(), lin()))
    return Case(
        nn.Sequential(part, lin()),
        data(N, D),
        data(N, D, seed=1),
        functional.mse_loss,
        {"1": H, "0.0.weight": H, "0.2.weight": H},
    )


class Counting(nn.Module):
    """Changes itself in every forward pass: a buffer, a late buffer, an attribute, its mode, an
    embedding's rows.
    """

    def __init__(self):
        super().__init__()
        self.fc, self.rows = lin(), nn.Embedding(3, D, max_norm=0.1, dtype=F64)
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("late", None)
        self.last = None

    def forward(self, x):
        self.count = self.count + 1
        self.late, self.last = x.mean(), x
        self.train(mode=not self.training)
        return self.fc(x + self.rows(torch.tensor([1])))


def changes_itself():
    return case(Counting(), fc=H)


def loss_that_reshapes():
    return two(lin(), lin(D, 1))._replace(
        targets=data(N), loss=lambda o, t: ((o.squeeze(1) - t) ** 2).mean()
    )


def labels_to_ignore():
    labels = torch.tensor([0, 1, 2, -100, 1, 0])
    return two(lin(), lin(D, 3))._replace(targets=labels, loss=nn.CrossEntropyLoss())


def dead_layer():
    layer = lin()
    nn.init.constant_(layer.bias, -100.0)
    return two(layer)._replace(targets=torch.tensor([0, 1, 2, 3, 1, 0]), loss=nn.CrossEntropyLoss())
