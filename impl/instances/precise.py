"""What float instances of data mean exactly, in ball arithmetic: what their `precise` methods do. A
measured field has no such meaning.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from theorems.impl.numbers.arb_arrays import ArbArray, arb_array
from theorems.impl.numbers.arb_matrices import orthonormal
from theorems.impl.numbers.rounded import gamma

LARGEST = 20
"""Rows up to which float instances are certified too: beyond, ball arithmetic takes seconds."""


def _balls(value: Any) -> Any:
    return arb_array(value) if isinstance(value, Tensor) else value


def _small(*matrices: Tensor) -> bool:
    """Whether the matrices among them are unbatched, with at most `LARGEST` rows or columns (and
    ten times as many of the others).
    """
    sizes = [m.shape for m in matrices if m.ndim > 1]
    return all(len(s) == 2 and min(s) <= LARGEST and max(s) <= 10 * LARGEST for s in sizes)


def _frame(columns: Tensor) -> ArbArray:
    """The exact Gram–Schmidt frame of columns that are orthonormal up to rounding; other columns as
    they are.

    Householder's method leaves ‖QᵀQ − I‖_F ≤ γ_{cn²} (Higham, theorem 19.4; his constant c taken as
    16).
    """
    given = arb_array(columns)
    gram = (given.mT @ given).middles - np.eye(columns.shape[-1])
    rounded = np.linalg.norm(gram) <= gamma(16 * max(columns.shape) ** 2)
    return orthonormal(given) if rounded else given


def _alive(columns: Tensor, values: Tensor) -> ArbArray:
    """The frame of the columns whose singular value is not zero; the others are zero."""
    out = np.asarray(arb_array(columns * 0)).copy()
    index = [i for i, value in enumerate(values.tolist()) if value > 0]
    if index:
        out[:, index] = np.asarray(_frame(columns[:, index]))
    return out.view(ArbArray)


def precise_task(task: Any) -> Any:
    """Labels by their singular vectors: exact frames."""
    if not _small(task.left, task.right):
        return None
    return replace(task.map(_balls), left=_frame(task.left), right=_alive(task.right, task.values))


def precise_left(task: Any) -> Any:
    """A spectrum with its eigenvectors: an exact frame."""
    return replace(task.map(_balls), left=_frame(task.left)) if _small(task.left) else None


def precise_data(instance: Any, *, small: bool = False) -> Any:
    """Data alone: floats are the numbers that they are; None beyond `LARGEST` rows, unless
    ``small`` is known.
    """
    tensors = (v for v in vars(instance).values() if isinstance(v, Tensor))
    return instance.map(_balls) if small or _small(*tensors) else None
