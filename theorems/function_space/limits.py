"""The kernel after the step to first order in the spike, and its top mode: arXiv:2605.17718."""

from __future__ import annotations

import math
from dataclasses import replace

from theorems.claim import Hypothesis, Source
from theorems.impl.function_space.gaussian_quadrature import mean_coordinate
from theorems.impl.function_space.kernel_expansion import ExpansionPath, ExpansionPoint
from theorems.impl.function_space.links import link
from theorems.impl.function_space.zonal_operator import ZonalPath, ZonalPoint
from theorems.impl.strategies import function_space as strategies
from theorems.relations.asymptotics import Measured, TendsTo
from theorems.relations.corrections import Corrections
from theorems.stating import tends_to

_PAPER = "2605.17718"


# -- first order in the spike ----------------------------------------------------------------------


def _spiked_kernel(point: ExpansionPoint) -> dict[str, Measured]:
    return {"": Measured(*point.kernel)}


def _expanded(
    point: ExpansionPoint,
    *,
    outer: float = 1.0,
    cross: float = 2.0,
    scale: float = 1.0,
    bulk: float | None = None,
) -> dict[str, float]:
    isotropic = point if bulk is None else replace(point, bulk=bulk)
    a, b = (float(v) for v in point.overlaps)
    s = cross * a * b * isotropic.expect(1, 1, 0.0)[0]
    s += outer * (b * b * isotropic.expect(0, 2, 0.0)[0] + a * a * isotropic.expect(2, 0, 0.0)[0])
    return {"": isotropic.expect(0, 0, 0.0)[0] + scale * point.spike / (2 * point.dimension) * s}


def _exchanged(point: ExpansionPoint) -> dict[str, float]:
    """S with ⟨w*, x⟩ and ⟨w*, x'⟩ in each other's place."""
    a, b = (float(v) for v in point.overlaps)
    s = 2 * a * b * point.expect(1, 1, 0.0)[0]
    s += a * a * point.expect(0, 2, 0.0)[0] + b * b * point.expect(2, 0, 0.0)[0]
    return {"": point.expect(0, 0, 0.0)[0] + point.spike / (2 * point.dimension) * s}


def rough(path: ExpansionPath) -> str | None:
    """Why σ'' is no measure, or None."""
    if path.activation == "sign":
        return "sign jumps: σ'' is not even a measure"
    return (
        None
        if math.isfinite(link(path.activation).mean_square)
        else f"E σ² is infinite for {path.activation}"
    )


_SECOND_ORDER = TendsTo(
    rate=lambda point: (point.spike / point.dimension) ** 2,
    sign="<=",
    random=False,
    # k₁ is analytic in B/A times a squared cosine; the size is d/B
    corrections=lambda path: Corrections(
        ladders=((1.0, path.dimension / path.bulk),), largest=5.0, logs=0.0
    ),
)


@tends_to(
    _SECOND_ORDER,
    subject=ExpansionPath,
    observed=_spiked_kernel,
    on=strategies.expansion_paths,
    source=Source(_PAPER, "first-order expansion of the kernel"),
    hypotheses={"two weak derivatives": Hypothesis(strategies.rough_expansions, rough)},
    mutants={
        "no correction": lambda p: _expanded(p, scale=0.0),
        "correction twice": lambda p: _expanded(p, scale=2.0),
        "second derivatives left out": lambda p: _expanded(p, outer=0.0),
        "cross term once": lambda p: _expanded(p, cross=1.0),
        "sign of the correction": lambda p: _expanded(p, scale=-1.0),
        "x and x' exchanged": _exchanged,
        "remainder of third order": {
            "relation": replace(
                _SECOND_ORDER, rate=lambda point: (point.spike / point.dimension) ** 3
            )
        },
        "bulk absorbs the spike": lambda p: _expanded(
            p, scale=0.0, bulk=p.bulk + p.spike / p.dimension
        ),
    },
)
def kernel_first_order_expansion(point: ExpansionPoint) -> dict[str, float]:
    r"""The spike changes the kernel by (B/2d) S, up to second order in B/d.

    .. math:: k_1 = k_0^{(A)} + \frac{B}{2d} S + R, \quad
              S = \langle w_*,x'\rangle^2\,\mathbb E[\sigma\sigma'']
        + 2\langle w_*,x\rangle\langle w_*,x'\rangle\,\mathbb E[\sigma'\sigma']
        + \langle w_*,x\rangle^2\,\mathbb E[\sigma''\sigma]

    expectations under w ~ N(0, A I/d), k₀^{(A)} the kernel there, R = O((B/d)²). Shapes: scalars at
    a pair x, x' (d,). Observed: k₁ by two-dimensional quadrature at B = A/8 … A/128 with an error
    estimate, ‖x'‖ ≠ ‖x‖; relation: log|R| has slope 2 or more in log(B/d).

    Hypotheses: σ has two weak derivatives, a point mass allowed as for ReLU and |·| (checked); E σ²
    < ∞ (checked). Raises InputError for anything that is not an ExpansionPath. Source:
    arXiv:2605.17718 [P].
    """
    return _expanded(point)


