"""What the networks share: data by seed, and a case as `theorems.check_model` takes it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from theorems.own.factories import own_loss


class Case(NamedTuple):
    """A network with its batch and loss."""

    model: nn.Module
    inputs: Any
    targets: Any
    loss: Callable[[Any, Any], torch.Tensor]


def numbers(*shape, dtype=torch.float64, seed=0):
    return torch.randn(
        *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    ).to(dtype)


def whole(most, *shape, seed=1):
    return torch.randint(most, shape, generator=torch.Generator().manual_seed(seed))


def classify(model, inputs, classes=5):
    """Logits against class labels."""
    count = len(inputs if isinstance(inputs, torch.Tensor) else inputs[0])
    return Case(model, inputs, whole(classes, count), functional.cross_entropy)


def speaks(model, vocabulary=24, length=7, samples=3, **more):
    """A language model that computes its own loss."""
    ids = whole(vocabulary, samples, length)
    return Case(model, {"input_ids": ids, "labels": ids, **more}, None, own_loss)
