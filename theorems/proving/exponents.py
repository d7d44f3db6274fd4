"""Symbolic instances of spectra with drawn exponents: powers of two by any real logarithms and
powers.
"""

from __future__ import annotations

from theorems.impl.preconditioning.aligned import AlignedTeacher
from theorems.impl.preconditioning.linear_students import PoweredCovariance
from theorems.impl.symbolic.source import SymbolicSource


def powered_covariance(source: SymbolicSource) -> PoweredCovariance:
    """Independent samples, any basis, spectrum and power."""
    rows, d = source.size(1, 3), source.size(1, 3)
    return PoweredCovariance(
        source.independent(rows, d), source.entries(d), source.orthogonal(d), source.entries()
    )


def aligned_teacher(source: SymbolicSource) -> AlignedTeacher:
    """Any orthonormal design, spectrum and power; the teacher is one eigenvector, whichever."""
    rows, d = source.size(1, 3), source.size(1, 3)
    teacher = source.selection(d, chosen=0)[:, None]
    return AlignedTeacher(source.frame(rows, d), source.entries(d), teacher, source.entries())