# -- the top mode ----------------------------------------------------------------------------------


def _top_mode(point: ZonalPoint) -> dict[str, Measured]:
    return {name: Measured(value, error) for name, (value, error) in point.top_mode.items()}


def _predicted_top(
    point: ZonalPoint,
    *,
    spike: float | None = None,
    odd: float = 0.0,
    quadratic: float = 1.0,
    growth: float = 1.0,
) -> dict[str, float]:
    d, a, b = point.dimension, point.bulk, point.spike if spike is None else spike
    e = mean_coordinate(d)
    top = d * e * e / 4
    shifted = a * top + growth * b / (2 * math.pi * d)
    second = a * top / (d + 1) ** 2
    mixing = math.sqrt((2 * d - 2) / (d + 2)) * b / (4 * math.pi * d * (shifted - second))
    return {"eigenvalue": shifted, "degree 1": odd * mixing, "degree 2": quadratic * mixing}


def fast_spike(path: ZonalPath) -> str | None:
    """Why B/d does not vanish, or None."""
    return None if path.growth < 1 else f"B grows as d^{path.growth:g}: B/d does not vanish"


def vanishing_spike(path: ZonalPath) -> str | None:
    """Why the error is not of second order in B/d, or None."""
    if path.growth >= 0:
        return None
    return (
        f"B falls as d^{path.growth:g}: the slope of the eigenvalue in B is off by order 1/d², "
        "more than (B/d)² allows"
    )


def _zonal_corrections(path: ZonalPath) -> Corrections:
    """The second order is (B/d)²(c + c'A/B), and what follows is smaller by B/(A d) or by 1/d."""
    share, growth = path.spike / path.bulk, path.growth
    falling = (((growth, 1 / share),) if growth > 0 else ()) + (
        ((1 - growth, share),) if growth < 1 else ()
    )
    return Corrections(ladders=(*falling, (1.0, 1.0)), largest=2.0, logs=0.0)


_TOP = replace(
    _SECOND_ORDER,
    corrections=_zonal_corrections,
    # neighbouring orders in B/d are d^(1 − growth) apart
    resolution=lambda path: min(0.5, abs(1 - path.growth) or 0.5),
)


@tends_to(
    _TOP,
    subject=ZonalPath,
    observed=_top_mode,
    on=strategies.zonal_paths,
    source=Source(_PAPER, "the top mode mixes with the quadratic harmonic"),
    hypotheses={
        "B small against d": Hypothesis(
            strategies.fast_zonal_paths,
            fast_spike,
            meaning="at B ~ d an error of order (B/d)² is as large as what is predicted: the "
            "statement says nothing",
        ),
        "B does not vanish": Hypothesis(strategies.vanishing_zonal_paths, vanishing_spike),
    },
    mutants={
        "an odd harmonic mixes in": lambda p: _predicted_top(p, odd=1.0),
        "no mixing": lambda p: _predicted_top(p, quadratic=0.0),
        "mixing twice": lambda p: _predicted_top(p, quadratic=2.0),
        "mixing of the other sign": lambda p: _predicted_top(p, quadratic=-1.0),
        "eigenvalue not shifted": lambda p: _predicted_top(p, growth=0.0),
        "shift of B/4d": lambda p: _predicted_top(p, growth=math.pi / 2),
        "error of third order": {
            "relation": replace(_TOP, rate=lambda point: (point.spike / point.dimension) ** 3),
        },
    },
)
def top_mode_mixes_quadratic_harmonic(point: ZonalPoint) -> dict[str, float]:
    r"""The ReLU kernel's top eigenfunction takes in a quadratic harmonic along the teacher, to
    first order in B/d, and no linear one.

    .. math:: \phi \propto \frac{\lVert x\rVert}{\sqrt d}(Y_0 + \tau Y_2), \quad
              \tilde\lambda = A\lambda_{\max}(T_0) + \frac{B}{2\pi d},
        \quad \tau = \frac1d\sqrt{\frac{2d-2}{d+2}}\,
        \frac{B}{4\pi(\tilde\lambda - A\lambda_2(T_0))}

    with λ_max and λ₂ of `relu_kernel_eigenvalues`; the errors are O((B/d)²) (the paper: o(B/d)) as
    η ≥ √d makes B at least constant; at fixed d the error has a part B·O(1/d²), which shows once B
    < 1. Degree 1 is absent by parity. Shapes: three scalars per dimension. Observed: the top
    eigenpair of the Galerkin matrix of T₁ in 32 zonal harmonics, truncation and quadrature errors
    estimated by halving both; relation: slopes over d = 32 … 1024 at fixed B or B ~ d^{2ζ−1}.

    Hypotheses: B = o(d); B does not vanish (both checked). Raises InputError for anything that is
    not a ZonalPath. Source: arXiv:2605.17718 [P]; λ_max, λ₂ and the order of the error derived [D,
    N].
    """
    return _predicted_top(point)
