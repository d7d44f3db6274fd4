"""Least squares and projections on balls, verified after the fact: no trust in the solver, no rank guessed."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from impl import linalg
from theorems.rounding import Ball


def _norm(ball: Ball) -> Tensor:
    """An upper bound on the Frobenius norm of every matrix in the ball, (…)."""
    return torch.linalg.matrix_norm(ball.magnitude) * (1 + 1e-12)


def _column_norms(ball: Ball) -> Tensor:
    return torch.linalg.vector_norm(ball.magnitude, dim=-2, keepdim=True) * (1 + 1e-12)


def _smallest_singular_value(inverse: Tensor, matrix: Ball) -> Tensor:
    """A proved lower bound on σ_min of every matrix in the ball, from an approximate left inverse X; 0 if none (…).

    ‖I − XH‖ ≤ t < 1 gives σ_min(H) ≥ (1 − t)/‖X‖.
    """
    defect = Ball(inverse) @ matrix - torch.eye(matrix.shape[-1], dtype=torch.float64, device=inverse.device)
    gap = 1 - _norm(defect)
    return torch.where(gap > 0, gap / _norm(Ball(inverse)), 0.0)


def _solve(features: Ball, targets: Ball) -> tuple[Tensor, Ball, Tensor]:
    """Head A, normal residual Hᵀ(Y − HA) as a ball, and a lower bound on σ_min(H)."""
    inverse = torch.linalg.pinv(features.center)
    head = inverse @ targets.center
    head = head + inverse @ (targets.center - features.center @ head)
    normal = features.mT @ (targets - features @ Ball(head))
    return head, normal, _smallest_singular_value(inverse, features)


def _without_dead_columns(features: Ball) -> Ball:
    """Columns that are exactly zero span nothing (unbatched only: elsewhere they differ from network to network)."""
    alive = (features.magnitude != 0).any(-2)
    return features[:, alive] if features.center.ndim == 2 and bool(alive.any()) else features


def rank_in_doubt(features: Ball) -> bool:
    """Whether neither full column rank nor full row rank is proved: then float64 cannot tell the column space."""
    features = _without_dead_columns(features)
    if not bool(features.magnitude.any()):
        return False
    return not (has_full_column_rank(features) or has_full_column_rank(features.mT))


def _around(computed: Tensor, low: Tensor, high: Tensor) -> Ball:
    """The value that torch computes, with a radius that reaches from it to wherever the exact one is proved to lie."""
    radius = torch.maximum((computed - low).abs(), (high - computed).abs()) * (1 + 1e-15)
    return Ball(computed, radius.nan_to_num(nan=math.inf))


def project(features: Ball, targets: Ball) -> Ball:
    r"""P_H Y for every H and Y in the balls; infinite radius where the rank of H is not beyond doubt.

    Full column rank: |P_H(Y − HA)| ≤ ‖Hᵀ(Y − HA)‖/σ_min for whatever A the solver returned. Full row rank: P_H = I.
    The center is what `impl.linalg.project` computes on the centers, so that the ball covers a measurement as well.
    """
    computed = linalg.project(features.center, targets.center)
    features = _without_dead_columns(features)
    if not bool(features.magnitude.any()):
        return _around(computed, zero := torch.zeros_like(computed), zero)
    if has_full_column_rank(features.mT):
        return _around(computed, targets.center - targets.error, targets.center + targets.error)
    if features.shape[-2] < features.shape[-1]:
        return Ball(computed, torch.full_like(computed, math.inf))
    head, normal, sigma = _solve(features, targets)
    image = features @ Ball(head)
    off = image.error + _column_norms(normal) / sigma[..., None, None]
    return _around(computed, image.center - off, image.center + off)


def unexplained(features: Ball, targets: Ball) -> Ball:
    r"""‖(I − P_H)Y‖_F² for every H and Y in the balls: quadratically better than through `project`.

    With W = Y − HA for whatever A, ‖(I − P_H)Y‖² = ‖W‖² − ‖P_H W‖² and ‖P_H W‖ ≤ ‖HᵀW‖/σ_min.
    """
    computed = linalg.unexplained(features.center, targets.center)
    features = _without_dead_columns(features)
    whole = linalg.squared_norm(targets)
    if not bool(features.magnitude.any()):
        return _around(computed, whole.center - whole.error, whole.center + whole.error)
    if has_full_column_rank(features.mT):
        return _around(computed, zero := torch.zeros_like(computed), zero)
    if features.shape[-2] < features.shape[-1]:
        return Ball(computed, torch.full_like(computed, math.inf))
    head, normal, sigma = _solve(features, targets)
    left = linalg.squared_norm(targets - features @ Ball(head))
    off = (_norm(normal) / sigma) ** 2 * (1 + 1e-12)
    return _around(computed, left.center - left.error - off, left.center + left.error)


def least_squares(features: Ball, targets: Ball) -> Ball:
    """H⁺Y for every H of full column rank in the ball: error at most ‖Hᵀ(Y − HA)‖/σ_min²."""
    computed = linalg.least_squares(features.center, targets.center)
    if features.shape[-2] < features.shape[-1]:
        return Ball(computed, torch.full_like(computed, math.inf))
    head, normal, sigma = _solve(features, targets)
    off = _column_norms(normal) / sigma[..., None, None] ** 2
    return _around(computed, head - off, head + off)


def has_full_column_rank(matrix: Ball) -> bool:
    """Whether every matrix in the ball is proved to have independent columns."""
    if matrix.shape[-2] < matrix.shape[-1]:
        return False
    return bool((_smallest_singular_value(torch.linalg.pinv(matrix.center), matrix) > 0).all())


def inverse(matrix: Ball) -> Ball:
    r"""M⁻¹ for every M in the ball; infinite radius where one of them might be singular.

    With an approximate inverse X and T = I − XM, ‖T‖_∞ ≤ t < 1: M⁻¹ − X = Σ_{k≥1} T^k X, so entrywise
    |M⁻¹ − X| ≤ |T||X| + t²/(1−t) · max of |X| down each column.
    """
    approximate = torch.linalg.inv_ex(matrix.center)[0].nan_to_num(posinf=0.0, neginf=0.0)
    size = matrix.shape[-1]
    defect = (Ball(approximate) @ matrix - torch.eye(size, dtype=torch.float64, device=approximate.device)).magnitude
    top = defect.sum(-1).amax(-1)[..., None, None] * (1 + 1e-12)
    tail = top * top / (1 - top).clamp(min=1e-300) * approximate.abs().amax(-2, keepdim=True)
    radius = (defect @ approximate.abs() + tail) * (1 + 1e-12)
    return Ball(approximate, torch.where(top < 1, radius, math.inf), matrix.unit)
