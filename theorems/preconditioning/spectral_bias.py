"""What the exponent of a preconditioner Σ^p does: spectra, risks, one step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from theorems.claim import Hypothesis, Source
from theorems.impl.networks.preconditioned_sgd import PreconditionedSGD
from theorems.impl.numbers.linalg import exact_rank
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.preconditioning.gaussian_teachers import SLOPES, GaussianTeacher, one_step
from theorems.impl.preconditioning.linear_students import (
    PoweredCovariance,
    empirical_inverse,
    exp2,
    identity,
)
from theorems.impl.strategies import spectra as strategies
from theorems.stating import equals

_PAPER = "2509.25637"
Parts = Mapping[str, Operand]


def _response(inputs: Operand, matrix: Operand) -> Operand:
    """−ΔZ of a real step with η = 1 and ∇_Z = I: what Gram matrix training really uses."""
    if not isinstance(inputs, Tensor):
        return inputs @ matrix @ inputs.mT
    layer = torch.nn.Linear(inputs.shape[1], inputs.shape[0], bias=False, dtype=torch.float64)
    torch.nn.init.zeros_(layer.weight)
    with torch.enable_grad():
        layer(inputs).diagonal().sum().backward()
    PreconditionedSGD(layer.parameters(), 1.0, matrix).step()
    return -layer(inputs).detach()


def _responses(covariance: PoweredCovariance) -> Parts:
    x = covariance.inputs
    return {
        "population": _response(x, covariance.preconditioner),
        "empirical": _response(x, empirical_inverse(x)),
    }


def _spectrum(covariance: PoweredCovariance, shift: int = 1, whitened: int | None = None) -> Parts:
    """Σ_j λ_j^{p+shift} ζ_jζ_jᵀ and N·I."""
    n = covariance.scores.shape[0]
    weights = exp2(covariance.logs * (covariance.power + shift))
    eye = identity(n, covariance.scores)
    return {
        "population": (covariance.scores * weights) @ covariance.scores.mT,
        "empirical": eye * (n if whitened is None else whitened),
    }


def more_samples_than_inputs(covariance: PoweredCovariance) -> str | None:
    """Why the empirical Gram matrix is not N·I, or None."""
    n, d = covariance.scores.shape
    if n > d:
        return (
            f"N = {n} samples in d = {d} dimensions: the whitened Gram matrix is N times a "
            "projector of rank at most d"
        )
    scores = covariance.scores
    if is_exact(scores):
        return None if exact_rank(scores) == n else "the samples are linearly dependent"
    rank = int(torch.linalg.matrix_rank(scores))
    return None if rank == n else "the samples are linearly dependent"


@equals(
    observed=_responses,
    on=strategies.powered_covariances,
    source=Source(_PAPER, "the power of the covariance sets the spectral bias"),
    hypotheses={
        "independent samples, N ≤ d": Hypothesis(
            strategies.crowded_covariances, more_samples_than_inputs
        )
    },
    mutants={
        "exponent p": lambda c: _spectrum(c, 0),
        "exponent p + 2": lambda c: _spectrum(c, 2),
        "whitened Gram I": lambda c: _spectrum(c, whitened=1),
        "whitened Gram d·I": lambda c: _spectrum(c, whitened=c.scores.shape[1] + 1),
        "diagonal only": lambda c: {
            k: v * identity(c.scores.shape[0], c.scores) for k, v in _spectrum(c).items()
        },
    },
)
def covariance_power_sets_spectral_bias(covariance: PoweredCovariance) -> Parts:
    r"""Preconditioning by a power of the covariance reweighs the eigendirections; the power −1
    erases what there is to see.

    .. math:: X = \zeta\Sigma^{1/2},
              \ P = \Sigma^p \implies G_P = \sum_j \lambda_j^{p+1} \zeta_j\zeta_j^\top

    and with the empirical covariance, P = (XᵀX/N)⁺ and N ≤ d, G_P = N·I whatever the inputs are: no
    information. Shapes: ζ (N, d) in the eigenbasis, λ (d,), G_P (N, N). Observed: −ΔZ of a real
    step with η = 1 whose loss has ∇_Z = I.

    Hypotheses: N ≤ d and linearly independent samples (checked; of the empirical half); Q
    orthogonal (by construction).

    Raises InputError for anything that is not a PoweredCovariance. Source: arXiv:2509.25637 [P] in
    words; form [D].
    """
    return _spectrum(covariance)


def _first_weights(teacher: GaussianTeacher) -> Operand:
    """W after one real step; on balls the same step written out, for its rounding."""
    if isinstance(teacher.nodes, Tensor):
        return one_step(teacher)
    _, value, slope = SLOPES[teacher.activation]
    output = (teacher.readout * value).sum(-1)
    residual = (teacher.targets - output) * teacher.masses[:, None]
    # in autograd's order: the readout comes first. After the sum it would look exact where only the
    # readout is no integer
    pulled = residual * teacher.readout * slope
    return ((pulled.mT @ teacher.inputs) @ teacher.preconditioner) * teacher.rate


def _stein(
    teacher: GaussianTeacher, shift: int = 1, *, derivative: bool = True, weigh: bool = True
) -> Operand:
    """η a_j σ'(0) E[h'(u)] Σ^{p+shift} β, u ~ N(0, βᵀΣβ), times the total mass of the
    population.
    """
    rotated = teacher.basis.mT @ teacher.teacher
    spread = (rotated * rotated * exp2(teacher.logs)[:, None]).sum(0)[0]
    mean = _mean(teacher.polynomial, spread, derivative=derivative)
    direction = (teacher.basis * exp2(teacher.logs * (teacher.power + shift))) @ rotated
    slope = SLOPES[teacher.activation][2]
    scale = mean * teacher.masses.sum(-1) * teacher.rate * slope
    readout = teacher.readout if weigh else teacher.readout * 0 + 1
    return readout[:, None] * direction.mT * scale


def _mean(polynomial: Operand, variance: Operand, *, derivative: bool) -> Operand:
    """E h'(u), or E h(u), for u ~ N(0, variance)."""
    total = variance * 0
    for k in range(polynomial.shape[0]):
        order = k - 1 if derivative else k
        if order < 0 or order % 2:
            continue
        moment = variance * 0 + 1
        for i in range(1, order, 2):
            moment = moment * variance * i
        total = total + polynomial[k] * moment * (k if derivative else 1)
    return total


