"""Singular values and definiteness with proof: the decomposition is verified after the fact, no
solver is trusted.
"""

from __future__ import annotations

import flint
import numpy as np
import torch
from torch import Tensor

from theorems.impl.numbers.linalg import _fmpq
from theorems.impl.numbers.rounded import UNIT, Ball
from theorems.impl.numbers.rounded_matrices import _TINY, _norm

_SAFE = 1 + 1e-12
"""Covers the rounding of the radii's own norms."""


def _defect(basis: Tensor) -> Tensor:
    """‖QᵀQ − I‖_F, rounding included."""
    gram = Ball(basis).mT @ Ball(basis)
    return _norm(gram - torch.eye(basis.shape[-1], dtype=torch.float64, device=basis.device))


def _unknown(matrix: Ball, count: int) -> tuple[Tensor, Tensor]:
    """What is known of the spectrum of a matrix that overflowed: nothing."""
    values = torch.zeros(*matrix.shape[:-2], count, dtype=torch.float64)
    return values, values + torch.inf


def singular_values(matrix: Ball) -> tuple[Tensor, Tensor]:
    r"""Computed singular values (…, min(n, m)), descending, and a proved bound on the error of
    each.

    For whatever U, s, V the solver returned: :math:`M = U\,\mathrm{diag}(s) V^\top + R`, and σ_k(U
    diag(s) Vᵀ) lies between :math:`\sqrt{(1-e_U)(1-e_V)}\,s_k` and
    :math:`\sqrt{(1+e_U)(1+e_V)}\,s_k` with e = ‖QᵀQ − I‖ (Ostrowski); R and the ball's radius shift
    it by at most their Frobenius norms (Weyl).
    """
    if not bool(matrix.center.isfinite().all()):
        return _unknown(matrix, min(matrix.shape[-2:]))
    left, values, right = torch.linalg.svd(matrix.center, full_matrices=False)
    model = Ball(left * values[..., None, :], UNIT * (left * values[..., None, :]).abs()) @ Ball(
        right
    )
    residual = _norm(Ball(matrix.center) - model) + _norm(Ball(matrix.error))
    above, below = _defect(left), _defect(right.mT)
    high = ((1 + above) * (1 + below)).sqrt() - 1
    low = 1 - ((1 - above).clamp(min=0) * (1 - below).clamp(min=0)).sqrt()
    stretch = torch.maximum(high, low)[..., None] + 4 * UNIT
    return values, (values * stretch + residual[..., None]) * _SAFE + _TINY


def eigenvalues(matrix: Ball) -> tuple[Tensor, Tensor]:
    """Computed eigenvalues (…, n) of a symmetric matrix, ascending, and a proved bound on the error
    of each.
    """
    center = (matrix.center + matrix.center.mT) / 2
    if not bool(center.isfinite().all()):
        return _unknown(matrix, matrix.shape[-1])
    values, basis = torch.linalg.eigh(center)
    scaled = basis * values[..., None, :]
    residual = _norm(matrix - Ball(scaled, UNIT * scaled.abs()) @ Ball(basis.mT))
    stretch = _defect(basis)[..., None] + 4 * UNIT
    return values, (values.abs() * stretch + residual[..., None]) * _SAFE + _TINY


def positive_eigenvalues(matrix: np.ndarray) -> int:
    """How many eigenvalues of an exact symmetric matrix are positive.

    Its characteristic polynomial has real roots only, for which Descartes' rule of signs counts
    exactly.
    """
    numerator, _ = _fmpq(matrix).numer_denom()
    signs = [
        coefficient > 0
        for coefficient in flint.fmpz_mat(numerator).charpoly().coeffs()
        if coefficient != 0
    ]
    return sum(a != b for a, b in zip(signs[:-1], signs[1:], strict=True))


def is_semidefinite(matrix: np.ndarray) -> bool:
    """Whether an exact symmetric matrix has no negative eigenvalue."""
    matrix = np.asarray(matrix)
    return bool((matrix == matrix.T).all()) and positive_eigenvalues(-matrix) == 0
