"""Fully connected networks of many seeds, trained side by side: weights (R, d_out, d_in), one row
of everything per seed.

The loss is summed over the replicas, so that each has the gradient that it would have alone, and
torch's optimisers, which act entry by entry, step each as if it were alone. Every seed has its own
streams of random numbers: a replica does not depend on its neighbours.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from theorems.impl.networks.spec import generator

Optimiser: TypeAlias = Callable[[Iterable[Tensor]], torch.optim.Optimizer]


def source(seed: int, stream: str) -> torch.Generator:
    """The random numbers of one seed for one purpose: "weights", "data", "batches"."""
    return generator((seed * 1_000_003 + zlib.crc32(stream.encode())) % 2**62)


def normal(
    seeds: Sequence[int], *shape: int, stream: str, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Standard Gaussian numbers (R, *shape), those of a seed from its own stream."""
    return torch.stack(
        [torch.randn(shape, generator=source(s, stream), dtype=torch.float64) for s in seeds]
    ).to(dtype)


def permutations(seeds: Sequence[int], size: int, *, stream: str) -> Tensor:
    """A permutation of ``size`` numbers for every seed, (R, size)."""
    return torch.stack([torch.randperm(size, generator=source(s, stream)) for s in seeds])


def gathered(rows: Tensor, order: Tensor) -> Tensor:
    """rows[order] replica by replica: rows (R, N, …) and order (R, M) make (R, M, …)."""
    return torch.stack([one[index] for one, index in zip(rows, order, strict=True)])


def layers(
    seeds: Sequence[int], widths: Sequence[int], *, gain: float = 1.0, last: float = 1.0, stream: str = "weights",  # noqa: E501
    dtype: torch.dtype = torch.float32,
) -> list[Tensor]:  # fmt: skip
    """Bias-free weights (R, d_out, d_in) of variance gain/d_in, that of the last layer
    last/d_in.
    """
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    scales = [gain] * (len(pairs) - 1) + [last]
    return [
        normal(seeds, b, a, stream=f"{stream} {at}", dtype=dtype) * (scale / a) ** 0.5
        for at, ((a, b), scale) in enumerate(zip(pairs, scales, strict=True))
    ]


def features(
    weights: Sequence[Tensor], inputs: Tensor, activation: Callable[[Tensor], Tensor] = torch.relu
) -> list[Tensor]:
    """The inputs and what every hidden layer makes of them, (R, N, width) each; the last weight is
    the readout and not applied.
    """
    found = [inputs]
    for weight in weights[:-1]:
        found.append(activation(torch.bmm(found[-1], weight.mT)))
    return found


def outputs(
    weights: Sequence[Tensor], inputs: Tensor, activation: Callable[[Tensor], Tensor] = torch.relu
) -> Tensor:
    """What the networks answer, (R, N, C)."""
    return torch.bmm(features(weights, inputs, activation)[-1], weights[-1].mT)


def train(
    parameters: Sequence[Tensor],
    loss: Callable[[int], Tensor],
    optimiser: Optimiser,
    *,
    steps: int,
    look: Callable[[int], None] | None = None,
    at: Iterable[int] = (),
    after: Callable[[int], None] | None = None,
) -> None:
    """Descend on ``loss(step)``, (R,), in place.

    Args:
        parameters: leaves (R, …).
        loss: of every replica at the parameters as they are; the step is for whoever draws
            minibatches.
        optimiser: makes the optimiser from the parameters.
        steps: how many.
        look: called with the step, without gradients, before that step is taken; ``steps`` itself
            is after the last.
        at: the steps at which ``look`` is called.
        after: called with the step, without gradients, after it was taken: for a rule that changes
            the new weights.
    """
    for parameter in parameters:
        parameter.requires_grad_()
    stepper, wanted = optimiser(parameters), set(at)
    for step in range(steps + 1):
        if look is not None and step in wanted:
            with torch.no_grad():
                look(step)
        if step == steps:
            break
        stepper.zero_grad()
        loss(step).sum().backward()
        stepper.step()
        if after is not None:
            with torch.no_grad():
                after(step)
    for parameter in parameters:
        parameter.requires_grad_(False)


def mean_square(predicted: Tensor, targets: Tensor) -> Tensor:
    """Mean square error of every replica, (R,)."""
    return (predicted - targets).square().flatten(1).mean(1)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean softmax cross-entropy of every replica, (R,): logits (R, N, C), labels (R, N)."""
    return torch.nn.functional.cross_entropy(logits.mT, labels, reduction="none").mean(1)


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Share of samples whose largest logit is that of their label, (R,)."""
    return (logits.argmax(-1) == labels).double().mean(1)
