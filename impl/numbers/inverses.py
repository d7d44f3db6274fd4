"""The inverse of a square matrix, of whatever operand: floats, exact numbers, dual numbers,
balls.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from theorems.impl.numbers.differentiation import alone, forward_mode
from theorems.impl.numbers.duals import Dual
from theorems.impl.numbers.linalg import _batched, _fmpq
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.tracked import inverse as tracked_inverse
from theorems.impl.numbers.tracked import is_tracked, values_of


def inverse(matrix: Operand) -> Operand:
    """M⁻¹ over the last two dimensions (…, n, n).

    Exact operands: over the rationals, by FLINT. Dual numbers: (M⁻¹)' = −M⁻¹ M' M⁻¹. Balls bring
    their own.

    Raises:
        ZeroDivisionError: for a singular exact matrix; a float one gives NaN, which proves nothing.
    """
    if isinstance(matrix, Tensor):
        found, flaw = torch.linalg.inv_ex(matrix)
        return torch.where((flaw != 0)[..., None, None], torch.nan, found)
    if is_exact(matrix):
        return _batched(_exact_inverse, np.asarray(matrix)).view(type(matrix))
    if isinstance(matrix, Dual):
        value = inverse(matrix.value)
        return Dual(value, -(value @ matrix.tangent @ value))
    return matrix.inverse()


def _exact_inverse(matrix: np.ndarray) -> np.ndarray:
    if is_tracked(matrix):
        return tracked_inverse(matrix, _exact_inverse(values_of(matrix)))
    entries = _fmpq(matrix).inv().entries()
    out = np.empty(len(entries), dtype=object)
    out[:] = [Fraction(int(q.p), int(q.q)) for q in entries]
    return out.reshape(matrix.shape)


def eye_like(matrix: Operand) -> Operand:
    """The identity of the size of a square matrix (n, n), of a kind that goes with it."""
    kind, size = matrix.value if isinstance(matrix, Dual) else matrix, matrix.shape[-1]
    if hasattr(kind, "identity"):
        return kind.identity()
    if isinstance(kind, np.ndarray):
        return np.eye(size, dtype=int).astype(object)
    return torch.eye(size, dtype=torch.float64)


def slope(function: Callable[[Operand], Operand], at: Operand, along: Operand) -> Operand:
    """d/dε f(x + εv) at 0 of a rational function, along many directions at once: `torch.func.jvp`,
    or dual numbers.

    (`velocity` of exact numbers substitutes a large integer, which serves polynomials only.)

    Args:
        function: takes one operand, returns one; its leading dimensions are those of its argument.
        at: x, (n, m).
        along: v, (…, n, m).
    """
    if isinstance(at, Tensor):
        found: Operand = forward_mode(function, (at.expand_as(along).clone(),), (along.clone(),))[1]
        return found
    with alone(at):
        return function(Dual(at, along)).tangent
