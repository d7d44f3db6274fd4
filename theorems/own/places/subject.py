"""The network that is to be checked, with its batch, its loss, and how it is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance
from theorems.impl.networks.recording import require_layers
from theorems.impl.networks.running import Inputs, run, undisturbed
from theorems.impl.networks.tracing import Loss, Traces, trace
from theorems.own.places.coverage import Coverage, coverage

_TOO_LARGE = (
    "its patches are too many to be unfolded: of it {} are looked at, and the claim is about all"
)

Places: TypeAlias = dict[str, Instance | str]
"""What is found at each place of a network: an instance, or the reason why there is none."""


@dataclass(frozen=True)
class Subject:
    """A network to be checked.

    Args:
        model: any module.
        inputs: a tensor, a tuple of arguments or a mapping of keyword arguments.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar, without the decay terms.
        decay: λ of the training objective loss + (λ/2)‖W‖²; None if it is not known.
        batch_size: of the minibatches that the network is trained on; None if it is not known.
        seed: of dropout and other noise inside the model, and of what is drawn.
        later: whether it is a part of a batch whose first part was looked at: what is looked at on
            the first samples alone was looked at there.

    Raises:
        InputError: a decay that is negative or no number, a batch size that is no positive whole
            number.
    """

    model: nn.Module
    inputs: Inputs
    targets: Any
    loss: Loss
    decay: float | None = None
    batch_size: int | None = None
    seed: int = 0
    later: bool = False

    def __post_init__(self) -> None:
        """Check how the network is said to be trained."""
        decay, size = self.decay, self.batch_size
        real = (
            isinstance(decay, int | float) and not isinstance(decay, bool) and math.isfinite(decay)
        )
        require(
            decay is None or (real and decay >= 0),
            f"expected a finite decay of at least 0, got decay={decay!r}",
        )
        whole = isinstance(size, int) and not isinstance(size, bool) and size >= 1
        require(
            size is None or whole,
            f"expected a whole batch_size of at least 1, got batch_size={size!r}",
        )

    @property
    def size(self) -> int:
        """How many parameters it has; lazy ones count as none."""
        return sum(0 if is_lazy(p) else p.numel() for p in self.model.parameters())

    @property
    def task(self) -> tuple[nn.Module, Inputs, Any, Loss]:
        """Model, inputs, targets and loss, as `impl.trace` takes them."""
        return self.model, self.inputs, self.targets, self.loss

    @cached_property
    def layers(self) -> Traces:
        """Its traces; claims about decay see λ where it is known and positive, else one that weighs
        as much as the loss (they hold for every λ > 0).

        Raises:
            InputError: the network cannot be run, or has no layer at all.
        """
        found = trace(*self.task, decay=self.decay or None, seed=self.seed, parts=True)
        if not found and not found.left_out:
            require_layers(self.model)
        return found

    @cached_property
    def coverage(self) -> Coverage:
        """How many of its layers are looked at."""
        return coverage(self.model, self.layers, self.layers.left_out)

    @cached_property
    def too_large(self) -> dict[str, str]:
        """The layers that are looked at in part, with the reason why claims about all of their
        features are not checked.
        """
        return {
            name: _TOO_LARGE.format(layer.part) for name, layer in self.layers.items() if layer.part
        }

    @cached_property
    def whole(self) -> Traces:
        """The traces of layers that are looked at whole."""
        kept = {name: layer for name, layer in self.layers.items() if not layer.part}
        return Traces(kept, {**self.layers.left_out, **self.too_large})

    @cached_property
    def outputs(self) -> Tensor | None:
        """What the model returns; None if that is no tensor.

        With gradients on, as it is traced: recurrent layers round differently without.
        """
        with undisturbed(self.model, self.seed), torch.enable_grad():
            found = run(self.model, self.inputs)
        return found.detach() if isinstance(found, Tensor) else None

    @cached_property
    def rows(self) -> Tensor | str:
        """Targets as (N, C) numbers or (N,) class labels, or why they are neither."""
        targets: Any = self.targets
        labels = (
            isinstance(targets, Tensor)
            and targets.ndim == 1
            and not targets.dtype.is_floating_point
        )
        if (
            not isinstance(targets, Tensor)
            or targets.is_complex()
            or not (labels or targets.ndim == 2)
        ):
            return "the targets are neither (N, C) numbers nor (N,) class labels"
        if labels and int(targets.min()) < 0:
            return f"the targets hold {int(targets.min())}, which is no class label"
        return targets.long() if labels else targets.double()

    def one_row_per_sample(self) -> Traces:
        """The layers whose inputs are (N, d), one row per target."""
        assert isinstance(self.rows, Tensor)
        found = {
            name: layer
            for name, layer in self.whole.items()
            if layer.inputs.ndim == 2 and layer.inputs.shape[0] == self.rows.shape[0]
        }
        return Traces(found, {})


class TrainingStep(nn.Module):
    """A module with ``training_step(batch, index)``, as one of the batch."""

    def __init__(self, module: nn.Module) -> None:
        """Keep the module."""
        super().__init__()
        self.module = module

    def forward(self, batch: Any) -> Any:
        """What its training step returns."""
        step: Any = self.module.training_step
        return step(batch, 0)
