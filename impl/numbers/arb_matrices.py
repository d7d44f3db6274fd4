"""Norms, roots, eigenvalues and ranks of matrices of balls, each with proof: whatever approximation
is used, what comes back encloses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import acb_mat, arb, arb_mat, ctx

from theorems.impl.numbers.arb_arrays import (
    ArbArray,
    UndecidableError,
    arb_array,
    as_matrix,
    filled,
)


def norm(matrix: ArbArray) -> arb:
    """An upper bound on the Frobenius norm, as an exact ball."""
    total = sum((entry * entry for entry in np.asarray(matrix).flat), arb(0))
    return total.abs_upper().sqrt().upper() if total.is_finite() else arb("inf")


def _sharp(matrix: ArbArray) -> ArbArray:
    """Midpoints: exact numbers that need no longer enclose anything."""
    return filled([value.mid() for value in np.asarray(matrix).flat], matrix.shape)


def symmetric_root(matrix: ArbArray) -> ArbArray:
    r"""The positive definite square root of every symmetric positive definite matrix (n, n) in the
    ball, multiple eigenvalues or not.

    For any symmetric X, E = M^½ − X solves M^½E + EX = M − X², so :math:`\|E\|_F \le \|M - X^2\|_F
    / \lambda_{\min}(X)` where X is positive definite. X is the symmetric polar factor of Cholesky's
    Lᵀ, computed on midpoints; nothing of it is trusted.

    Raises:
        UndecidableError: if M might not be positive definite.
    """
    with ctx.workprec(2 * ctx.prec + 64):
        upper = _cholesky(_sharp(matrix))
        x = _orthogonal_factor(upper).mT @ upper
        x = _sharp(arb_array((x + x.mT) * 0.5))
    return x.widened(norm(arb_array(matrix - x @ x)) / smallest_eigenvalue(x))


def _cholesky(matrix: ArbArray) -> ArbArray:
    """The upper triangular R with RᵀR = M, midpoints only."""
    rest, rows = matrix, []
    for k in range(matrix.shape[-1]):
        pivot = rest[:1, :1]
        if not pivot.item() > 0:
            raise UndecidableError("expected a positive definite matrix, got one that might not be")
        row = _sharp(rest[:1] / pivot.sqrt())
        rows.append([arb(0)] * k + list(np.asarray(row).flat))
        rest = _sharp(arb_array(rest[1:, 1:] - row[:, 1:].mT @ row[:, 1:]))
    return arb_array(rows)


def _orthogonal_factor(matrix: ArbArray) -> ArbArray:
    """The orthogonal polar factor by Newton's scaled iteration X ← (γX + X^{-T}/γ)/2, midpoints
    only.
    """
    x = _sharp(matrix)
    for _ in range(200):
        back = _sharp(x.inverse().mT)
        scale = (norm(back) / norm(x)).sqrt().mid()
        better = _sharp((x * scale + back / scale) * 0.5)
        moved = norm(arb_array(better - x))
        x = better
        # it converges quadratically: the next step is below every digit
        if moved < arb(2) ** (-ctx.prec // 2):
            break
    return x


def smallest_eigenvalue(matrix: ArbArray) -> arb:
    """A proved positive lower bound on the eigenvalues of every symmetric matrix in the ball:
    1/‖M⁻¹‖, and positive pivots.

    Raises:
        UndecidableError: if one of them might not be positive definite.
    """
    rest = matrix
    # Schur complements: all pivots are positive iff M is positive definite
    for _ in range(matrix.shape[-1]):
        pivot = rest[:1, :1]
        if not pivot.item() > 0:
            raise UndecidableError("expected a positive definite matrix, got one that might not be")
        rest = rest[1:, 1:] - rest[1:, :1] @ (rest[:1, 1:] / pivot)
    return (1 / norm(matrix.inverse())).lower()


def symmetric_eigenvalues(matrix: ArbArray) -> list[arb]:
    """Enclosures of the eigenvalues of a symmetric matrix, in decreasing order of their midpoints,
    multiple ones included.

    By Arb's certified solver, whose radii shrink with the precision; where it gives up, as
    `eigenvalues`.
    """
    even = as_matrix((matrix + matrix.mT) * 0.5)
    try:
        found = [value.real for value in acb_mat(even).eig(multiple=True)]
    except ValueError:
        return eigenvalues(even)
    return sorted(found, key=lambda value: value.mid(), reverse=True)


def proved_rank(matrix: ArbArray, most: int) -> tuple[int, arb]:
    """A proved lower bound on the rank of every matrix in the ball, up to ``most``, and a bound on
    what elimination leaves after as many steps.

    Complete pivoting: every pivot that is proved not to be zero counts, and the Schur complement
    after k of them is zero iff the rank is k.
    """
    rest = matrix
    for count in range(most):
        if 0 in rest.shape:
            return count, arb(0)
        lower = np.vectorize(lambda value: float(value.abs_lower()), otypes=[float])(
            np.asarray(rest)
        )
        i, j = np.unravel_index(int(lower.argmax()), lower.shape)
        if not abs(rest[i, j].item()) > 0:
            return count, norm(rest)
        rows, columns = (
            [k for k in range(n) if k != p] for n, p in zip(rest.shape, (i, j), strict=True)
        )
        across = rest[[i]][:, columns] / rest[i, j]
        rest = rest[rows][:, columns] - rest[rows][:, [j]] @ across
    return most, norm(rest) if 0 not in rest.shape else arb(0)


def polar(matrix: ArbArray) -> ArbArray:
    """The orthogonal polar factor A(AᵀA)^{-½} of every square matrix in the ball; raises where one
    might be singular.
    """
    return matrix @ symmetric_root(matrix.mT @ matrix).inverse()


def orthonormal(columns: ArbArray) -> ArbArray:
    """The Gram–Schmidt frame of independent columns (n, k): orthonormal without rounding,
    enclosed.
    """
    done: list[Any] = []
    for j in range(columns.shape[-1]):
        v = columns[:, j]
        for u in done:
            v = v - u * (u * columns[:, j]).sum(-1)
        length = (v * v).sum(-1).sqrt()
        if not length > 0:
            raise UndecidableError("expected independent columns, got some that might not be")
        done.append(v / length)
    return np.stack([np.asarray(u) for u in done], -1).view(ArbArray)


def eigenvalues(matrix: arb_mat) -> list[arb]:
    """Enclosures of the eigenvalues of a symmetric matrix of balls, in decreasing order; multiple
    ones included.

    With any V, VᵀV = I + F and VᵀKV = Λ + R: by Ostrowski and Weyl λ_j(K) lies in (Λ_j ± ‖R‖)/(1 ±
    ‖F‖). V is the floating-point answer.
    """
    size = matrix.nrows()
    middle = np.array([[float(matrix[i, j].mid()) for j in range(size)] for i in range(size)])
    approximate, vectors = np.linalg.eigh((middle + middle.T) / 2)
    v = arb_mat(vectors.tolist())
    rest = v.transpose() * matrix * v
    frame = v.transpose() * v
    for i in range(size):
        rest[i, i] -= arb(float(approximate[i]))
        frame[i, i] -= 1
    off, skew = _frobenius(rest), _frobenius(frame)
    if not skew < 1:
        return [arb("nan")] * size
    return [
        (arb(float(value)) + arb(0, off)) / (1 + arb(0, skew)) for value in reversed(approximate)
    ]


def _frobenius(matrix: arb_mat) -> arb:
    return (
        sum((entry * entry for row in matrix.tolist() for entry in row), arb(0))
        .abs_upper()
        .sqrt()
        .upper()
    )
