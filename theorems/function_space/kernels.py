"""The kernel after the step, certified: three views of it, and its linear modes.
arXiv:2605.17718.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb

from theorems.claim import Hypothesis, Source
from theorems.impl.function_space.spiked_kernels import (
    SpikedKernel,
    Vector,
    arb_of,
    expected_product,
    half_square,
    rational,
)
from theorems.impl.strategies import spiked_kernels as strategies
from theorems.stating import certifies

_PAPER = "2605.17718"
_BITS = 80


def not_unit_teacher(kernel: SpikedKernel) -> str | None:
    """Why w* is no direction, or None."""
    norm = kernel.teacher @ kernel.teacher
    return None if norm == 1 else f"‖w*‖² = {norm}, expected 1"


_UNIT = {"unit teacher": Hypothesis(strategies.long_kernels, not_unit_teacher)}


# -- three views of one kernel ---------------------------------------------------------------------


def _two_quadratures(kernel: SpikedKernel) -> dict[str, Vector]:
    return {
        "weights drawn from N(0, Γ/d)": kernel.sampled,
        "isotropic weights reweighted": kernel.reweighted,
    }


def _both(values: Vector) -> dict[str, Vector]:
    return {"weights drawn from N(0, Γ/d)": values, "isotropic weights reweighted": values}


def _stretched(kernel: SpikedKernel) -> dict[str, Vector]:
    return _both(kernel.closed_form(kernel.root(kernel.inputs)))


def _swapped(kernel: SpikedKernel) -> SpikedKernel:
    """A and B swapped; B = 0 would leave no bulk, so it is moved by one first."""
    return replace(kernel, bulk=kernel.spike + Fraction(1, 7), spike=kernel.bulk)


def _turned(kernel: SpikedKernel) -> SpikedKernel:
    """The spike along the first axis."""
    return replace(
        kernel,
        direction=np.array([Fraction(int(i == 0)) for i in range(kernel.dimension)], dtype=object),
    )


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
        "no spike": lambda k: _both(
            k.closed_form(
                k.root(k.inputs) if k.spike == 0 else replace(k, spike=Fraction(0)).root(k.inputs)
            )
        ),
        "A and B swapped": lambda k: _stretched(_swapped(k)),
        "spike along the first axis": lambda k: _stretched(_turned(k)),
        "linear part only": lambda k: _both(_halved_angle(k)),
    },
)
def kernel_views_agree(kernel: SpikedKernel) -> dict[str, Vector]:
    r"""The kernel after the step: other weights, other inputs, or other probabilities, and always
    the same function.

    .. math:: k_1(x, x') = \mathbb E_{w\sim N(0,\Gamma/d)}\,\sigma\sigma = k_0(\Gamma^{1/2}x,
              \Gamma^{1/2}x')
        = \mathbb E_{w\sim N(0,I/d)}[\rho(w)\,\sigma\sigma]

    with ρ the density ratio, and k₀ the arc-cosine kernel for ReLU. The middle form says that the
    Gram matrix of x₁ … x_N under k₁ is that of Γ^½x₁ … Γ^½x_N under k₀, hence also that eigenpairs
    of k₁ are those of k₀ under the pushed-forward input law. Shapes: (N, N).

    Observed: two rigorous quadratures, over the pre-activations of weights from N(0, Γ/d), and over
    span(x, x', w*) with the density ratio; predicted: the closed form at the stretched inputs.
    Compared as balls (CERTIFIED). Collinear, equal and zero inputs, d = 1 and w* within span(x, x')
    included.

    Hypotheses: ‖w*‖ = 1 (checked); Γ positive definite (by construction). Raises InputError for
    anything that is not a SpikedKernel. Source: arXiv:2605.17718 [P].
    """
    return _stretched(kernel)


# -- linear modes ----------------------------------------------------------------------------------


def _across(kernel: SpikedKernel) -> Vector:
    """A vector orthogonal to w*, exactly: what is left of the points' sum; zero in dimension
    one.
    """
    total = kernel.inputs.sum(0)
    return total - (total @ kernel.teacher) * kernel.teacher


def _applied(kernel: SpikedKernel, v: Vector) -> Vector:
    """T₁⟨·, v⟩ at the points, E_w over E_{x'} by Fubini, each a quadrature.

    Inside, ⟨x', v⟩ = (⟨w,v⟩/‖w‖²)⟨w,x'⟩ + independent: E σ(⟨w,x'⟩)⟨x',v⟩ = ⟨w,v⟩ E (z)₊z. Outside,
    E σ(⟨w,x⟩)⟨w,v⟩.
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
    parts = {
        "along w*": teacher * along,
        "across w*": rest * across,
        "oblique": teacher * share * along + rest * across,
    }
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
        "square roots of Γ": lambda k: _amplified(
            k, arb_of(k.bulk + k.spike).sqrt(), arb_of(k.bulk).sqrt()
        ),
        "eigenvalues twice": lambda k: {name: 2 * v for name, v in _amplified_as_stated(k).items()},
    },
)
def linear_modes_are_amplified(kernel: SpikedKernel) -> dict[str, Vector]:
    r"""Linear functions are eigenfunctions of the ReLU kernel's operator, and only the one along
    the teacher is amplified.

    .. math:: T_1 \langle\cdot, v\rangle = \frac{\langle \Gamma v, \cdot\rangle}{4d}: \quad
        \frac{A + B}{4d} \text{ along } w_*, \quad \frac{A}{4d} \text{ across it}

    (T₁f)(x) = E_{x'} k₁(x, x') f(x'), x' ~ N(0, I_d); exact at every d. Shapes: values at the N
    points, (N,). Observed: rigorous quadratures, over x' at fixed w and over w then; compared as
    balls (CERTIFIED) at d = 1, 2, 3, 5, 50 and 500.

    Hypotheses: ‖w*‖ = 1 (checked); Γ positive definite (by construction). Raises InputError for
    anything that is not a SpikedKernel. Source: arXiv:2605.17718 [P].
    """
    return _amplified_as_stated(kernel)


def _amplified_as_stated(kernel: SpikedKernel) -> dict[str, Vector]:
    return _amplified(kernel, rational(kernel.bulk + kernel.spike), rational(kernel.bulk))
