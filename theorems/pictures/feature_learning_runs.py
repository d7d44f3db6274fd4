"""Small networks that the pictures of features show: trained on digits, with a skip, or collapsed
on a simplex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from theorems.impl.feature_learning.collapse import LabelledFeatures
from theorems.impl.feature_learning.features import target_linearity
from theorems.impl.networks.data import digits
from theorems.impl.networks.layers import LayerTrace
from theorems.impl.networks.spec import generator
from theorems.impl.networks.tracing import trace


def _batch(samples: int) -> tuple[Tensor, Tensor]:
    images, labels = digits(samples)
    return images.reshape(samples, -1), labels


def _onehot(labels: Tensor) -> Tensor:
    return nn.functional.one_hot(labels, 10).double()


def _stack(widths: Sequence[int], activation: type[nn.Module], seed: int) -> nn.Sequential:
    """Bias-free linear layers with an activation between them; Gaussian weights of variance 2/d for
    ReLU, 1/(2d) for others.
    """
    source, variance = generator(seed), 2.0 if activation is nn.ReLU else 0.5
    parts: list[nn.Module] = []
    for a, b in zip(widths[:-1], widths[1:], strict=True):
        layer = nn.Linear(a, b, bias=False, dtype=torch.float64)
        layer.weight.data = (
            torch.randn(b, a, generator=source, dtype=torch.float64) * (variance / a) ** 0.5
        )
        parts += [layer, activation()]
    return nn.Sequential(*parts[:-1])


def _half_mean_square(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().sum() / (2 * len(outputs))


@dataclass(frozen=True)
class LinearityRun:
    """Target linearity along a training.

    Args:
        values: by step, that of x, z¹, h¹, z², h², …: before a linear map, after it, after its
            ReLU.
        features: what the readout reads at the start, (N, d).
        labels: (N,).
    """

    values: dict[int, list[float]]
    features: Tensor
    labels: Tensor


def linearity_run(
    steps: Sequence[int], *, seed: int, widths: Sequence[int] = (64, 40, 32, 24, 10)
) -> LinearityRun:
    """Full-batch training of a bias-free ReLU network on digits, softmax cross-entropy, looked at
    after each of the ``steps``.
    """
    inputs, labels = _batch(400)
    model, loss = _stack(widths, nn.ReLU, seed), nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    values: dict[int, list[float]] = {}
    features = inputs
    for step in range(max(steps) + 1):
        if step in steps:
            *hidden, readout = trace(model, inputs, labels, loss).values()
            seen: list[Any] = [
                part for layer in hidden for part in (layer.inputs, layer.outputs)
            ] + [readout.inputs]
            values[step] = [float(target_linearity(_onehot(labels), part)) for part in seen]
            features = seen[-1] if step == 0 else features
        optimiser.zero_grad()
        loss(model(inputs), labels).backward()
        optimiser.step()
    return LinearityRun(values, features, labels)


class _Skip(nn.Module):
    """h = tanh(A x) is read by ``inner`` and by a skip around it; h is kept, since its gradient is
    the total one.
    """

    def __init__(self, width: int, seed: int) -> None:
        super().__init__()
        drawn = _stack((64, width, width, 10), nn.Tanh, seed)
        self.outer, self.inner, self.readout = drawn[0], drawn[2], drawn[4]
        self.features = torch.zeros(0)

    def forward(self, inputs: Tensor) -> Tensor:
        self.features = torch.tanh(self.outer(inputs))
        out: Tensor = self.readout(self.features + torch.tanh(self.inner(self.features)))
        return out


def skip_traces(*, seed: int) -> tuple[LayerTrace, LayerTrace]:
    """The trace of a layer beside a skip, and the same with the total gradient of its input in
    place of the layer's own.
    """
    inputs, labels = _batch(100)
    model = _Skip(16, seed)
    seen = trace(model, inputs, _onehot(labels), _half_mean_square)["inner"]
    (total,) = torch.autograd.grad(
        _half_mean_square(model(inputs), _onehot(labels)), model.features
    )
    return seen, replace(seen, input_grad=total)


def decayed_layer(decay: float, steps: int, *, assumed: float, seed: int) -> LayerTrace:
    """The middle layer of a tanh network after full-batch training on digits under weight decay.

    Args:
        decay: λ of the training.
        steps: of the training.
        assumed: λ of the trace, hence of the claims about it.
        seed: of the weights.
    """
    inputs, labels = _batch(100)
    model = _stack((64, 16, 12, 10), nn.Tanh, seed)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9, weight_decay=decay)
    for _ in range(steps):
        optimiser.zero_grad()
        _half_mean_square(model(inputs), _onehot(labels)).backward()
        optimiser.step()
    return trace(model, inputs, _onehot(labels), _half_mean_square, decay=assumed)["2"]


def simplex(sizes: Sequence[int]) -> LabelledFeatures:
    """Collapsed classes of these sizes on a simplex: integer means K I − 11ᵀ, so that its
    hypotheses are checked exactly.
    """
    k = len(sizes)
    labels = np.repeat(np.eye(k, dtype=int), sizes, axis=0).astype(object)
    return LabelledFeatures(labels @ (k * np.eye(k, dtype=int) - 1).astype(object), labels)


def spread_simplex(sizes: Sequence[int], size: float, *, seed: int) -> LabelledFeatures:
    """The same over the length of a mean and in the K − 1 dimensions of the simplex, each entry
    moved by Gaussian noise.

    In any further dimension the noise would be a feature of its own, however small: target
    linearity knows no scale.

    Args:
        sizes: samples per class.
        size: standard deviation of the noise.
        seed: of the noise.
    """
    collapsed: Any = simplex(sizes)
    features, labels = (
        torch.tensor(part.astype(float)) for part in (collapsed.features, collapsed.labels)
    )
    k = len(sizes)
    basis = torch.linalg.qr(k * torch.eye(k, k - 1, dtype=torch.float64) - 1)[0]
    noise = torch.randn(len(features), k - 1, generator=generator(seed), dtype=torch.float64)
    return LabelledFeatures(features @ basis / features[0].norm() + size * noise, labels)
