"""‖x‖₁ ≤ 4‖x‖₂: wrong only from d ≈ 20 on."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from hypothesis import strategies as st

from impl import Instance, Operand
from impl.strategies.sizes import span
from theorems import at_most


@dataclass(frozen=True, eq=False)
class Vector(Instance):
    """Numbers that are data."""

    entries: Operand

    measured: ClassVar = {}


def vector(seed: int, size: int) -> Vector:
    """Gaussian."""
    noise = torch.Generator().manual_seed(seed)
    return Vector(torch.randn(size, generator=noise, dtype=torch.float64))


def observed(it: Vector) -> Operand:
    return it.entries.abs().sum()


@at_most(observed=observed, on=st.builds(vector, st.integers(0, 999), span(1, 8, 64)))
def sums_are_four_times_the_length(it: Vector) -> Operand:
    """‖x‖₁ ≤ 4‖x‖₂: wrong only from d ≈ 20 on."""
    return 4 * it.entries.norm()
