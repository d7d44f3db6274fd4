"""Real data and generators of the experiments: a draw for every seed, stacked along the first
axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.experiments.replicas import gathered, normal, permutations, source
from theorems.impl.networks.data import digits, measurements

CLASSES_OF = {"digits": 10, "wine": 3, "breast cancer": 2}
"""Data that ship with scikit-learn, and how many classes they have."""

CLASSES = CLASSES_OF["digits"]


Split: TypeAlias = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Inputs (R, N, d) and labels (R, N) for training, and those of the test."""


def digit_split(seeds: Sequence[int], train: int, test: int, *, scale: float = 10.0) -> Split:
    """Digits, split at random for every seed; see `split`."""
    return split("digits", seeds, train, test, scale=scale)


def split(name: str, seeds: Sequence[int], train: int, test: int, *, scale: float = 10.0) -> Split:
    """One of the data sets of `CLASSES_OF`, split at random for every seed.

    Inputs are centred over the whole set and scaled so that the mean squared norm of a sample is
    ``scale``; measurements in units of their own are each brought to variance one before.

    Returns:
        inputs (R, N, d), float32, and labels (R, N), for training and for the test.

    Raises:
        InputError: if scikit-learn is not installed, there are no data of that name, or fewer
            samples than are asked for.
    """
    if name == "digits":
        images, labels = digits()
        inputs = images.reshape(len(images), -1)
    else:
        inputs, labels = measurements(name)
    require(
        train + test <= len(inputs),
        f"expected at most {len(inputs)} samples of {name}, got {train} + {test}",
    )
    inputs = inputs - inputs.mean(0)
    if name != "digits":
        inputs = inputs / inputs.std(0)
    inputs = (inputs * (scale / inputs.square().sum(1).mean()) ** 0.5).float()
    return _parted(inputs, labels, seeds, train, test)


def grey_digits(seeds: Sequence[int], train: int, test: int) -> Split:
    """Digits with pixels as they are, in 0 … 1, split as those of `split`."""
    images, labels = digits()
    return _parted(images.reshape(len(images), -1).float(), labels, seeds, train, test)


def _parted(inputs: Tensor, labels: Tensor, seeds: Sequence[int], train: int, test: int) -> Split:
    order = permutations(seeds, len(inputs), stream="split")[:, : train + test]
    drawn, named = inputs[order], labels[order]
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
