"""Minibatch noise along trainings on digits: how many directions it has, and how much of it lies in
the kernel's leading ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from theorems.impl.experiments.data import digit_split, onehot
from theorems.impl.experiments.kernel_runs import ARMS, directions, penultimate, supervised
from theorems.impl.experiments.runs import Array, Settings, rows
from theorems.impl.kernel_flows.minibatches import feature_noise, minibatches


def noise_of(
    arm: str, weights: Sequence[Tensor], inputs: Tensor, targets: Tensor, counts: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Minibatch noise where a replica's features are still linear, and those features.

    Measured as in the claims about it (`theorems.kernel_flow.noise`): autograd of the loss of each
    batch. Of "plain ReLU" it is the noise in front of the last ReLU.

    Args:
        arm: of `impl.experiments.kernel_runs.ARMS`.
        weights: (R, …) each.
        inputs: (R, N, d).
        targets: (R, N, C).
        counts: how often each sample is in each of B batches, (B, N), of every replica.

    Returns:
        (R, B·N, P) and (R, N, P), float64.
    """
    bent = arm == "plain ReLU"
    features = (penultimate if bent else ARMS[arm])(weights, inputs).double()
    found = [
        feature_noise(phi, readout, wanted, drawn, activation=torch.relu if bent else None).noise
        for phi, readout, wanted, drawn in zip(
            features, weights[-1].double(), targets.double(), counts, strict=True
        )
    ]
    return torch.stack([noise.flatten(0, 1) for noise in found]), features


def share_within(noise: Tensor, features: Tensor, count: int, *, last: bool = False) -> Tensor:
    """The share of the noise (R, M, P) in the span of ``count`` right singular vectors of the
    features (R, N, P), the leading ones or the last, (R,).
    """
    basis = torch.linalg.svd(features, full_matrices=False)[2]
    basis = basis[:, -count:] if last else basis[:, :count]
    return (noise @ basis.mT).square().sum((1, 2)) / noise.square().sum((1, 2))


def noise_rank_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Minibatch noise along supervised training under decay; each seed has its batches, the same at
    every look.

    Returns:
        "directions, ARM": of all batches together, above rounding; "confined, ARM": the share of
        the noise in the C leading directions of the features, also with ", last": in the C last
        ones; (R, K) each.
    """
    (inputs, labels), _ = digit_split(seeds, settings["samples"], 0)
    targets, found = onehot(labels), {}
    classes = targets.shape[2]
    counts = [
        minibatches(
            settings["samples"], settings["batch"], settings["batches"], replacement=False, seed=s
        )
        for s in seeds
    ]
    for arm in ARMS:
        ranks: list[Tensor] = []
        shares: list[Tensor] = []
        lasts: list[Tensor] = []

        def look(
            weights: list[Tensor], arm: str = arm, ranks: list[Tensor] = ranks, shares: list[Tensor] = shares, lasts: list[Tensor] = lasts  # noqa: E501
        ) -> None:  # fmt: skip
            noise, features = noise_of(arm, weights, inputs, targets, counts)
            ranks.append(directions(noise, settings["share"]))
            shares.append(share_within(noise, features, classes))
            lasts.append(share_within(noise, features, classes, last=True))

        supervised(arm, seeds, settings, inputs, targets, decay=settings["decay"], look=look)
        found[f"directions, {arm}"] = rows(torch.stack(ranks, 1))
        found[f"confined, {arm}"] = rows(torch.stack(shares, 1))
        found[f"confined, {arm}, last"] = rows(torch.stack(lasts, 1))
    return found
