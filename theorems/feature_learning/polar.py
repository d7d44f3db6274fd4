"""How far a computed polar factor, or a computed spin, can be from the exact one: verified after the fact."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from impl.readouts import ReadoutEnsemble
from impl.whitening import WeightMotion, WeightStep, polar, spin
from theorems.rounding import Ball
from theorems.rounding.enclosures import enclose, given
from theorems.rounding.projection import _norm, _smallest_singular_value


def _eye(size: int, like: Tensor) -> Tensor:
    return torch.eye(size, dtype=torch.float64, device=like.device)


def _defect(columns: Tensor) -> Tensor:
    """‖QᵀQ − I‖_F, bounded (…)."""
    return _norm(Ball(columns).mT @ Ball(columns) - _eye(columns.shape[-1], columns))


def _smallest(matrix: Ball) -> Tensor:
    """A proved lower bound on σ_min of a matrix of full rank, wide or tall; 0 if none (…)."""
    tall = matrix if matrix.shape[-2] >= matrix.shape[-1] else matrix.mT
    return _smallest_singular_value(tall, torch.linalg.pinv(tall.center))


def _off_null_space(weight: Ball, columns: Tensor) -> Tensor:
    """Distance (Frobenius) of computed columns from an orthonormal basis of the null space of Wᵀ, W of full column rank (…).

    The part in the column space of W is at most ‖WᵀN‖/σ_min(W) = a; making the rest orthonormal moves it by at most ‖NᵀN − I‖ + a².
    """
    a = _norm(weight.mT @ Ball(columns)) / _smallest(weight)
    return (a + _defect(columns) + a * a) * (1 + 1e-12)


def _completed(before: Ball, after: Ball) -> Ball:
    """W₁W₂ᵀ, made invertible where d_out > d_in: plus t N₁N₂ᵀ for bases N₁, N₂ of the null spaces of W₁ᵀ and W₂ᵀ.

    That leaves polar(·)W₂ alone, since N₂ᵀW₂ = 0.
    """
    product = before @ after.mT
    rows, columns = before.shape[-2:]
    if rows <= columns:
        return product
    left, values, right = torch.linalg.svd(product.center)
    n1, n2 = left[..., columns:], right.mT[..., columns:]
    t = values[..., columns - 1, None, None]
    e1, e2 = _off_null_space(before, n1), _off_null_space(after, n2)
    fill = Ball(n1) @ Ball(n2).mT * t
    error = (e1 * (1 + e2) + e2)[..., None, None] * t * (1 + 1e-12)
    return product + Ball(fill.center, fill.error + error.nan_to_num(nan=math.inf))


def _least_eigenvalue(symmetric: Tensor) -> Tensor:
    """A proved lower bound on λ_min of a symmetric matrix, from its computed eigenvectors (…); negative where there is none."""
    values, vectors = torch.linalg.eigh(symmetric)
    residual = Ball(symmetric) - (Ball(vectors) * values[..., None, :]) @ Ball(vectors).mT
    bound: Tensor = values[..., 0] * (1 - _defect(vectors)) - _norm(residual)
    return bound


def polar_radius(before: Ball, after: Ball) -> Tensor:
    r"""A bound on ‖Q̂ − Q‖_F for the computed Q̂ = polar(W₁W₂ᵀ) and an exact one (infinite where σ_min is not proved positive) (…).

    Q̂ is within δ = ‖Q̂ᵀQ̂ − I‖ of an orthogonal Q̃, the polar factor of Ã = Q̃S with S the symmetric part of Q̂ᵀA; and by R.-C. Li
    (SIAM J. Matrix Anal. Appl. 16, 1995) ‖Q̃ − Q‖_F ≤ 2‖Ã − A‖_F/(σ_min(Ã) + σ_min(A)).
    """
    matrix = _completed(before, after)
    factor = polar(matrix.center)
    stretch = factor.mT @ matrix.center
    stretch = (stretch + stretch.mT) / 2
    delta = _defect(factor)
    gap = _norm(matrix - Ball(factor) @ Ball(stretch)) + delta * _norm(Ball(stretch))
    least = _least_eigenvalue(stretch)
    sigma = least - gap
    radius = (delta + 2 * gap / (least + sigma)) * (1 + 1e-12)
    return torch.where((sigma > 0) & (delta < 1), radius, math.inf).nan_to_num(nan=math.inf)


def vertical_radius(weight: Ball, velocity: Ball) -> Tensor:
    r"""A bound on ‖Ω̂W − ΩW‖_F for the computed spin Ω̂ (…).

    E = Ω̂ − Ω solves EM + ME = the residual; in the eigenbasis of M = WWᵀ, |E_ij| √m_j ≤ |residual_ij| √m_j/(m_i + m_j), hence ‖EW‖_F is at most
    the residual's norm over the smallest singular value of W, which must have full rank.
    """
    square, right = weight @ weight.mT, velocity @ weight.mT - weight @ velocity.mT
    omega = Ball(spin(weight.center, velocity.center))
    return _norm(omega @ square + square @ omega - right) / _smallest(weight) * (1 + 1e-12)


@enclose.register
def _step(step: WeightStep) -> WeightStep:
    balls = step.map(given)
    radius = polar_radius(balls.before, balls.after)[..., None, None].expand_as(step.rotation)
    return replace(balls, rotation=Ball(step.rotation, radius))


@enclose.register
def _motion(motion: WeightMotion) -> WeightMotion:
    balls = motion.map(given)
    product = Ball(spin(motion.weight.double(), motion.velocity.double())) @ balls.weight
    radius = vertical_radius(balls.weight, balls.velocity)[..., None, None] + product.error
    return replace(balls, vertical=Ball(motion.vertical, radius.nan_to_num(nan=math.inf)))


@enclose.register
def _ensemble(ensemble: ReadoutEnsemble) -> ReadoutEnsemble:
    balls = ensemble.map(given)
    # reverse mode multiplies (Y A)ᵀ by H; the bound of the two products is the same in either order
    model = balls.readouts.mT @ balls.targets.mT @ balls.features
    return replace(balls, weight_grads=Ball(ensemble.weight_grads, model.radius))
