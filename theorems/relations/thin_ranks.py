"""That a matrix has a small rank, from thin factors of it: no decomposition of the whole, and the
same proof.
"""

from __future__ import annotations

import torch
from torch import Tensor

from theorems.impl.networks.spec import generator
from theorems.impl.numbers.rounded import UNIT, Ball, gamma
from theorems.impl.numbers.rounded_matrices import _norm
from theorems.relations.spectra import _defect, singular_values

MORE = 8
"""Columns of the factors beyond the rank that is asked for."""
THIN = 4
"""The factors have at most one in so many of the columns of the smaller side, or the whole is
decomposed.
"""
LEFT = 2.0**-6
"""What the factors leave of the matrix, as a share of what it may be off by: at most this."""


def thin_values(matrix: Ball, rank: int) -> tuple[Tensor, Tensor] | None:
    r"""The first rank + `MORE` singular values of M (…, n, m), and a proved bound on the error of
    each, from factors Q B of few columns; None where M is not near to such a product, or not large
    enough for that to be less work.

    Q is an orthonormal basis of M Ω for a Gaussian Ω, and B = QᵀM. What is left, E = M − QB, is
    measured: its norm is that of the computed difference and :math:`\gamma_k \|Q\|_F \|B\|_F`, what
    the product of k terms rounds. Then |σ_j(M) − σ_j(QB)| ≤ ‖E‖_F (Weyl), σ_j(QB) is σ_j(B) within
    :math:`1 \pm \|Q^\top Q - I\|` (Ostrowski), and those of B are enclosed by
    `theorems.relations.spectra.singular_values`. Nothing is assumed of Ω: an unlucky one leaves too
    much. The radius of M is in the bound; what E adds is at most `LEFT` of it.

    Source: Halko, Martinsson and Tropp, SIAM Review 53 (2011), for the basis; the bound is derived.
    """
    (rows, columns), count = matrix.shape[-2:], rank + MORE
    if matrix.radius is None or rank < 0 or THIN * count > min(rows, columns):
        return None
    center, off = matrix.center, _norm(Ball(matrix.radius))
    sketch = torch.randn(columns, count, generator=generator(0), dtype=torch.float64)
    basis = torch.linalg.qr(center @ sketch.to(center)).Q
    below = basis.mT @ center
    product = gamma(count + 4) * _norm(Ball(basis)) * _norm(Ball(below))
    left = (_norm(Ball(center - basis @ below)) * (1 + 4 * UNIT) + product) * (1 + 1e-12)
    if not bool((left <= LEFT * off).all() and off.isfinite().all()):  # NaN is no proof either
        return None
    values, errors = singular_values(Ball(below))
    stretch = _defect(basis)[..., None] + 4 * UNIT
    more = (left + off)[..., None]
    return values, ((values + errors) * stretch + errors + more) * (1 + 1e-12)
