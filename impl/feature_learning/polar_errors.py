"""Polar factors and spins, and how far a computed one can be from the exact one: verified after the
fact.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from theorems.impl.instances.measured import given
from theorems.impl.numbers.linalg import least_squares
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.rounded import Ball, gamma
from theorems.impl.numbers.rounded_matrices import _norm, _smallest_singular_value


def polar(matrix: Tensor) -> Tensor:
    """The orthogonal polar factor U Vᵀ of A = U S Vᵀ (…, n, n), by singular value decomposition;
    one of them if A is singular.
    """
    factors = torch.linalg.svd(matrix)
    factor: Tensor = factors.U @ factors.Vh
    return factor


def spin(weight: Operand, velocity: Operand) -> Operand:
    """An Ω with ΩM + MΩ = dW Wᵀ − W dWᵀ, M = WWᵀ: the rate at which dW turns the frame of the rows
    (…, d_out, d_out).

    ΩW is unique. Exact operands: solved over the rationals (one matrix); floats: in the eigenbasis
    of M, refined once.
    """
    square, right = weight @ weight.mT, velocity @ weight.mT - weight @ velocity.mT
    if is_exact(weight):
        n = len(square)
        eye = np.eye(n, dtype=int).astype(object)
        return least_squares(
            np.kron(eye, square) + np.kron(square, eye), right.reshape(-1, 1)
        ).reshape(n, n)
    values, vectors = torch.linalg.eigh(square)
    sums = values[..., :, None] + values[..., None, :]
    cut = values.shape[-1] * torch.finfo(values.dtype).eps * values[..., -1:, None]
    factor = torch.where(sums > cut, 1 / torch.where(sums > cut, sums, 1.0), 0.0)

    def solve(rhs: Tensor) -> Tensor:
        solution: Tensor = vectors @ ((vectors.mT @ rhs @ vectors) * factor) @ vectors.mT
        return solution

    omega = solve(right)
    return omega + solve(right - omega @ square - square @ omega)


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
    """Distance (Frobenius) of computed columns from an orthonormal basis of the null space of Wᵀ, W
    of full column rank (…).

    The part in the column space of W is at most ‖WᵀN‖/σ_min(W) = a; making the rest orthonormal
    moves it by at most ‖NᵀN − I‖ + a².
    """
    a = _norm(weight.mT @ Ball(columns)) / _smallest(weight)
    return (a + _defect(columns) + a * a) * (1 + 1e-12)


def _completed(before: Ball, after: Ball) -> Ball:
    """W₁W₂ᵀ, made invertible where d_out > d_in: plus t N₁N₂ᵀ for bases N₁, N₂ of the null spaces
    of W₁ᵀ and W₂ᵀ.

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
    """A proved lower bound on λ_min of a symmetric matrix, from its computed eigenvectors (…);
    negative where there is none.
    """
    values, vectors = torch.linalg.eigh(symmetric)
    residual = Ball(symmetric) - (Ball(vectors) * values[..., None, :]) @ Ball(vectors).mT
    bound: Tensor = values[..., 0] * (1 - _defect(vectors)) - _norm(residual)
    return bound


