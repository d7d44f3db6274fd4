"""Networks that learn addition modulo a prime long after they fit it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from theorems.impl.experiments.data import modular_addition, onehot, shuffled
from theorems.impl.experiments.feature_runs import linearity, looks
from theorems.impl.experiments.replicas import (
    accuracy,
    cross_entropy,
    features,
    layers,
    outputs,
    train,
)
from theorems.impl.experiments.runs import Array, Settings, rows


def grokking_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Addition modulo a prime with and without weight decay: accuracies, and target linearity of
    the last hidden layer on unseen pairs.

    Returns:
        "training accuracy", "test accuracy" and "linearity", (R, K), also with ", no decay" and ",
        labels shuffled".
    """
    modulus = settings["modulus"]
    (x, sums), (test, wanted) = modular_addition(seeds, modulus, settings["share"])
    found: dict[str, Array] = {}
    for suffix in ("", ", no decay", ", labels shuffled"):
        seen = shuffled(sums, seeds) if suffix == ", labels shuffled" else sums
        weights = layers(
            seeds, (2 * modulus, settings["width"], settings["width"], modulus), gain=2.0
        )
        kept: list[Tensor] = []

        def look(
            _: int, w: list[Tensor] = weights, y: Tensor = seen, kept: list[Tensor] = kept
        ) -> None:
            last = features(w, test)[-1]
            linear = linearity(onehot(wanted, modulus), last)
            kept.append(
                torch.stack(
                    [accuracy(outputs(w, x), y), accuracy(outputs(w, test), wanted), linear], 1
                )
            )

        train(
            weights,
            lambda _, w=weights, y=seen: cross_entropy(outputs(w, x), y),  # type: ignore[misc]
            lambda p, decay=0.0 if suffix == ", no decay" else settings["decay"]: torch.optim.AdamW(  # type: ignore[misc]
                p, lr=settings["adam"], weight_decay=decay, betas=(0.9, 0.98)
            ),
            steps=settings["steps"],
            look=look,
            at=looks(settings),
        )
        along = rows(torch.stack(kept, 1))
        for at, name in enumerate(("training accuracy", "test accuracy", "linearity")):
            found[f"{name}{suffix}"] = along[..., at]
    return found
