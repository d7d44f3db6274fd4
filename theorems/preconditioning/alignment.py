"""Whether the teacher's alignment asks for a larger or a smaller exponent."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor

from theorems.claim import Hypothesis, Source
from theorems.impl.numbers.arb_arrays import ArbArray, arb_array
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.duals import Dual
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.rounded import Ball
from theorems.impl.numbers.tracked import Tracked
from theorems.impl.preconditioning.aligned import AlignedTeacher, first_gradient
from theorems.impl.preconditioning.linear_students import exp2, identity
from theorems.impl.strategies import spectra as strategies
from theorems.preconditioning.descent import beside
from theorems.stating import equals

_PAPER = "2509.25637"
Parts = Mapping[str, Operand]


def ratio(numerator: Operand, denominator: Operand) -> Operand:
    """A quotient; a fraction of exact numbers, where Python would fall back to floats."""
    if isinstance(numerator, int | Fraction):
        return Fraction(numerator) / Fraction(denominator)
    return numerator / denominator


def sign(value: Operand) -> Operand:
    """−1, 0 or 1; a ball around zero that is not exactly zero has an infinite radius: its sign is
    not known.
    """
    if isinstance(value, int | Fraction | Tracked):
        return (value > 0) - (value < 0)
    if isinstance(value, Tensor):
        return torch.sign(value)
    if hasattr(value, "fresh"):
        return value.sign()
    if isinstance(value, ArbArray):
        return arb_array((value > 0).astype(int) - (value < 0).astype(int))
    known = (value.center.abs() > value.error) | (value.magnitude == 0)
    return Ball(
        torch.sign(value.center), None if bool(known.all()) else torch.where(known, 0.0, math.inf)
    )


def _slope_and_sign(slope: Operand) -> Parts:
    return {"slope": slope, "rises": sign(slope)}


def _signal_and_noise(teacher: AlignedTeacher) -> Callable[[Operand], tuple[Operand, Operand]]:
    """The step's squared signal, and its noise summed over the noise's basis vectors, as functions
    of diag P.
    """
    inputs = teacher.inputs
    if hasattr(inputs, "fresh"):  # of symbols no two stand side by side
        return partial(_apart, teacher)
    targets = beside(inputs @ teacher.teacher, identity(int(inputs.shape[0]), inputs))
    step = -first_gradient(inputs, targets) if isinstance(inputs, Tensor) else targets.mT @ inputs
    eigenvalues = exp2(teacher.logs)

    def parts(diagonal: Operand) -> tuple[Operand, Operand]:
        bent = step * diagonal
        sizes = (bent * bent * eigenvalues).sum(-1)
        return sizes[0], sizes[1:].sum(-1)

    return parts


def _apart(teacher: AlignedTeacher, diagonal: Operand) -> tuple[Operand, Operand]:
    """The step on the signal, and that on every basis vector of the noise, each by itself."""
    inputs, eigenvalues = teacher.inputs, exp2(teacher.logs)
    targets = (inputs @ teacher.teacher, identity(inputs.shape[0], inputs))
    signal, noise = (
        ((y.mT @ inputs * diagonal) * (y.mT @ inputs * diagonal) * eigenvalues).sum(-1)
        for y in targets
    )
    return signal[0], noise.sum(-1)


def _measured_slope(teacher: AlignedTeacher) -> Parts:
    """D log SNR / dp over ln 2, by forward-mode differentiation of the step that was taken."""
    parts = _signal_and_noise(teacher)
    at = exp2(teacher.logs * teacher.power)
    along = at * teacher.logs
    signal, noise = parts(at)
    if is_exact(at):
        # fractions: no Kronecker substitution
        rising, spreading = (part.tangent for part in parts(Dual(at, along)))
    else:
        rising, spreading = velocity(parts, (at,), (along,))
    return _slope_and_sign(ratio(rising, signal) - ratio(spreading, noise))


def _slope(
    teacher: AlignedTeacher, *, times: int = 2, plus: int = 2, factor: int = 2, flat: bool = False
) -> Operand:
    """Factor · (log λ_k − Σ w_j log λ_j), w_j ∝ λ_j^{times·p + plus}."""
    weights = exp2(teacher.logs * (teacher.power * times + plus) * (0 if flat else 1))
    mean = ratio((weights * teacher.logs).sum(-1), weights.sum(-1))
    return ((teacher.teacher[:, 0] * teacher.logs).sum(-1) - mean) * factor


def off_the_eigenvectors(teacher: AlignedTeacher) -> str | None:
    """Why the teacher is not a unit eigenvector, or None."""
    entries = sorted(abs(float(v)) for v in teacher.teacher.reshape(-1).tolist())
    if entries[-1] == 1 and not any(entries[:-1]) and float(teacher.teacher.sum()) == 1:
        return None
    return "the teacher is not on one eigenvector (as a unit vector)"


@equals(
    observed=_measured_slope,
    on=strategies.aligned_teachers,
    source=Source(_PAPER, "alignment decides the exponent"),
    hypotheses={
        "teacher on an eigenvector": Hypothesis(strategies.mixed_teachers, off_the_eigenvectors)
    },
    mutants={
        "weights λ^{p+1}": lambda t: _slope_and_sign(_slope(t, times=1, plus=1)),
        "weights λ^{2p+1}": lambda t: _slope_and_sign(_slope(t, plus=1)),
        "weights λ^{2p+3}": lambda t: _slope_and_sign(_slope(t, plus=3)),
        "plain mean of the logarithms": lambda t: _slope_and_sign(_slope(t, flat=True)),
        "half the slope": lambda t: _slope_and_sign(_slope(t, factor=1)),
        "bottom-aligned teachers want larger p": lambda t: _slope_and_sign(_slope(t, factor=-2)),
    },
)
def alignment_decides_exponent(teacher: AlignedTeacher) -> Parts:
    r"""A teacher on the top eigenvectors wants a larger exponent, one on the bottom a smaller one.

    For a teacher on eigenvector k, one step with P = Σ^p has the signal-to-noise ratio
    λ_k^{2p+3}/Σ_j λ_j^{2p+2} up to a constant, so

    .. math::
        \frac{d \log \mathrm{SNR}}{dp} = 2\Big(\log\lambda_k - \sum_j w_j \log\lambda_j\Big), \qquad w_j \propto \lambda_j^{2p+2}

    and it increases in p if and only if log λ_k > Σ_j w_j log λ_j. Compared are the slope, in units
    of ln 2, and its sign. Shapes: λ (d,), slope a scalar. Observed: the squared signal ‖Σ^½w‖² of
    the step that real gradients on Xβ make, and the sum of its noise over the basis vectors of the
    noise, differentiated by p in forward mode. The sign is compared with == on fractions (EXACT),
    where the slope may also be zero; on floats it is that of a slope which exceeds its rounding
    bound (NUMERICAL), or UNDECIDED.

    Hypotheses: the teacher is a unit eigenvector (checked); the design shows the population
    covariance, XᵀX = Σ (by construction). Raises InputError for anything that is not an
    AlignedTeacher. Source: arXiv:2509.25637 [P] in words; derived here [D, N].
    """  # noqa: E501
    return _slope_and_sign(_slope(teacher))
