"""A weight Gram matrix along a training, beside the laws that predict its path: what a picture
shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from theorems.gram_hierarchy import (
    gram_operator_flow,
)
from theorems.impl.gram_hierarchy.gated import GatedNetwork, gated_network, outputs
from theorems.impl.networks.data import single_index
from theorems.impl.networks.spec import generator


def network(depth: int, *, seed: int, width: int = 16, samples: int = 8) -> GatedNetwork:
    """A ReLU network of He-normal weights on Gaussian inputs; the targets are those of a
    single-index teacher.
    """
    inputs, targets, _ = single_index(samples, width, torch.tanh, seed=seed)
    source = generator(seed + 1)
    drawn = [
        torch.randn(width, width, generator=source, dtype=torch.float64) for _ in range(depth + 1)
    ]
    return gated_network(
        [w * (2 / width) ** 0.5 for w in drawn[1:]], drawn[0][0] / width**0.5, inputs, targets[:, 0]
    )


@dataclass(frozen=True)
class GramPath:
    """The weight Gram matrices along gradient descent, and what the flow adds up to along the same
    points.

    Args:
        times: η·step, (T,).
        observed: WˡᵀWˡ − its start, by layer, each (T, n, n).
        predicted: η Σ of the flow at the steps before, by layer and by name (the law, and mutants),
            likewise.
    """

    times: np.ndarray
    observed: dict[str, np.ndarray]
    predicted: dict[str, dict[str, np.ndarray]]


LAW = "law"


def gram_path(rate: float, until: float, *, seed: int, mutants: Sequence[str] = ()) -> GramPath:
    """Train a network of depth 3 by gradient descent of rate η for the time ``until``."""
    start = network(3, seed=seed, width=10, samples=20)
    claims = {LAW: gram_operator_flow} | {
        name: gram_operator_flow.mutants[name] for name in mutants
    }
    targets: Any = outputs(start, start.weights) - start.residual
    net, steps = start, round(until / rate)
    sums: dict[str, dict[str, list[Any]]] = {name: {} for name in claims}
    seen: dict[str, list[Any]] = {}
    for step in range(steps + 1):
        for layer, (weight, first) in enumerate(zip(net.weights, start.weights, strict=True), 1):
            moved: Any = weight.mT @ weight - first.mT @ first
            seen.setdefault(f"G{layer}", []).append(moved.numpy())
        for name, claim in claims.items():
            speed: Any = claim.predict(net)
            for part, value in speed.items():
                path = sums[name].setdefault(part, [np.zeros(tuple(value.shape))])
                path.append(path[-1] + rate * value.numpy())
        if step < steps:
            weights: Any = [
                w + rate * v for w, v in zip(net.weights, net.weight_velocity, strict=True)
            ]
            net = gated_network(weights, start.readout, start.inputs, targets)
    stacked = {
        name: {part: np.stack(path[:-1]) for part, path in some.items()}
        for name, some in sums.items()
    }
    return GramPath(
        rate * np.arange(steps + 1), {part: np.stack(path) for part, path in seen.items()}, stacked
    )


def path_error(path: GramPath, name: str, part: str) -> float:
    """‖predicted − observed‖_F over ‖observed‖_F, of the whole motion of one layer's Gram
    matrix.
    """
    end = path.observed[part][-1]
    return float(np.linalg.norm(path.predicted[name][part][-1] - end) / np.linalg.norm(end))
