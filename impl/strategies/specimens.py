"""Small networks with one peculiarity each: a skip, a tied weight, a reused layer, a wrong use of
gradients.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from theorems.impl.networks.losses import half_squared_error
from theorems.impl.networks.spec import generator
from theorems.impl.networks.tracing import LayerTrace, trace


class Specimen(NamedTuple):
    """A model, its batch and its loss, in the order in which `impl.trace` takes them."""

    model: nn.Module
    inputs: Tensor
    targets: Tensor
    loss: Callable[[Any, Any], Tensor]


class Skip(nn.Module):
    """z + fc2(relu(fc1(z))): the input of fc1 also feeds a skip connection."""

    def __init__(self, width: int, *, bias: bool) -> None:
        """Two square layers."""
        super().__init__()
        self.fc1 = nn.Linear(width, width, bias=bias, dtype=torch.float64)
        self.fc2 = nn.Linear(width, width, bias=bias, dtype=torch.float64)

    def forward(self, inputs: Tensor) -> Tensor:
        """Residual block."""
        return inputs + self.fc2(torch.relu(self.fc1(inputs)))


class Tied(nn.Module):
    """An autoencoder: ``decoder`` reads the transposed parameter of ``encoder`` through
    ``functional.linear``.
    """

    def __init__(self, width: int, *, bias: bool) -> None:
        """A square encoder, whose parameter is used twice, and a last layer that shares it as a
        module.
        """
        super().__init__()
        self.encoder = nn.Linear(width, width, bias=bias, dtype=torch.float64)
        self.twin = nn.Linear(width, width, bias=bias, dtype=torch.float64)
        self.twin.weight = self.encoder.weight

    def forward(self, inputs: Tensor) -> Tensor:
        """Encode, decode with the transpose, and apply the twin."""
        code = torch.relu(self.encoder(inputs))
        return self.twin(nn.functional.linear(code, self.encoder.weight.mT))


class Reused(nn.Module):
    """One layer applied twice: its rows are the rows of both calls."""

    def __init__(self, width: int, *, bias: bool) -> None:
        """A square layer."""
        super().__init__()
        self.fc = nn.Linear(width, width, bias=bias, dtype=torch.float64)

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply the layer, ReLU, and the layer again."""
        return self.fc(torch.relu(self.fc(inputs)))


skipping, tied, reused = Skip, Tied, Reused


def conv_specimen(
    samples: int, *, seed: int, groups: int, loss: Callable[[Any, Any], Tensor], bias: bool = True
) -> Specimen:
    """A strided convolution, a dilated one (in groups), a linear head; Gaussian images in
    channels-last format.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=bias),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 4, 2, dilation=2, padding="same", groups=groups, bias=bias),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(36, 3, bias=bias),
        ).double()
    source = generator(seed)
    images = torch.randn(samples, 2, 6, 5, generator=source, dtype=torch.float64)
    targets = torch.randn(samples, 3, generator=source, dtype=torch.float64)
    return Specimen(model, images.contiguous(memory_format=torch.channels_last), targets, loss)


def _gaussian(samples: int, width: int, seed: int) -> tuple[Tensor, Tensor]:
    source = generator(seed)
    both = torch.randn(2, samples, width, generator=source, dtype=torch.float64)
    return both[0], both[1]


def _seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


class _Squaring(nn.Linear):
    """Not linear in its input, although it is an ``nn.Linear``."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input * input)


class _Detached(nn.Module):
    """The first layer's output is detached."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.frozen = nn.Linear(width, width, dtype=torch.float64)
        self.head = nn.Linear(width, width, dtype=torch.float64)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.frozen(inputs).detach())


def squaring_layer(width: int, *, seed: int) -> LayerTrace:
    """The trace of a layer that squares its inputs."""
    inputs, targets = _gaussian(3, width, seed)
    model = _seeded(lambda: nn.Sequential(_Squaring(width, width, dtype=torch.float64)), seed)
    return trace(model, inputs, targets, half_squared_error)["0"]


def detached_layer(width: int, *, seed: int) -> LayerTrace:
    """The trace of a layer that no gradient reaches."""
    inputs, targets = _gaussian(3, width, seed)
    return trace(_seeded(lambda: _Detached(width), seed), inputs, targets, half_squared_error)[
        "frozen"
    ]


def vanishing_layer(width: int, *, depth: float, seed: int) -> LayerTrace:
    """A layer below GELUs that are all deep in their tail, at −``depth``: from 37.2 on the
    gradients are subnormal.
    """
    first, head = _seeded(
        lambda: nn.ModuleList([nn.Linear(width, width), nn.Linear(width, 1)]).double(), seed
    ).children()
    model, inputs = nn.Sequential(first, nn.GELU(), head), torch.ones(3, width, dtype=torch.float64)
    with torch.no_grad():
        for parameter in [p for name, p in first.named_parameters() if name == "bias"]:
            parameter.copy_(-depth - first(inputs)[0] + parameter)
    return trace(model, inputs, _gaussian(3, 1, seed)[1], half_squared_error)["0"]


def total_gradient_layer(width: int, *, seed: int) -> LayerTrace:
    """fc1 of a residual block with the naive gradient: the derivative of the loss by z, skip
    connection included.
    """
    inputs, targets = _gaussian(3, width, seed)
    model = _seeded(lambda: Skip(width, bias=True), seed)
    layer = trace(model, inputs, targets, half_squared_error)["fc1"]
    leaf = inputs.clone().requires_grad_()
    (total,) = torch.autograd.grad(half_squared_error(model(leaf), targets), leaf)
    return dataclasses.replace(layer, input_grad=total)


def mixed_loss_layer(samples: int, *, seed: int) -> LayerTrace:
    """A layer with the weight gradient of the mean loss and the input gradient of the summed
    loss.
    """
    inputs, targets = _gaussian(samples, 3, seed)
    model = _seeded(lambda: nn.Linear(3, 3, dtype=torch.float64), seed)
    layer = trace(model, inputs, targets, half_squared_error)["Linear"]
    return dataclasses.replace(layer, weight_grad=layer.weight_grad / samples)
