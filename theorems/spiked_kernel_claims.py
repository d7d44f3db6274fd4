"""Exact and certified claims about the kernel after the step: arXiv:2605.17718."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb, arb_mat

from impl import function_space_strategies as strategies
from impl.harmonics import Harmonic, eigenvalues
from impl.operands import Operand
from impl.spike_moments import SpikeSetting, derivative, polynomial_mean, square
from impl.spiked_kernels import SpikedKernel, Vector, arb_of, expected_product, half_square, rational
from theorems.certified import certifies
from theorems.claim import Hypothesis, Source, equals

_PAPER = "2605.17718"
_BITS = 80


# -- moments of the spike --------------------------------------------------------------------------------------------


def _target_slope(s: SpikeSetting) -> Fraction:
    return polynomial_mean(derivative(s.coefficients))


def _label_square(s: SpikeSetting) -> Fraction:
    return polynomial_mean(square(s.coefficients)) + s.noise**2


def _bend(s: SpikeSetting) -> Fraction:
    return polynomial_mean(derivative(derivative(square(s.coefficients)))) / 2


def _observed_moments(s: SpikeSetting) -> dict[str, Operand]:
    strength = s.dimension * (s.slope * s.rate / (s.samples * s.width)) ** 2
    return {
        "second moment of the spike": s.spike_second_moment,
        "covariance of the weights, times d": np.eye(s.dimension, dtype=int) * Fraction(1) + s.spike_second_moment * strength,
    }


def _moments(
    s: SpikeSetting,
    *,
    pairs: int | None = None,
    bend: Fraction | None = None,
    square_of_label: Fraction | None = None,
    slope: Fraction | None = None,
    direction: Any = None,
    swapped: bool = False,
) -> dict[str, Operand]:
    n, d = s.samples, s.dimension
    alpha, beta = Fraction(n, d), Fraction(s.width, d)
    mu, bend = _target_slope(s), _bend(s) if bend is None else bend
    energy = _label_square(s) if square_of_label is None else square_of_label
    pairs = n * (n - 1) if pairs is None else pairs
    c = s.slope if slope is None else slope
    w = s.direction if direction is None else direction
    teacher, unit = np.multiply.outer(w, w), np.eye(d, dtype=int) * Fraction(1)
    bulk = 1 + s.rate**2 / d**2 * c**2 / (alpha * beta**2) * energy
    # (η²/d)(c₁²μ₁²/(αβ²))(α − 1/d + 2s/(μ₁²d)), multiplied out so that μ₁ = 0 needs no limit
    spike = s.rate**2 / d * c**2 / (alpha * beta**2) * (mu**2 * (alpha - Fraction(1, d)) + 2 * bend / d)
    if swapped:
        bulk, spike = spike, bulk
    return {
        "second moment of the spike": (unit * energy + teacher * 2 * bend) * n + teacher * (pairs * mu**2),
        "covariance of the weights, times d": unit * bulk + teacher * spike,
    }


def not_unit(s: SpikeSetting) -> str | None:
    """Why w* is no direction, or None."""
    norm = sum(v * v for v in s.direction)
    return None if norm == 1 else f"‖w*‖² = {norm}, expected 1"


@equals(
    observed=_observed_moments,
    on=strategies.spike_settings,
    source=Source(_PAPER, "moments of the spike, A and B"),
    hypotheses={
        "unit teacher": Hypothesis(strategies.long_teachers, not_unit),
        "Gaussian inputs": Hypothesis(strategies.rademacher_inputs),
        "centred noise": Hypothesis(strategies.biased_noise),
    },
    mutants={
        "n² pairs": lambda s: _moments(s, pairs=s.samples**2),
        "no curvature s": lambda s: _moments(s, bend=Fraction(0)),
        "curvature without the ½": lambda s: _moments(s, bend=2 * _bend(s)),
        "noise left out of E y²": lambda s: _moments(s, square_of_label=_label_square(s) - s.noise**2),
        "the target's μ₁ in place of c₁": lambda s: _moments(s, slope=_target_slope(s)),
        "A and B swapped": lambda s: _moments(s, swapped=True),
        "spike along the first axis": lambda s: _moments(s, direction=np.eye(s.dimension, dtype=int)[0] * Fraction(1)),
    },
)
def spike_moments(s: SpikeSetting) -> dict[str, Operand]:
    r"""The spike's second moment is a multiple of the identity plus a multiple of w*w*ᵀ, and so is the weights' covariance.

    .. math:: \mathbb E\,\varsigma\varsigma^\top = n(\mathbb E[y^2] I + 2 s\, w_* w_*^\top) + n(n-1)\mu_1^2\, w_* w_*^\top,
        \qquad s = \tfrac12 \mathbb E (g^2)''

    hence the learned weights have covariance Γ/d, Γ = A I + B w*w*ᵀ, with

    .. math:: A = 1 + \frac{\eta^2}{d^2}\frac{c_1^2}{\alpha\beta^2}\mathbb E\,y^2, \qquad
        B = \frac{\eta^2}{d}\frac{c_1^2\mu_1^2}{\alpha\beta^2}\left(\alpha - \frac1d + \frac{2s}{\mu_1^2 d}\right)

    Shapes: (d, d). Observed: exact enumeration of all batches, the Gaussian replaced by a discrete law with the same moments up to the
    degree of the statement; so both sides are rational and compared with ==. Covers g of degree 0 … 3, n = 1, d = 1, μ₁ = 0.

    Hypotheses: ‖w*‖ = 1 (checked); Gaussian inputs and centred noise (not visible in a setting: other laws must show as refuted).
    Raises InputError for anything that is not a SpikeSetting. Source: arXiv:2605.17718 [P] up to c₁ in A and B; [D, N].
    """
    return _moments(s)


def not_unit_teacher(kernel: SpikedKernel) -> str | None:
    """Why w* is no direction, or None."""
    norm = kernel.teacher @ kernel.teacher
    return None if norm == 1 else f"‖w*‖² = {norm}, expected 1"


_UNIT = {"unit teacher": Hypothesis(strategies.long_kernels, not_unit_teacher)}


# -- three views of one kernel ---------------------------------------------------------------------------------------


def _two_quadratures(kernel: SpikedKernel) -> dict[str, Vector]:
    return {"weights drawn from N(0, Γ/d)": kernel.sampled, "isotropic weights reweighted": kernel.reweighted}


def _both(values: Vector) -> dict[str, Vector]:
    return {"weights drawn from N(0, Γ/d)": values, "isotropic weights reweighted": values}


def _stretched(kernel: SpikedKernel) -> dict[str, Vector]:
    return _both(kernel.closed_form(kernel.root(kernel.inputs)))


def _swapped(kernel: SpikedKernel) -> SpikedKernel:
    """A and B swapped; B = 0 would leave no bulk, so it is moved by one first."""
    return replace(kernel, bulk=kernel.spike + Fraction(1, 7), spike=kernel.bulk)


def _turned(kernel: SpikedKernel) -> SpikedKernel:
    """The spike along the first axis."""
    return replace(kernel, direction=np.array([Fraction(int(i == 0)) for i in range(kernel.dimension)], dtype=object))


def _halved_angle(kernel: SpikedKernel) -> Vector:
    gram = kernel.root(kernel.inputs) @ kernel.root(kernel.inputs).T
    return gram * (1 / arb(4 * kernel.dimension))  # θ = π/2 in (π − θ)cos θ, no sin θ


@certifies(
    precision=_BITS,
    observed=_two_quadratures,
    on=strategies.relu_kernels,
    source=Source(_PAPER, "one kernel, three views"),
    hypotheses=_UNIT,
    mutants={
        "Γ in place of Γ^½": lambda k: _both(k.closed_form(k.spread(k.inputs))),
        "no spike": lambda k: _both(k.closed_form(k.root(k.inputs) if k.spike == 0 else replace(k, spike=Fraction(0)).root(k.inputs))),
        "A and B swapped": lambda k: _stretched(_swapped(k)),
        "spike along the first axis": lambda k: _stretched(_turned(k)),
        "linear part only": lambda k: _both(_halved_angle(k)),
    },
)
def kernel_views_agree(kernel: SpikedKernel) -> dict[str, Vector]:
    r"""The kernel after the step: other weights, other inputs, or other probabilities, and always the same function.

    .. math:: k_1(x, x') = \mathbb E_{w\sim N(0,\Gamma/d)}\,\sigma\sigma = k_0(\Gamma^{1/2}x, \Gamma^{1/2}x')
        = \mathbb E_{w\sim N(0,I/d)}[\rho(w)\,\sigma\sigma]

    with ρ the density ratio, and k₀ the arc-cosine kernel for ReLU. The middle form says that the Gram matrix of x₁ … x_N under k₁ is
    that of Γ^½x₁ … Γ^½x_N under k₀, hence also that eigenpairs of k₁ are those of k₀ under the pushed-forward input law. Shapes: (N, N).

    Observed: two rigorous quadratures, over the pre-activations of weights from N(0, Γ/d), and over span(x, x', w*) with the density
    ratio; predicted: the closed form at the stretched inputs. Compared as balls (CERTIFIED). Collinear, equal and zero inputs, d = 1
    and w* within span(x, x') included.

    Hypotheses: ‖w*‖ = 1 (checked); Γ positive definite (by construction). Raises InputError for anything that is not a SpikedKernel. Source: arXiv:2605.17718 [P].
    """
    return _stretched(kernel)


# -- linear modes ----------------------------------------------------------------------------------------------------


def _across(kernel: SpikedKernel) -> Vector:
    """A vector orthogonal to w*, exactly: what is left of the points' sum; zero in dimension one."""
    total = kernel.inputs.sum(0)
    return total - (total @ kernel.teacher) * kernel.teacher


def _applied(kernel: SpikedKernel, v: Vector) -> Vector:
    """T₁⟨·, v⟩ at the points, E_w over E_{x'} by Fubini, each a quadrature.

    Inside, ⟨x', v⟩ = (⟨w,v⟩/‖w‖²)⟨w,x'⟩ + independent: E σ(⟨w,x'⟩)⟨x',v⟩ = ⟨w,v⟩ E (z)₊z. Outside, E σ(⟨w,x⟩)⟨w,v⟩.
    """
    d, spread = kernel.dimension, kernel.spread(v)
    inner = half_square(rational(1))
    out = np.empty(len(kernel.points), dtype=object)
    for i, x in enumerate(kernel.inputs):
        covariance = (x @ kernel.spread(x) / d, x @ spread / d, v @ spread / d)
        out[i] = expected_product(covariance, rectified=False) * inner
    return out


@lru_cache(maxsize=8)
def _linear_modes(kernel: SpikedKernel) -> dict[str, Vector]:
    total = kernel.inputs.sum(0)
    return {
        "along w*": _applied(kernel, kernel.teacher),
        "across w*": _applied(kernel, _across(kernel)),
        "oblique": _applied(kernel, total),
    }


def _amplified(kernel: SpikedKernel, along: Any, across: Any) -> dict[str, Vector]:
    """The eigenvalues ``along`` and ``across`` on the linear functions, at the points."""
    teacher, rest = kernel.inputs @ kernel.teacher, kernel.inputs @ _across(kernel)
    share = kernel.inputs.sum(0) @ kernel.teacher
    scale = 1 / rational(4 * kernel.dimension)
    parts = {"along w*": teacher * along, "across w*": rest * across, "oblique": teacher * share * along + rest * across}
    return {name: value * scale for name, value in parts.items()}


@certifies(
    precision=_BITS,
    observed=_linear_modes,
    on=strategies.relu_kernels,
    source=Source(_PAPER, "linear modes after the step"),
    hypotheses=_UNIT,
    mutants={
        "the orthogonal mode amplified too": lambda k: _amplified(
            k, rational(k.bulk + k.spike), rational(k.bulk + k.spike)
        ),
        "A and B swapped": lambda k: _amplified(k, rational(k.bulk + k.spike), rational(k.spike)),
        "spike twice": lambda k: _amplified(k, rational(k.bulk + 2 * k.spike), rational(k.bulk)),
        "no amplification": lambda k: _amplified(k, rational(k.bulk), rational(k.bulk)),
        "square roots of Γ": lambda k: _amplified(k, arb_of(k.bulk + k.spike).sqrt(), arb_of(k.bulk).sqrt()),
        "eigenvalues twice": lambda k: {name: 2 * v for name, v in _amplified_as_stated(k).items()},
    },
)
def linear_modes_are_amplified(kernel: SpikedKernel) -> dict[str, Vector]:
    r"""Linear functions are eigenfunctions of the ReLU kernel's operator, and only the one along the teacher is amplified.

    .. math:: T_1 \langle\cdot, v\rangle = \frac{\langle \Gamma v, \cdot\rangle}{4d}: \quad
        \frac{A + B}{4d} \text{ along } w_*, \quad \frac{A}{4d} \text{ across it}

    (T₁f)(x) = E_{x'} k₁(x, x') f(x'), x' ~ N(0, I_d); exact at every d. Shapes: values at the N points, (N,). Observed: rigorous
    quadratures, over x' at fixed w and over w then; compared as balls (CERTIFIED) at d = 1, 2, 3, 5, 50 and 500.

    Hypotheses: ‖w*‖ = 1 (checked); Γ positive definite (by construction). Raises InputError for anything that is not a SpikedKernel. Source: arXiv:2605.17718 [P].
    """
    return _amplified_as_stated(kernel)


def _amplified_as_stated(kernel: SpikedKernel) -> dict[str, Vector]:
    return _amplified(kernel, rational(kernel.bulk + kernel.spike), rational(kernel.bulk))


# -- eigenvalues of the isotropic kernel -----------------------------------------------------------------------------


def not_relu(h: Harmonic) -> str | None:
    """Why the integral is another one, or None."""
    return None if h.activation == "relu" else f"the activation is {h.activation}, not ReLU"


def _top(h: Harmonic) -> arb:
    """λ_max(T₀) = d e²/4, e = Γ(d/2)/(√π Γ((d+1)/2))."""
    d = arb(h.dimension)
    e = (d / 2).gamma() / (arb.pi().sqrt() * ((d + 1) / 2).gamma())
    return d * e * e / 4


def _spectrum(h: Harmonic, *, odd_vanish: bool = True, step: int = 1) -> arb:
    d, k = h.dimension, h.degree
    if k == 1:
        return 1 / arb(4 * d)
    if k % 2:
        return arb(0) if odd_vanish else _top(h) / (d + 1) ** 2 / k**2
    value = _top(h)
    for j in range(0, k, 2):  # μ_{k+2}/μ_k = −(k − 1)/(k + d + 1)
        value = value * (arb(j - 1) / (j + d + step)) ** 2
    return value


@certifies(
    precision=128,
    observed=lambda h: h.eigenvalue,
    on=strategies.harmonics,
    source=Source(_PAPER, "eigenvalues of the isotropic ReLU kernel", "derived"),
    hypotheses={"ReLU": Hypothesis(strategies.absolute_harmonics, not_relu)},
    mutants={
        "odd degrees present": lambda h: _spectrum(h, odd_vanish=False),
        "λ_max without its dimension": lambda h: _spectrum(h) / h.dimension * 2,
        "d for d + 1 in λ₂": lambda h: _spectrum(h, step=0),
        "asymptotic λ_max": lambda h: 1 / (2 * arb.pi()) if h.degree == 0 else _spectrum(h),
    },
)
def relu_kernel_eigenvalues(h: Harmonic) -> arb:
    r"""The isotropic ReLU kernel's eigenvalues on ‖x‖Y_k, degree by degree.

    .. math:: \lambda_{\max} = \lambda_0 = \frac{d e^2}{4}, \quad e = \frac{\Gamma(d/2)}{\sqrt\pi\,\Gamma((d+1)/2)}, \quad
        \lambda_1 = \frac1{4d}, \quad \lambda_2 = \frac{\lambda_{\max}}{(d+1)^2}, \quad \lambda_k = 0 \text{ for odd } k \ge 3

    and λ_{k+2}/λ_k = ((k−1)/(k+d+1))² for even k. Shapes: dimensionless scalars. Observed: Funk and Hecke's integral by rigorous
    quadrature (CERTIFIED). Hypotheses: the activation is ReLU (checked). Raises InputError for anything that is not a Harmonic. Source: arXiv:2605.17718, values derived here [D, N].
    """
    return _spectrum(h)


# -- decay -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _gram_spectrum(kernel: SpikedKernel) -> Vector:
    """Eigenvalues of the operator on the empirical input law of the points: K/N, decreasing."""
    stretched = kernel.root(kernel.inputs)
    gram = kernel.closed_form(stretched)
    matrix = arb_mat(gram.tolist())
    return np.array([value / len(gram) for value in eigenvalues(matrix)], dtype=object)


def _bounded_decay(kernel: SpikedKernel, constant: arb) -> Vector:
    return _gram_spectrum(kernel.isotropic()) * constant


def _determinant(kernel: SpikedKernel) -> arb:
    return arb_of(kernel.bulk ** (kernel.dimension - 1) * (kernel.bulk + kernel.spike))


def shrinking(kernel: SpikedKernel) -> str | None:
    """Why Γ is not at least the identity, or None."""
    if kernel.bulk >= 1 and kernel.spike >= 0:
        return None
    return f"Γ is not at least I: A = {kernel.bulk}, B = {kernel.spike}; no step makes A < 1 or B < 0"


@certifies(
    ">=",
    precision=_BITS,
    observed=_gram_spectrum,
    on=strategies.any_kernels,
    source=Source(_PAPER, "the decay of the spectrum is preserved"),
    hypotheses={"Γ at least I": Hypothesis(strategies.shrunk_kernels, shrinking)},
    mutants={
        "constant one": lambda k: _bounded_decay(k, arb(1)),
        "fourth root of the determinant": lambda k: _bounded_decay(k, 1 / _determinant(k).sqrt().sqrt()),
        "determinant inverted": lambda k: _bounded_decay(k, _determinant(k).sqrt()),
        "absolute constant ½": lambda k: _bounded_decay(k, arb(0.5)),
    },
)
def decay_is_preserved(kernel: SpikedKernel) -> Vector:
    r"""The step cannot make any eigenvalue smaller by more than a constant factor, at fixed dimension.

    .. math:: \det(\Gamma)^{-1/2}\, \lambda_j(T_0) \le \lambda_j(T_1) \quad \text{for every } j

    since the density ratio of the weights is at least det(Γ)^{-½} where Γ ⪰ I. The constant depends on d (the paper calls it absolute:
    the mutants with constants ½ and 1 die). Shapes: (N,), decreasing. The statement holds for every input law; observed: the operators
    on the empirical law of the N points, eigenvalues enclosed (CERTIFIED), for ReLU and for σ = cos + sin.

    Hypotheses: Γ ⪰ I (checked; true after every step, A ≥ 1 and B ≥ 0). Raises InputError for anything that is not a SpikedKernel.
    Source: arXiv:2605.17718 [P]; the constant is derived here [D, N].
    """
    return _bounded_decay(kernel, 1 / _determinant(kernel).sqrt())


__all__ = [
    "decay_is_preserved",
    "kernel_views_agree",
    "linear_modes_are_amplified",
    "relu_kernel_eigenvalues",
    "spike_moments",
]
