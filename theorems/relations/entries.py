"""Entries of two sides: which one is nearest to refutation, and what its difference and its bound
decide.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theorems.impl.numbers.exact_arrays import plain_array
from theorems.impl.numbers.operands import Operand
from theorems.verdict import Outcome


def decide(sign: str, residual: Any, bound: Any) -> Outcome:
    """NaN and infinity prove nothing; exact numbers may be larger than any float."""
    if isinstance(residual, Tensor) and not bool(torch.isfinite(residual) & torch.isfinite(bound)):
        return Outcome.UNDECIDED
    # the residual is predicted − observed: proved below zero, proved not, or neither
    if sign == ">":
        if residual < -bound:
            return Outcome.HOLDS
        return Outcome.REFUTED if residual >= bound else Outcome.UNDECIDED
    return Outcome.HOLDS if residual <= bound else Outcome.REFUTED


def worst_entry(residual: Operand, bound: Operand, *, strict: bool) -> tuple[int, ...]:
    """Index of the entry nearest to refutation; NaN and infinity first."""
    if isinstance(residual, Tensor):
        finite = torch.isfinite(residual) & torch.isfinite(bound)
        if not bool(finite.all()):
            return tuple(int(i) for i in (~finite).nonzero()[0])
        score = residual + bound if strict else residual - bound
        if strict:  # an entry that is refuted counts before one that cannot be told
            score = torch.where(residual >= bound, math.inf, score)
        ratio = torch.where(bound > 0, residual / bound, torch.where(residual > 0, math.inf, 0.0))
        flat = int((score if strict or not bool((bound > 0).any()) else ratio).argmax())
        return (
            tuple(int(i) for i in np.unravel_index(flat, tuple(residual.shape)))
            if residual.ndim
            else ()
        )
    flat = max(range(residual.size), key=lambda i: residual.reshape(-1)[i])
    return tuple(int(i) for i in np.unravel_index(flat, residual.shape))


def number(value: Any) -> float:
    """A float of a single entry; infinite beyond the largest one."""
    if isinstance(value, np.ndarray):
        value = value.item()
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def rational(part: str, value: Operand) -> np.ndarray:
    """A side of an exact instance, which must have stayed within integers and fractions."""
    exact = plain_array(value)
    for entry in exact.flat:
        if not isinstance(entry, int | Fraction | np.integer):
            raise TypeError(
                f"expected integers and fractions in part {part!r} of an exact instance, got "
                f"{type(entry).__name__}: the formula mixes floats into exact arithmetic"
            )
    return exact
