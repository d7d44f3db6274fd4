"""Projections and ranks, on floats, on exact numbers, and on whatever brings its own."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impl.operands import Operand, is_exact


def least_squares(features: Operand, targets: Operand) -> Operand:
    """The least-squares head of smallest norm: H⁺Y, (…, d, C) from (…, N, d) and (…, N, C).

    Exact operands: any solution of the normal equations, over the rationals.
    """
    if is_exact(features):
        return _batched(_exact_least_squares, features, targets)
    if isinstance(features, Tensor):
        inverse = torch.linalg.pinv(features)
        head = inverse @ targets
        return head + inverse @ (targets - features @ head)  # one refinement: the residual is orthogonal to rounding
    return features.least_squares(targets)


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
    """Indices of linearly independent columns of a float matrix that span the others, judged without rounding.

    Floats are integers times a power of two. Pivots modulo a 61-bit prime are independent for certain. That they span
    the rest fails only if the prime divides a minor; then a column too many is left out, which makes the set smaller and not wrong. (The exact
    rank would tell, but takes minutes where the prime takes milliseconds.)
    """
    import flint

    exact = [Fraction(value) for value in matrix.detach().double().cpu().reshape(-1).tolist()]
    scale = max((value.denominator for value in exact), default=1)  # powers of two: the largest is the common one
    whole = flint.fmpz_mat(matrix.shape[0], matrix.shape[1], [int(value * scale) for value in exact])
    reduced, rank = flint.nmod_mat(whole, 2**61 - 1).rref()
    rows = ([int(reduced[i, j]) for j in range(matrix.shape[1])] for i in range(rank))
    return [next(j for j, value in enumerate(row) if value != 0) for row in rows]


def _fmpq(matrix: np.ndarray) -> Any:
    import flint

    entries = [flint.fmpq(f.numerator, f.denominator) for f in map(Fraction, matrix.reshape(-1).tolist())]
    return flint.fmpq_mat(matrix.shape[0], matrix.shape[1], entries)


def _exact_least_squares(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Solve HᵀH A = HᵀY on a maximal set of independent columns of H; the other rows of A are zero."""
    reduced, rank = _fmpq(features).rref()
    entries = [[reduced[i, j] for j in range(features.shape[1])] for i in range(rank)]
    pivots = [next(j for j, value in enumerate(row) if value != 0) for row in entries]
    head = np.full((features.shape[1], targets.shape[1]), Fraction(0), dtype=object)
    if pivots:
        columns = features[:, pivots]
        solution = _fmpq(columns.T @ columns).solve(_fmpq(columns.T @ targets))
        for row, pivot in enumerate(pivots):
            for column in range(targets.shape[1]):
                value = solution[row, column]
                head[pivot, column] = Fraction(int(value.p), int(value.q))
    return head


def _batched(function: Any, *operands: np.ndarray) -> np.ndarray:
    lead = operands[0].shape[:-2]
    if not lead:
        return np.asarray(function(*operands), dtype=object)
    results = [function(*(x[index] for x in operands)) for index in np.ndindex(*lead)]
    return np.array(results, dtype=object).reshape(*lead, *results[0].shape)
