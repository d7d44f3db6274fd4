"""Least squares and projections on balls, verified after the fact: no trust in the solver, no rank
guessed.

The center is what `impl.numbers.linalg` computes on tensors, bit for bit, so the radius bounds the
error of that computation too.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from theorems.impl.numbers.linalg import pseudo_inverse, refined_head, squared_norm
from theorems.impl.numbers.rounded import UNIT, Ball

_TINY = torch.finfo(torch.float64).tiny


def _up(value: Tensor, terms: int = 1) -> Tensor:
    """An upper bound on what ``terms`` operations on numbers that are not negative came out as."""
    return value * (1 + 4 * (terms + 4) * UNIT) + _TINY


def _norm(ball: Ball, axes: tuple[int, ...] = (-2, -1)) -> Tensor:
    """An upper bound on the 2-norm over ``axes`` of whatever is in the ball; scaled, so that
    squares neither over- nor underflow.
    """
    top = ball.magnitude.amax(axes, keepdim=True)
    unit = torch.where((top > 0) & top.isfinite(), top, 1.0)
    return _up(
        torch.linalg.vector_norm(ball.magnitude / unit, dim=axes) * unit.squeeze(axes),
        ball.center.numel(),
    )


def _smallest_singular_value(matrix: Ball, inverse: Tensor) -> Tensor:
    """A proved lower bound on σ_min of every matrix in the ball, from an approximate left inverse
    X; 0 if none (…).

    ‖I − XH‖ ≤ t < 1 gives σ_min(H) ≥ (1 − t)/‖X‖.
    """
    defect = Ball(inverse) @ matrix - torch.eye(
        matrix.shape[-1], dtype=torch.float64, device=inverse.device
    )
    bound = (1 - _norm(defect)) / _norm(Ball(inverse)) * (1 - 8 * UNIT)
    return torch.where(bound > _TINY, bound, 0.0)


def _without_dead_columns(features: Ball, inverse: Tensor) -> tuple[Ball, Tensor]:
    """Columns that are exactly zero span nothing (unbatched only: elsewhere they differ from
    network to network).
    """
    alive = (features.magnitude != 0).any(-2)
    if features.center.ndim > 2 or bool(alive.all()) or not bool(alive.any()):
        return features, inverse
    return features[:, alive], inverse[alive]


def _explained(features: Ball, rest: Ball, sigma: Tensor) -> Tensor:
    r"""Upper bounds on the norms of the columns of P_H W, (…, C), for every H and W in the balls.

    Q is an orthonormal basis of nearly col(H): a unit vector of col(H) is at most t = ‖H −
    QQᵀH‖/σ_min(H) off col(Q), so ‖P_H w‖ ≤ ‖Qᵀw‖/(1 − ‖I − QᵀQ‖) + t‖w‖. Through Hᵀ in place of Qᵀ
    the bound would grow with the square of the condition.
    """
    lengths = _norm(rest, (-2,))
    if not bool(features.center.isfinite().all()):
        return torch.full_like(lengths, math.inf)
    basis = Ball(torch.linalg.qr(features.center).Q)
    flat = 1 - _norm(
        basis.mT @ basis - torch.eye(basis.shape[-1], dtype=torch.float64, device=lengths.device)
    )
    tilt = _norm(features - basis @ (basis.mT @ features).center) / sigma
    bound = _norm(basis.mT @ rest, (-2,)) / flat[..., None] + tilt[..., None] * lengths
    return _infinite_unless(flat[..., None] > 0, _up(bound, 4))


def _infinite_unless(proved: Tensor, radius: Tensor) -> Tensor:
    return torch.where(proved, radius, math.inf).nan_to_num(nan=math.inf, posinf=math.inf)


def rank_in_doubt(features: Ball) -> bool:
    """Whether neither full column rank (zero columns left out) nor full row rank is proved: float64
    cannot tell the column space.
    """
    if not bool(features.magnitude.any()):
        return False
    inverse = pseudo_inverse(features.center)
    independent = _smallest_singular_value(*_without_dead_columns(features, inverse)) > 0
    return not bool(independent.all()) and not _reaches_everything(features, inverse)


def _reaches_everything(features: Ball, inverse: Tensor) -> bool:
    """Whether every matrix in the ball is proved to have full row rank."""
    if features.shape[-2] > features.shape[-1]:
        return False
    return bool((_smallest_singular_value(features.mT, inverse.mT) > 0).all())


def project(features: Ball, targets: Ball) -> Ball:
    r"""P_H Y for every H and Y in the balls; infinite radius where the rank of H is not beyond
    doubt.

    Full column rank: P_H Y = HA + P_H(Y − HA) for whatever A the solver returned. Full row rank:
    P_H = I.
    """
    if not bool(features.magnitude.any()):
        return Ball(torch.zeros_like(targets.center))
    inverse = pseudo_inverse(features.center)
    image = features @ Ball(refined_head(inverse, features.center, targets.center))
    rest = targets - image
    if _reaches_everything(features, inverse):
        return Ball(image.center, rest.magnitude)
    alive, left_inverse = _without_dead_columns(features, inverse)
    sigma = _smallest_singular_value(alive, left_inverse)
    off = _explained(alive, rest, sigma)[..., None, :]
    return Ball(image.center, _infinite_unless(sigma[..., None, None] > 0, _up(image.error + off)))


def unexplained(features: Ball, targets: Ball) -> Ball:
    r"""‖(I − P_H)Y‖_F² for every H and Y in the balls: quadratically better than through `project`.

    With W = Y − HA for whatever A, ‖(I − P_H)Y‖² = ‖W‖² − ‖P_H W‖².
    """
    if not bool(features.magnitude.any()):
        return squared_norm(targets)
    inverse = pseudo_inverse(features.center)
    rest = targets - features @ Ball(refined_head(inverse, features.center, targets.center))
    left: Ball = squared_norm(rest)
    if _reaches_everything(features, inverse):
        return Ball(left.center, left.magnitude)  # the exact value is 0
    alive, left_inverse = _without_dead_columns(features, inverse)
    sigma = _smallest_singular_value(alive, left_inverse)
    off = _explained(alive, rest, sigma)
    return Ball(
        left.center,
        _infinite_unless(sigma > 0, _up(left.error + _up((off * off).sum(-1), off.shape[-1]))),
    )


def least_squares(features: Ball, targets: Ball) -> Ball:
    """H⁺Y for every H of full column rank in the ball: ‖H⁺Y − A‖ ≤ ‖P_H(Y − HA)‖/σ_min; infinite
    radius for any other rank.
    """
    inverse = pseudo_inverse(features.center)
    head = refined_head(inverse, features.center, targets.center)
    sigma = _smallest_singular_value(features, inverse)
    off = _explained(features, targets - features @ Ball(head), sigma)
    radius = _up((off / sigma[..., None])[..., None, :].expand_as(head))
    return Ball(head, _infinite_unless(sigma[..., None, None] > 0, radius))


def has_full_column_rank(matrix: Ball) -> bool:
    """Whether every matrix in the ball is proved to have independent columns."""
    if matrix.shape[-2] < matrix.shape[-1]:
        return False
    return bool((_smallest_singular_value(matrix, pseudo_inverse(matrix.center)) > 0).all())


def inverse(matrix: Ball) -> Ball:
    r"""M⁻¹ for every M in the ball; infinite radius where one of them might be singular.

    With an approximate inverse X and T = I − XM, ‖T‖_∞ ≤ t < 1: M⁻¹ − X = Σ_{k≥1} T^k X, so
    entrywise
    |M⁻¹ − X| ≤ |T||X| + t²/(1−t) · max of |X| down each column.
    """
    approximate = torch.linalg.inv_ex(matrix.center)[0].nan_to_num(posinf=0.0, neginf=0.0)
    size = matrix.shape[-1]
    defect = (
        Ball(approximate) @ matrix - torch.eye(size, dtype=torch.float64, device=approximate.device)
    ).magnitude
    top = defect.sum(-1).amax(-1)[..., None, None] * (1 + 1e-12)
    tail = top * top / (1 - top).clamp(min=1e-300) * approximate.abs().amax(-2, keepdim=True)
    radius = (defect @ approximate.abs() + tail) * (1 + 1e-12)
    return Ball(approximate, torch.where(top < 1, radius, math.inf), matrix.unit)
