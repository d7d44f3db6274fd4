"""A few steps of real training of a user's network, at its first layer."""

from __future__ import annotations

from typing import Any

from theorems.impl.preconditioning.first_layer_runs import first_layer_runs
from theorems.own.places.subject import Places, Subject


def first_layer_steps(subject: Subject) -> Places | str:
    """Plain steps and whitened ones, on a copy of the network; see
    `impl.preconditioning.first_layer_runs`.
    """
    runs: Any = first_layer_runs(*subject.task, seed=subject.seed)
    return runs