def polar_radius(before: Ball, after: Ball) -> Tensor:
    r"""A bound on ‖Q̂ − Q‖_F for the computed Q̂ = polar(W₁W₂ᵀ) and an exact one (infinite where
    σ_min is not proved positive) (…).

    Q̂ is within δ = ‖Q̂ᵀQ̂ − I‖ of an orthogonal Q̃, the polar factor of Ã = Q̃S with S the
    symmetric part of Q̂ᵀA; and by R.-C. Li (SIAM J. Matrix Anal. Appl. 16, 1995) ‖Q̃ − Q‖_F ≤ 2‖Ã −
    A‖_F/(σ_min(Ã) + σ_min(A)).
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


def vertical_radius(weight: Ball, velocity: Ball, spun: Tensor | None = None) -> Tensor:
    r"""A bound on ‖Ω̂W − ΩW‖_F for the computed spin Ω̂ (…): ``spun``, else that of the centres.

    E = Ω̂ − Ω solves EM + ME = the residual; in the eigenbasis of M = WWᵀ, |E_ij| √m_j ≤
    |residual_ij| √m_j/(m_i + m_j), hence ‖EW‖_F is at most the residual's norm over the smallest
    singular value of W, which must have full rank.
    """
    square, right = weight @ weight.mT, velocity @ weight.mT - weight @ velocity.mT
    omega = Ball(spin(weight.center, velocity.center) if spun is None else spun)
    return _norm(omega @ square + square @ omega - right) / _smallest(weight) * (1 + 1e-12)


# -- a measured rotation ---------------------------------------------------------------------------


def _backward(rows: int) -> float:
    """What a singular value decomposition of an n × n matrix leaves: ‖UᵀU − I‖_F, ‖A −
    USVᵀ‖_F/‖A‖_F; as for a frame in `impl.instances.precise`.
    """
    return gamma(16 * max(rows, 2) ** 2)


def _size(matrix: Tensor) -> Tensor:
    return torch.linalg.matrix_norm(matrix.double())


def rotation_radius(before: Ball, after: Ball) -> Tensor:
    r"""How far a computed Q̂ = polar(W₁W₂ᵀ) may be off as far as Procrustes' conditions see it,
    entry by entry (…).

    Where `polar_radius` bounds the distance from the exact factor by less, that counts. Else: Q̂ is
    orthogonal, Q̂W₂W₁ᵀ symmetric and positive, up to ε‖W₁‖‖W₂‖, ε = γ(16n²), and ⟨Q̂, W₁W₂ᵀ⟩ within
    as much of its maximum, however near to singular W₁W₂ᵀ is (the decomposition is backward
    stable). A radius of ε‖W₁‖_F/(the least norm of a row) covers the first three, one of 2√ε the
    last. A statement about Q̂ itself needs its distance from the exact factor: see `turned`.
    """
    exact = polar_radius(before, after)
    w1, w2 = before.magnitude, after.magnitude
    epsilon = _backward(before.shape[-2])
    lengths = torch.linalg.vector_norm(w1, dim=-1)
    least = torch.where(lengths > 0, lengths, math.inf).amin(-1)
    graded = epsilon * _size(w1) / least
    sizes = _size(w2)
    stretch = torch.where(sizes > 0, _size(w1) / sizes.clamp(min=1e-300), 1.0).clamp(min=1.0)
    stable = torch.maximum(graded, 2 * (epsilon * stretch).sqrt())
    return torch.minimum(exact, stable)


def turned(rotation: Tensor, step: Tensor, before: Tensor, after: Tensor) -> Tensor:
    r"""Another polar factor of W₁W₂ᵀ + E, ‖E‖ ≤ ε‖W₁‖‖W₂‖: Q turned by an angle of about
    8ε‖W₁‖‖W₂‖/(σ_i + σ_j) in each plane of singular vectors.
    """
    factors = torch.linalg.svd(before.double() @ after.double().mT)
    sums = factors.S[..., :, None] + factors.S[..., None, :]
    noise = 8 * _backward(before.shape[-2]) * (_size(before) * _size(after))[..., None, None]
    inside = factors.U.mT @ step @ factors.Vh.mT
    skew = (inside - inside.mT) / 2 * (noise / sums.clamp(min=1e-300)).clamp(max=1.0)
    eye = _eye(skew.shape[-1], skew)
    cayley = torch.linalg.solve(eye - skew / 2, eye + skew / 2)
    return factors.U @ cayley @ factors.U.mT @ rotation


_SPUN: WeakKeyDictionary[Any, tuple[Tensor, Tensor]] = WeakKeyDictionary()


def remember(motion: Any, spun: Tensor, radius: Tensor) -> None:
    """Keep the spin of a motion and its `vertical_radius`, which whoever made it has computed, as
    long as the motion lives.
    """
    _SPUN[motion] = spun, radius


def enclosed_motion(motion: Any) -> Any:
    """The vertical part within `vertical_radius` of the exact one."""
    balls, known = motion.map(given), _SPUN.get(motion)
    spun = spin(motion.weight.double(), motion.velocity.double()) if known is None else known[0]
    product = Ball(spun) @ balls.weight
    off = vertical_radius(balls.weight, balls.velocity, spun) if known is None else known[1]
    radius = off[..., None, None] + product.error
    return replace(balls, vertical=Ball(motion.vertical, radius.nan_to_num(nan=math.inf)))
