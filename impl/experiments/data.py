"""Real data and generators of the experiments: a draw for every seed, stacked along the first
axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from theorems.impl.experiments.replicas import gathered, normal, permutations, source
from theorems.impl.networks.data import digits

CLASSES = 10


def digit_split(
    seeds: Sequence[int], train: int, test: int, *, scale: float = 10.0
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Digits, split at random for every seed: (images, labels) for training and for the test.

    Pixels are centred over the whole set and scaled so that the mean squared norm of an image is
    ``scale``.

    Returns:
        images (R, N, 64), float32, and labels (R, N).

    Raises:
        InputError: if scikit-learn is not installed.
    """
    images, labels = digits()
    pixels = images.reshape(len(images), -1)
    pixels = pixels - pixels.mean(0)
    pixels = (pixels * (scale / pixels.square().sum(1).mean()) ** 0.5).float()
    order = permutations(seeds, len(pixels), stream="split")[:, : train + test]
    drawn, named = pixels[order], labels[order]
    return (drawn[:, :train], named[:, :train]), (drawn[:, train:], named[:, train:])


def onehot(labels: Tensor, classes: int = CLASSES) -> Tensor:
    """Labels (R, N) as rows of the identity, (R, N, C), float32."""
    return torch.nn.functional.one_hot(labels, classes).float()


def shuffled(labels: Tensor, seeds: Sequence[int]) -> Tensor:
    """The same labels (R, N, …) in another order, one for each seed."""
    return gathered(labels, permutations(seeds, labels.shape[1], stream="shuffled labels"))


def swiss_roll(seeds: Sequence[int], samples: int, *, noise: float = 0.0) -> tuple[Tensor, Tensor]:
    """Points of a Swiss roll in the plane, both coordinates in 0 … 1, and how far along the roll
    they are, in 0 … 1.

    The angle is uniform in 1.5π … 4.5π, as in scikit-learn's generator, whose axis of the roll is
    left out.

    Returns:
        inputs (R, N, 2) and targets (R, N, 1), float32.
    """
    along = torch.stack(
        [torch.rand(samples, 1, generator=source(s, "roll"), dtype=torch.float64) for s in seeds]
    ).float()
    angle = 1.5 * torch.pi * (1 + 2 * along)
    points = torch.cat([angle * torch.cos(angle), angle * torch.sin(angle)], -1)
    points = points + noise * normal(seeds, samples, 2, stream="roll noise")
    low, high = -4.5 * torch.pi, 4.5 * torch.pi
    return (points - low) / (high - low), along


def staircase(inputs: Tensor) -> Tensor:
    """x₁x₂x₃x₄ + x₁x₂x₃ + x₁x₂ + x₁ of inputs (R, N, d), as (R, N, 1)."""
    steps = inputs[..., :4].cumprod(-1)
    return steps.sum(-1, keepdim=True)


def modular_addition(
    seeds: Sequence[int], modulus: int, share: float
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """All pairs (a, b) with a + b mod p, of which a share is for training: one-hot pairs (R, N, 2p)
    and sums (R, N).
    """
    pairs = torch.cartesian_prod(torch.arange(modulus), torch.arange(modulus))
    inputs = torch.nn.functional.one_hot(pairs, modulus).float().flatten(1)
    sums = pairs.sum(1) % modulus
    order, count = permutations(seeds, len(pairs), stream="split"), round(share * len(pairs))
    first, rest = order[:, :count], order[:, count:]
    return (inputs[first], sums[first]), (inputs[rest], sums[rest])
