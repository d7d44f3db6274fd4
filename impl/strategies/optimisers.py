"""Hypothesis strategies for whole training runs under the optimisers of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from hypothesis import strategies as st
from torch import nn

from theorems.impl.errors import require
from theorems.impl.networks.losses import half_squared_error
from theorems.impl.networks.spec import generator
from theorems.impl.networks.training_runs import Maker, TrainingRun, training_run
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.sizes import branches, span

RULES: Mapping[str, Callable[[float], Maker]] = {
    "sgd": lambda rate: lambda parameters: torch.optim.SGD(parameters, lr=rate),
    "momentum": lambda rate: lambda parameters: torch.optim.SGD(parameters, lr=rate, momentum=0.9),
    "nesterov": lambda rate: (
        lambda parameters: torch.optim.SGD(parameters, lr=rate, momentum=0.9, nesterov=True)
    ),
    "decayed": lambda rate: (
        lambda parameters: torch.optim.SGD(parameters, lr=rate, weight_decay=0.1)
    ),
    "adam": lambda rate: lambda parameters: torch.optim.Adam(parameters, lr=rate),
    "adamw": lambda rate: lambda parameters: torch.optim.AdamW(parameters, lr=rate),
    "rmsprop": lambda rate: lambda parameters: torch.optim.RMSprop(parameters, lr=rate),
    "adagrad": lambda rate: lambda parameters: torch.optim.Adagrad(parameters, lr=rate),
}
"""Optimisers by name: each makes, of a rate η, a function from parameters to an optimiser."""


@st.composite
def lattice_runs(draw: Callable[..., Any]) -> TrainingRun:
    """Plain descent of a linear layer on integers, η = 1 and one or two steps: nothing rounds."""
    rows, d, classes = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    layer = nn.Linear(d, classes, bias=draw(st.booleans()), dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(draw(lattices(tuple(parameter.shape), 2)))
    inputs, targets = draw(lattices((rows, d), 1)), draw(lattices((rows, classes), 2))
    return training_run(
        layer, inputs, targets, half_squared_error, RULES["sgd"](1.0), steps=draw(st.integers(1, 2))
    )


@st.composite
def seeded_runs(draw: Callable[..., Any], rule: str | None = None) -> TrainingRun:
    """A Gaussian batch and a network of one hidden layer (tanh, ReLU or none) under one of `RULES`:
    1 … 6 steps.
    """
    rows, d, width = draw(span(1, 8, 16)), draw(span(1, 4, 20)), draw(span(1, 6, 12))
    seed, activation = draw(SEEDS), draw(st.sampled_from([nn.Tanh, nn.ReLU, nn.Identity]))
    how, rate = (
        draw(st.sampled_from(sorted(RULES))) if rule is None else rule,
        draw(st.sampled_from([0.01, 0.001])),
    )
    source = generator(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(d, width), activation(), nn.Linear(width, 1)).double()
    inputs, targets = (torch.randn(rows, n, generator=source, dtype=torch.float64) for n in (d, 1))
    return training_run(
        model,
        inputs,
        targets,
        nn.functional.mse_loss,
        RULES[how](rate),
        steps=draw(span(1, 6, 16, above=13)),
    )


def training_runs(rule: str | None = None) -> st.SearchStrategy[TrainingRun]:
    """Runs under one of `RULES` or under all of them; plain descent also on integers.

    Raises:
        InputError: for a rule that is none of them.
    """
    require(
        rule is None or rule in RULES,
        f"expected rule to be one of {', '.join(RULES)}, got rule={rule!r}",
    )
    if rule in (None, "sgd"):
        return branches(lattice_runs(), seeded_runs(rule))
    return seeded_runs(rule)
