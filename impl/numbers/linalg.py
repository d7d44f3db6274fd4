"""Projections and ranks, on floats, on exact numbers, and on whatever brings its own."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.tracked import inverse as tracked_inverse
from theorems.impl.numbers.tracked import is_tracked, values_of


def least_squares(features: Operand, targets: Operand) -> Operand:
    """The least-squares head of smallest norm: H⁺Y, (…, d, C) from (…, N, d) and (…, N, C).

    Exact operands: any solution of the normal equations, over the rationals.
    """
    if is_exact(features):
        return _batched(_exact_least_squares, features, targets)
    if isinstance(features, Tensor):
        return refined_head(pseudo_inverse(features), features, targets)
    return features.least_squares(targets)


def pseudo_inverse(features: Tensor) -> Tensor:
    """H⁺, (…, d, N); NaN where something overflowed, which no factorisation would accept."""
    if bool(features.isfinite().all()):
        inverse: Tensor = torch.linalg.pinv(features)
        return inverse
    return torch.full_like(features.mT, torch.nan)


def refined_head(inverse: Tensor, features: Tensor, targets: Tensor) -> Tensor:
    """H⁺Y with one step of refinement: the residual is orthogonal to the features up to
    rounding.
    """
    head = inverse @ targets
    return head + inverse @ (targets - features @ head)


def project(features: Operand, targets: Operand) -> Operand:
    """P_H Y: the columns of Y (…, N, C) projected on the column space of H (…, N, d)."""
    if isinstance(features, Tensor) or is_exact(features):
        return features @ least_squares(features, targets)
    return features.project(targets)


def squared_norm(matrix: Operand) -> Operand:
    """‖M‖_F² over the last two dimensions."""
    return (matrix * matrix).sum(-1).sum(-1)


def unexplained(features: Operand, targets: Operand) -> Operand:
    """‖(I − P_H)Y‖_F², (…): what no linear head on the features can reach."""
    if isinstance(features, Tensor) or is_exact(features):
        return squared_norm(targets - project(features, targets))
    return features.unexplained(targets)


def exact_rank(matrix: np.ndarray) -> int:
    """Rank of a matrix of integers or fractions, exactly (FLINT)."""
    return int(_fmpq(matrix).rank())


def independent_columns(matrix: Tensor) -> list[int]:
    """Indices of linearly independent columns of a float matrix that span the others, judged
    without rounding.

    Floats are integers times a power of two. Pivots modulo a 61-bit prime are independent for
    certain. That they span the rest fails only if the prime divides a minor; then a column too many
    is left out, which makes the set smaller and not wrong. (The exact rank would tell, but takes
    minutes where the prime takes milliseconds.)
    """
    import flint

    parts, exponents = np.frexp(matrix.detach().double().cpu().reshape(-1).numpy())
    # modulo 2^61 - 1 the powers of two come round after 61
    shifts, whole = (exponents.astype(np.int64) % 61).tolist(), np.ldexp(parts, 53).tolist()
    entries = [(int(value) << shift) % _PRIME for value, shift in zip(whole, shifts, strict=True)]
    shape = matrix.shape[0], matrix.shape[1]
    reduced, rank = flint.nmod_mat(*shape, entries, _PRIME).rref()
    rows = ((int(reduced[i, j]) for j in range(matrix.shape[1])) for i in range(rank))
    return [next(j for j, value in enumerate(row) if value != 0) for row in rows]


_PRIME = 2**61 - 1


def _fmpq(matrix: np.ndarray) -> Any:
    import flint

    matrix = values_of(np.asarray(matrix))
    entries = [
        flint.fmpq(f.numerator, f.denominator) for f in map(Fraction, matrix.reshape(-1).tolist())
    ]
    return flint.fmpq_mat(matrix.shape[0], matrix.shape[1], entries)


def _exact_least_squares(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Solve HᵀH A = HᵀY on a maximal set of independent columns of H; the other rows of A are
    zero.
    """
    reduced, rank = _fmpq(features).rref()
    entries = [[reduced[i, j] for j in range(features.shape[1])] for i in range(rank)]
    pivots = [next(j for j, value in enumerate(row) if value != 0) for row in entries]
    head = np.full((features.shape[1], targets.shape[1]), Fraction(0), dtype=object)
    if pivots:
        columns = features[:, pivots]
        if is_tracked(features, targets):
            square = columns.T @ columns
            inverse = np.array(_fmpq(square).inv().tolist(), dtype=object)
            head[pivots] = tracked_inverse(square, _fractions(inverse)) @ (columns.T @ targets)
            return head
        solution = _fmpq(columns.T @ columns).solve(_fmpq(columns.T @ targets))
        head[pivots] = _fractions(np.array(solution.tolist(), dtype=object))
    return head


def _fractions(values: np.ndarray) -> np.ndarray:
    """FLINT's rationals as Python's."""
    return np.vectorize(lambda value: Fraction(int(value.p), int(value.q)), otypes=[object])(values)


def _batched(function: Any, *operands: np.ndarray) -> np.ndarray:
    kind = type(operands[0])
    operands = tuple(np.asarray(x) for x in operands)
    lead = operands[0].shape[:-2]
    if not lead:
        return np.asarray(function(*operands), dtype=object).view(kind)
    results = [function(*(x[index] for x in operands)) for index in np.ndindex(*lead)]
    return np.array(results, dtype=object).reshape(*lead, *results[0].shape).view(kind)
