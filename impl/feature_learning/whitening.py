"""Steps of a weight matrix seen through its Gram matrix: the part that rotates the rows' frame, and
the part that learns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.feature_learning.polar_errors import (
    enclosed_motion,
    polar,
    rotation_radius,
    spin,
    turned,
)
from theorems.impl.instances.checks import check_finite, check_shapes, check_tensor
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding, Slack
from theorems.impl.networks.spec import generator
from theorems.impl.numbers.operands import Operand, is_exact, to_exact, to_tensor


def newton_schulz(matrix: Operand, steps: int = 10) -> Operand:
    """The quintic Newton–Schulz iteration X ← (15 X − 10 XXᵀX + 3 (XXᵀ)²X)/8 from A/‖A‖_F: not the
    polar factor.

    A small singular value grows by 15/8 per step, so ten steps leave those below about (8/15)^10 =
    1/537 of ‖A‖_F behind. Exact operands are iterated in float64: the numerators of the exact
    iterates have 5^steps times as many digits.
    """
    if is_exact(matrix):
        return to_exact(newton_schulz(to_tensor(matrix), steps))
    scale = torch.linalg.matrix_norm(matrix, keepdim=True)
    x = matrix / torch.where(scale > 0, scale, 1.0)
    for _ in range(steps):
        square = x @ x.mT
        x = (15 * x - 10 * square @ x + 3 * square @ (square @ x)) / 8
    return x


@dataclass(frozen=True, eq=False)
class WeightStep(Instance):
    """A step from W₁ to W₂ and the rotation that takes W₂ back next to W₁.

    Args:
        before: W₁, (…, d_out, d_in).
        after: W₂, (…, d_out, d_in).
        rotation: Q = polar(W₁W₂ᵀ), (…, d_out, d_out), measured.
        competitor: R, (…, d_out, d_out), any other orthogonal matrix.
        directions: (…, d_out, k), along which positivity is tried.

    Raises:
        InputError: shapes that do not fit, NaN or infinity.
    """

    alone = ("before", 2)

    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "outputs": ("before", -2),
        "inputs": ("before", -1),
    }
    measured: ClassVar[Mapping[str, Rounding]] = {
        "rotation": lambda step: rotation_radius(step.before, step.after)[..., None, None]
    }
    granted: ClassVar[Mapping[str, Slack]] = {
        "rotation": lambda step: torch.ones_like(step.rotation.double())
    }

    before: Operand
    after: Operand
    rotation: Operand
    competitor: Operand
    directions: Operand

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        *lead, rows, columns = self.before.shape
        require(
            rows > 0 and columns > 0,
            f"expected weights of shape (…, d_out, d_in), got {tuple(self.before.shape)}",
        )
        square = (*lead, rows, rows)
        wanted = {"after": (*lead, rows, columns), "rotation": square, "competitor": square}
        wanted["directions"] = (*lead, rows, self.directions.shape[-1])
        check_shapes(self, wanted)
        check_finite(self, "before", *wanted)

    def moved(self, **fields: Any) -> Self:
        """With the polar factor of a matrix next to W₁W₂ᵀ, as far away as the decomposition's own
        error.
        """
        step = fields["rotation"] - self.rotation
        return replace(self, rotation=turned(self.rotation, step, self.before, self.after))


def weight_step(before: Tensor, after: Tensor, *, seed: int = 0) -> WeightStep:
    """A `WeightStep` of two weight matrices (d_out, d_in), before and after any update.

    Args:
        before: W₁.
        after: W₂.
        seed: of the signed permutation that competes with the polar factor, and of the directions
            (the most negative one is added).
    """
    require(
        before.ndim == 2 and before.shape == after.shape,
        f"expected two weight matrices of one shape (d_out, d_in), got {tuple(before.shape)} and "
        f"{tuple(after.shape)}",
    )
    check_tensor("before", before)
    check_tensor("after", after)
    before, after, source = (
        before.detach().double().cpu(),
        after.detach().double().cpu(),
        generator(seed),
    )
    rotation, rows = polar(before @ after.mT), before.shape[0]
    aligned = rotation @ after @ before.mT
    lowest = torch.linalg.eigh((aligned + aligned.mT) / 2)[1][:, :1]
    drawn = torch.randn(rows, 2, generator=source, dtype=torch.float64)
    signs = torch.randint(0, 2, (rows, 1), generator=source).double() * 2 - 1
    competitor = (
        torch.eye(rows, dtype=torch.float64)[torch.randperm(rows, generator=source)] * signs
    )
    return WeightStep(before, after, rotation, competitor, torch.cat([lowest, drawn], 1))


@dataclass(frozen=True, eq=False)
class WeightMotion(Instance):
    """A velocity of a weight matrix and its vertical part ΩW, the one that only rotates.

    Args:
        weight: W, (…, d_out, d_in).
        velocity: dW, (…, d_out, d_in).
        vertical: ΩW, (…, d_out, d_in), measured.

    Raises:
        InputError: shapes that do not fit, NaN or infinity.
    """

    alone = ("weight", 2)

    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "outputs": ("weight", -2),
        "inputs": ("weight", -1),
    }

    weight: Operand
    velocity: Operand
    vertical: Operand

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        shape = tuple(self.weight.shape)
        require(
            len(shape) >= 2 and 0 not in shape,
            f"expected a weight of shape (…, d_out, d_in), got {shape}",
        )
        check_shapes(self, {"velocity": shape, "vertical": shape})
        check_finite(self, "weight", "velocity", "vertical")

    def enclosed(self) -> WeightMotion:
        """The vertical part within what the equation of the spin proves."""
        balls: WeightMotion = enclosed_motion(self)
        return balls


def weight_motion(
    weight: Operand, velocity: Operand, *, spun: Operand | None = None
) -> WeightMotion:
    """A `WeightMotion` of a weight matrix and any velocity of it, both (d_out, d_in); exact
    operands stay exact. ``spun`` is its spin, where it is known.
    """
    require(
        tuple(weight.shape) == tuple(velocity.shape),
        f"expected a velocity of the weight's shape {tuple(weight.shape)}, got "
        f"{tuple(velocity.shape)}",
    )
    if isinstance(weight, Tensor):
        check_tensor("weight", weight)
        check_tensor("velocity", velocity)
        weight, velocity = weight.detach().double(), velocity.detach().double()
    spun = spin(weight, velocity) if spun is None else spun
    return WeightMotion(weight, velocity, spun @ weight)
