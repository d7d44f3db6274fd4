"""What is measured of some rows of a layer: ranks from the smaller side, the noise's from its
factors, the motion of WᵀW without forming it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from theorems.impl.feature_learning.features import centred
from theorems.impl.numbers.linalg import squared_norm

DIGITS = {torch.float64: 1e-10, torch.float32: 1e-5}
"""The share of the largest singular value that a format can tell from nothing; of narrower ones a
hundredth.
"""


def digits_of(dtype: torch.dtype) -> float:
    """See `DIGITS`."""
    return DIGITS.get(dtype, 1e-2)


def spectrum(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """Singular values of a float64 matrix (n, d), descending; of numbers that were narrower from
    the Gram matrix of the smaller side.

    Squares halve the digits: of the eight that float64 leaves, float32 asks for five.
    """
    if dtype == torch.float64:
        return torch.linalg.svdvals(matrix)
    wide = matrix.shape[-2] <= matrix.shape[-1]
    return _roots(matrix @ matrix.mT if wide else matrix.mT @ matrix)


def product_spectrum(left: Tensor, right: Tensor, dtype: torch.dtype) -> Tensor:
    """The singular values of L R, (n, k) times (k, d), that are not zero for its shape, descending,
    from the thin factors where that is less work: L R is never formed where k is much smaller.

    With L = Q L' and Rᵀ = P R'ᵀ, Q and P of orthonormal columns, they are those of L'R', (k, k).
    """
    (rows, inner), columns = left.shape, right.shape[-1]
    if dtype == torch.float64:
        if inner >= min(rows, columns):
            return torch.linalg.svdvals(left @ right)
        thin = torch.linalg.qr(left, mode="r").R
        return torch.linalg.svdvals(thin @ torch.linalg.qr(right.mT, mode="r").R.mT)
    formed = rows * columns * (inner + min(rows, columns))
    if formed <= inner * inner * columns + 2 * rows * inner * min(rows, inner):
        wide = torch.promote_types(dtype, torch.float32)  # as autograd would have formed it
        return spectrum((left.to(wide) @ right.to(wide)).double(), dtype)
    thin = left if rows <= inner else torch.linalg.qr(left, mode="r").R
    return _roots(thin @ (right @ right.mT) @ thin.mT)


def _roots(gram: Tensor) -> Tensor:
    return torch.linalg.eigvalsh((gram + gram.mT) / 2).clamp(min=0).sqrt().flip(-1)


def rank(values: Tensor, digits: float) -> float:
    """How many singular values exceed ``digits`` times the largest: what the format of the network
    can tell.
    """
    return float((values > digits * values[0]).sum()) if float(values[0]) > 0 else 0.0


def linearity(features: Tensor, labels: Tensor) -> float:
    """`target_linearity` by least squares without singular vectors, which is quicker than a
    pseudo-inverse and decides ranks alike; NaN for labels that do not vary.

    Not by the pivoted QR factorisation (``gelsy``): torch 2.13 leaves its choice of pivots to
    memory that it has not written, and it loses columns that are repeated.
    """
    labels = labels.to(features)
    if not bool((labels != labels[0]).any()):
        return math.nan
    if features.device.type != "cpu":
        from theorems.impl.feature_learning.features import target_linearity

        return float(target_linearity(labels, features))
    y = centred(labels)
    least = max(features.shape) * torch.finfo(features.dtype).eps
    head = torch.linalg.lstsq(features, y, rcond=least, driver="gelsd").solution
    return 1 - float(squared_norm(y - features @ head) / squared_norm(y))


def agreement(before: Tensor, gradient: Tensor, after: Tensor) -> float:
    """cos(ΔG, ΔV) of a weight that moved from ``before`` to ``after``, all (d_out, d_in): G = WᵀW,
    and V its motion along −∇_H at the point before, ΔV = −(WᵀE + EᵀW) with E = ∇_W L there.

    Wᵀ∇_W = ∇_Hᵀ H is the `feature_learning_equation`. With D = W₊ − W, ΔG = WᵀD + DᵀW + DᵀD. Where
    d_out is much the smaller side all inner products are those of (d_out, d_out) matrices.
    """
    wide = torch.promote_types(before.dtype, torch.float32)
    w, e = before.to(wide), gradient.to(wide)
    e = e / e.abs().amax().clamp(min=torch.finfo(wide).tiny)  # its squares may be too small
    d = after.to(wide) - w
    if w.shape[1] <= 2 * w.shape[0]:
        wd, we = w.mT @ d, w.mT @ e
        moved, virtual = wd + wd.mT + d.mT @ d, -(we + we.mT)
        product, first, second = _dot(moved, virtual), _dot(moved, moved), _dot(virtual, virtual)
    else:
        ww, wd, we, dd, de, ee = w @ w.mT, w @ d.mT, w @ e.mT, d @ d.mT, d @ e.mT, e @ e.mT
        product = -2 * (_dot(wd.mT, we + de) + _dot(ww, de))
        first = _dot(ww, dd) + _dot(dd, ww + wd + wd.mT + dd) + 2 * _dot(wd.mT, wd + dd)
        second = 2 * (_dot(ww, ee) + _dot(we.mT, we))
    size = math.sqrt(max(first, 0.0)) * math.sqrt(max(second, 0.0))
    return max(-1.0, min(1.0, product / size)) if size > 0 else math.nan


def _dot(one: Tensor, other: Tensor) -> float:
    return float((one.double() * other).sum())
