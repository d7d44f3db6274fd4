"""A few steps of real training of a user's network, at its first layer."""

from __future__ import annotations

from typing import Any

import torch

from impl.first_layer import FirstLayerTraining
from theorems.places.subject import Places, Subject

STEPS = 2
LARGEST_INPUT = 1_024
"""Dimensions of the input up to which a preconditioner is applied."""


def first_layer_steps(subject: Subject) -> Places | str:
    """Plain gradient descent, and steps preconditioned by the inputs' second moment, on a copy of the network."""
    first = next(iter(subject.layers.values()), None)
    rate = 0.1 if first is None else min(0.1, float(first.rate.reshape(-1)[0]) / 8)
    options: dict[str, Any] = {"rate": rate, "decay": subject.decay or 0.0, "seed": subject.seed}
    plain = FirstLayerTraining(*subject.task, **options)
    if plain.layer.module is None or plain.obstacle is not None:
        return plain.obstacle or "the network has no linear first layer"
    width = plain.rows.shape[-1]
    if width > LARGEST_INPUT:
        return f"its inputs have {width} dimensions, more than {LARGEST_INPUT}: their preconditioner would be too large"
    rows = plain.rows
    moment = rows.mT @ rows
    moment = (moment + moment.mT) / 2 * (width / torch.trace(moment).clamp(min=1e-30))
    tilted = FirstLayerTraining(*subject.task, preconditioner=moment, **options)
    return {"first layer, P = I": plain.run(STEPS), "first layer, P = second moment of the inputs": tilted.run(STEPS)}
