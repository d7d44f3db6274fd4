"""What a formula can be run on.

A formula of this suite uses only what torch tensors and numpy object arrays share: ``@``, ``.mT``,
``*``, ``+``, ``-``, ``.sum(axis)``, indexing with ``[..., None]``; so the same line runs on floats,
on Python integers and on balls.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from theorems.impl.numbers.exact_arrays import ExactArray

Operand: TypeAlias = Any
"""A torch tensor, a numpy object array of exact numbers, or anything that answers to the same
operators.
"""


def is_exact(operand: Operand) -> bool:
    """Whether ``operand`` is an object array of Python integers or fractions, which never round
    (and no `ArbArray`, which encloses).
    """
    return type(operand) in (np.ndarray, ExactArray) and operand.dtype == object


def to_exact(values: Operand) -> np.ndarray:
    """The same numbers as Python integers, or as fractions where one is not whole (every float is a
    fraction).
    """
    if not isinstance(values, Tensor):
        return values.fractions()
    flat = values.detach().double().cpu().reshape(-1).tolist()
    whole = [int(v) if v == int(v) else Fraction(v) for v in flat]
    out = np.empty(len(flat), dtype=object)
    out[:] = whole
    return out.reshape(tuple(values.shape))


def to_tensor(values: np.ndarray) -> Tensor:
    """The float64 tensor nearest to an object array of exact numbers."""
    return torch.as_tensor(values.astype(np.float64))


def reciprocal(operand: Operand) -> Operand:
    """1/x; a fraction where x is an exact number, which Python's own division would make a
    float.
    """
    if is_exact(operand):
        return np.vectorize(lambda value: Fraction(1) / value, otypes=[object])(operand)
    return Fraction(1) / operand if isinstance(operand, int | Fraction) else 1 / operand


def smaller(one: Any, other: Any) -> Any:
    """The smaller of two sizes; of symbols a bound that is both."""
    return one.smaller(other) if hasattr(one, "smaller") else min(one, other)


def count_of(size: Any) -> Any:
    """The length of an axis as a plain number; of symbols the symbol."""
    return size if hasattr(size, "number") else int(size)


def zeros_like(operand: Operand) -> Operand:
    """Zero of the same kind and shape as ``operand``."""
    return operand * 0