def not_from_zero(teacher: GaussianTeacher) -> str | None:
    """Why the step does not start from zero, or None."""
    return "W(0) is not zero" if bool((teacher.start != 0).any()) else None


def no_slope(teacher: GaussianTeacher) -> str | None:
    """Why no neuron moves, or None."""
    if SLOPES[teacher.activation][2] != 0:
        return None
    return f"{teacher.activation} has slope 0 at 0 in torch: from zero nothing is learned"


@equals(
    observed=_first_weights,
    on=strategies.gaussian_teachers,
    source=Source(_PAPER, "one step learns the powered teacher", "derived"),
    hypotheses={
        "starts from zero": Hypothesis(strategies.started_teachers, not_from_zero),
        "activation with a slope at zero": Hypothesis(
            strategies.kinked_teachers,
            no_slope,
            meaning="with torch's slope of 0 at 0 no neuron moves and both sides are zero: there "
            "is no direction",
        ),
        "Gaussian inputs": Hypothesis(strategies.coin_teachers),
    },
    mutants={
        "Σ^p β": lambda t: _stein(t, 0),
        "Σ^{p+2} β": lambda t: _stein(t, 2),
        "E h for E h'": lambda t: _stein(t, derivative=False),
        "neurons all alike": lambda t: _stein(t, weigh=False),
        "sign of ascent": lambda t: -_stein(t),
    },
)
def one_step_learns_powered_teacher(teacher: GaussianTeacher) -> Operand:
    r"""One population step from zero puts every neuron along Σ^{p+1}β.

    .. math:: w_j = \eta\, a_j\, \sigma'(0)\, E[h'(\langle\beta, x\rangle)]\, \Sigma^{p+1}\beta,
              \qquad P = \Sigma^p

    by Stein's lemma, for x ~ N(0, Σ), y = h(⟨β, x⟩), f = Σ a_jσ(⟨w_j, x⟩), loss ½E(f − y)². Shapes:
    W (k, d), β (d,). h is a polynomial and the population a data set of whole nodes and weights
    with the Gaussian's moments up to the degree that h(⟨β, x⟩) x needs (5 or 7), on which a real
    network takes a real step: no sampling and no use of Stein's lemma.

    Hypotheses: W(0) = 0 (checked); σ'(0) ≠ 0 (checked: ReLU learns nothing from zero); Gaussian
    moments (not checked: inputs of independent signs must show as REFUTED); P a power of Σ. Raises
    InputError for anything that is not a GaussianTeacher. Source: derived here from
    arXiv:2509.25637 [D, N].
    """
    return _stein(teacher)
