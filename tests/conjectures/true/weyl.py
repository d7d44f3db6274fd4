"""λ_max(A + B) ≤ λ_max(A) + λ_max(B)."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from impl import Instance, Operand
from impl.strategies.sizes import span
from theorems import at_most


@dataclass(frozen=True, eq=False)
class Spectra(Instance):
    """Two Gram matrices and their eigenvalues, as LAPACK found them."""

    first: Operand
    second: Operand
    of_first: Operand
    of_second: Operand
    of_sum: Operand


def spectra(seed: int, size: int) -> Spectra:
    """Of Gaussian matrices."""
    noise = torch.Generator().manual_seed(seed)
    first, second = (
        torch.randn(size, size, generator=noise, dtype=torch.float64) for _ in range(2)
    )
    first, second = first @ first.mT, second @ second.mT
    found = (torch.linalg.eigvalsh(each) for each in (first, second, first + second))
    return Spectra(first, second, *found)


def observed(it: Spectra) -> Operand:
    return it.of_sum[-1]


@at_most(observed=observed, on=st.builds(spectra, st.integers(0, 99), span(1, 4, 8)))
def weyl(it: Spectra) -> Operand:
    """λ_max(A + B) ≤ λ_max(A) + λ_max(B)."""
    return it.of_first[-1] + it.of_second[-1]
