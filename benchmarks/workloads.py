"""The other things that are timed: a trace, a claim on one instance, a claim on 200 networks at
once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from impl import LayerTrace, NetworkSpec, build, half_squared_error, trace
from theorems import feature_learning_equation

NETWORKS = 200


def _layer(seed: int, width: int) -> LayerTrace:
    return traced(seed, width)()["fc2"]


def traced(seed: int = 0, width: int = 16) -> Callable[[], dict[str, LayerTrace]]:
    """`impl.trace` of a network with three hidden layers, 16 samples, 4 classes."""
    spec = NetworkSpec(widths=(width,) * 4, batch=16, classes=4, bias=True, seed=seed)
    source = torch.Generator().manual_seed(seed)
    inputs, targets = (
        torch.randn(16, d, generator=source, dtype=torch.float64) for d in (width, 4)
    )
    model = build(spec)
    return lambda: trace(model, inputs, targets, half_squared_error)


def bare(seed: int = 0, width: int = 16) -> Callable[[], Any]:
    """The forward and backward pass that a trace cannot do without."""
    spec = NetworkSpec(widths=(width,) * 4, batch=16, classes=4, bias=True, seed=seed)
    model = build(spec)
    inputs, targets = (
        torch.randn(16, width, dtype=torch.float64),
        torch.randn(16, 4, dtype=torch.float64),
    )
    return lambda: torch.autograd.grad(
        half_squared_error(model(inputs), targets), list(model.parameters())
    )


def claimed(width: int = 16) -> Callable[[], Any]:
    """One claim on one instance, bound included."""
    layer = _layer(0, width)
    return lambda: feature_learning_equation(layer)


def looped(width: int) -> Callable[[], Any]:
    """The claim on 200 networks, one by one."""
    layers = [_layer(seed, width) for seed in range(NETWORKS)]
    return lambda: [feature_learning_equation(layer) for layer in layers]


def batched(width: int) -> Callable[[], Any]:
    """The claim on 200 networks at once: the worst counts."""
    layers = LayerTrace.stack([_layer(seed, width) for seed in range(NETWORKS)])
    return lambda: feature_learning_equation(layers)
