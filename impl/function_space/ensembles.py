"""Groups of runs of the step of `impl.function_space.one_step`, taken at once and judged
together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.function_space.one_step import StepPath, StepPoint
from theorems.impl.instances.instance import Instance


def leading_direction(matrices: Tensor, start: Tensor, steps: int = 40) -> Tensor:
    """The first right singular vectors of (…, m, d) matrices with one large singular value each, by
    power iteration from (…, d).
    """
    vector = torch.nn.functional.normalize(start[..., None], dim=-2)
    for _ in range(steps):
        following = torch.nn.functional.normalize(matrices.mT @ (matrices @ vector), dim=-2)
        settled = bool(((following - vector).abs() < 1e-7).all())
        vector = following
        if settled:
            break
    return vector[..., 0]


@dataclass(frozen=True, eq=False)
class Ensemble(Instance):
    """Independent runs of one size and one kind, judged together.

    Raises:
        InputError: if there is none, or they differ in more than their seeds.
    """

    points: tuple[StepPoint, ...]

    def __post_init__(self) -> None:
        """Refuse runs that cannot be taken at once."""
        require(len(self.points) > 0, "expected at least one run in an ensemble, got none")
        kinds = {
            (p.dimension, p.samples, p.width, p.rate, p.activation, p.target, p.noise)
            for p in self.points
        }
        require(
            len(kinds) == 1,
            f"expected runs that differ in their seeds alone, got {len(kinds)} kinds",
        )

    @cached_property
    def cosines(self) -> Tensor:
        """cos(v, w*) of the first right singular vector v of each run's update, (R,)."""
        _, updates, spikes, teachers = self._steps()
        return (leading_direction(updates, spikes) * teachers).sum(-1)

    @cached_property
    def learned_weights(self) -> Tensor:
        """The rows of W₁ of all runs, (R m, d), in float32."""
        before, updates, _, _ = self._steps()
        return (before + updates).flatten(0, 1).float()

    def projected(self, direction: Tensor) -> Any:
        """The rows of W₁ of all runs along a direction, sorted, (R m,); kept, since the variants of
        a claim ask for the same.
        """
        key = direction.numpy().tobytes()
        if key not in self._projections:
            rows = (self.learned_weights @ direction.float()).double()
            self._projections[key] = rows.sort().values.numpy()
        return self._projections[key]

    @cached_property
    def _projections(self) -> dict[bytes, Any]:
        return {}

    @cached_property
    def spike(self) -> Tensor:
        """ς = Xᵀy of the batch that the runs share, (d,).

        Raises:
            InputError: if they do not share one.
        """
        seeds = {point.data_seed for point in self.points}
        require(
            len(seeds) == 1,
            f"expected runs that share their batch, got {len(seeds)} batches: set shared_data",
        )
        inputs, labels, _ = self.points[0].batch()
        return labels[:, 0] @ inputs

    @property
    def direction(self) -> Tensor:
        """w* of the first run, (d,)."""
        return self.points[0].batch()[2]

    def _steps(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """W₀ and W₁ − W₀, (R, m, d), ς (R, d) and w* (R, d) of every run; all steps taken at once
        by ``torch.func``.
        """
        first = self.points[0]
        models = [point.network() for point in self.points]
        batches = [point.batch() for point in self.points]
        inputs, labels, teachers = (
            torch.stack(list(column)) for column in zip(*batches, strict=True)
        )
        stacked = torch.func.stack_module_state(models)
        weights, readouts = (
            {name: value.detach() for name, value in part.items()} for part in stacked
        )

        def loss(weight: Any, readout: Any, x: Tensor, y: Tensor) -> Tensor:
            outputs: Tensor = torch.func.functional_call(models[0], (weight, readout), (x,))
            return (y[:, 0] - outputs).square().mean() / 2

        before = weights["first.weight"]
        with torch.enable_grad():
            moving = {"first.weight": before.requires_grad_()}
            losses = torch.func.vmap(loss)(moving, readouts, inputs, labels)
            (gradient,) = torch.autograd.grad(losses.sum(), [before])
        before = before.detach()
        return before, -first.rate * gradient, (labels.mT @ inputs)[:, 0], teachers


@dataclass(frozen=True, eq=False, kw_only=True)
class EnsemblePath(StepPath):
    """A path whose replicates are groups of runs.

    Args:
        group: how many runs one replicate holds.
    """

    group: int = 32

    @cached_property
    def path(self) -> dict[int, tuple[Any, ...]]:
        """The ensembles by size: independent of each other, batch and all."""
        return {
            d: tuple(
                Ensemble(
                    tuple(self._point(d, i * self.group + j, batch=i) for j in range(self.group))
                )
                for i in range(count)
            )
            for d, count in zip(self.sizes, self.replicates, strict=True)
        }
