"""Strategies for the claims about one large gradient step; see `impl.strategies` for the two kinds of instances.

Asymptotic claims cost seconds per instance, so their strategies draw from a short list of configurations: Hypothesis sees every one of
them once and stops. Under the profile ``thorough`` the list is the whole grid of the statement, at its largest sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from impl.gaussian_gap import GapPath
from impl.harmonics import Harmonic
from impl.kernel_expansion import ExpansionPath
from impl.one_step import EnsemblePath, StepPath
from impl.spike_moments import SpikeSetting
from impl.spiked_kernels import SpikedKernel, unit_vector
from impl.spiked_series import SpikedSeries
from impl.zonal_operator import ZonalPath


def thorough() -> bool:
    """Whether the long profile is loaded."""
    return settings.get_current_profile_name() == "thorough"


def _listed(cases: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of the cases. The last few are kept: a path keeps its runs, so the mutants of a claim judge what the claim judged."""
    return st.integers(0, len(cases) - 1).map(lambda i: _kept(*cases[i]))


@lru_cache(maxsize=8)
def _kept(kind: type, options: tuple[tuple[str, Any], ...]) -> Any:
    return kind(**dict(options))


_SIZES: dict[str, Any] = {"sizes": (32, 64, 128, 256, 512), "replicates": (128, 48, 80, 24, 32)}
_LARGE: dict[str, Any] = {"sizes": (64, 128, 256, 512, 1024, 2048), "replicates": (128, 96, 80, 40, 20, 8)}
_ACTIVATIONS = ("relu", "tanh", "erf", "silu")
_ACTIVATIONS_OF_KERNELS = ("relu", "tanh", "erf", "silu")
_TARGETS = ("tanh", "erf", "sign", "relu")


def _lazy(kind: type, **options: Any) -> Any:
    return kind, tuple(sorted(options.items()))


def step_paths() -> st.SearchStrategy[StepPath]:
    """ReLU on tanh at α = β = 1 and SiLU on sign at α = ½, β = ½; thorough: 4 activations × 4 targets, α, β in {½, 2, 4}."""
    if thorough():
        grid = [(a, b) for a in (0.5, 2.0, 4.0) for b in (0.5, 2.0, 4.0)]
        pairs = [(s, g) for s in _ACTIVATIONS for g in _TARGETS]
        cases = [
            _lazy(StepPath, activation=s, target=g, alpha=a, beta=b, seed=i, **_LARGE)
            for i, ((s, g), (a, b)) in enumerate((pairs[j % 16], grid[j % 9]) for j in range(48))
        ]
        return _listed(cases)
    return _listed(
        [
            _lazy(StepPath, activation="relu", target="tanh", **_SIZES),
            _lazy(StepPath, activation="silu", target="sign", alpha=0.5, beta=0.5, noise=0.5, seed=1, **_SIZES),
        ]
    )


def shared_data_paths() -> st.SearchStrategy[StepPath]:
    """Runs of one size share their batch; η₀ large enough for the spike to be seen, μ₁ well apart from c₁."""
    cases = [
        _lazy(StepPath, activation=s, target=g, alpha=a, beta=b, scale=4.0, shared_data=True, seed=2 + i,
              sizes=(8, 46, 256), replicates=(120, 260, 140))
        for i, (s, g, a, b) in enumerate(
            [("relu", "identity", 1.0, 1.0), ("erf", "relu", 2.0, 0.5), ("tanh", "sign", 0.5, 1.0), ("silu", "identity", 2.0, 2.0)]
        )
    ]  # fmt: skip
    return _listed(cases if thorough() else cases[:1])


def ensemble_paths() -> st.SearchStrategy[EnsemblePath]:
    """Groups of eight runs at small sizes; α = 2 with g = tanh is the case that the statement quotes figures for."""
    cases = [
        _lazy(EnsemblePath, activation=s, target=g, alpha=a, beta=b, noise=e, seed=11 + i,
              sizes=(10, 40, 160), replicates=(90, 200, 75))
        for i, (s, g, a, b, e) in enumerate(
            [("relu", "tanh", 2.0, 1.0, 0.0), ("tanh", "sign", 0.5, 1.0, 0.5), ("erf", "relu", 2.0, 0.5, 0.0),
             ("silu", "erf", 4.0, 0.5, 1.0), ("relu", "abs", 1.0, 1.0, 0.0)]
        )
    ]  # fmt: skip
    return _listed(cases if thorough() else cases[:1])


_FEW: dict[str, Any] = {"sizes": (8, 16, 32, 64, 128), "replicates": (8, 8, 8, 8, 8)}


def steps_without_linear_part() -> st.SearchStrategy[StepPath]:
    """σ = cos: c₁ = 0."""
    return _listed([_lazy(StepPath, activation="cos", **_FEW)])


def steps_with_exploding_labels() -> st.SearchStrategy[StepPath]:
    """A target whose square has no mean."""
    return _listed([_lazy(StepPath, target="exploding", **_FEW)])


def ensembles_with_exploding_labels() -> st.SearchStrategy[EnsemblePath]:
    """The same target in groups of runs."""
    return _listed([_lazy(EnsemblePath, target="exploding", **_FEW)])


# -- rational kernels ------------------------------------------------------------------------------------------------

_SEEDS = st.integers(0, 2**32 - 1)
_POSITIVE = st.builds(Fraction, st.integers(1, 12), st.integers(1, 4))
_NONNEGATIVE = st.builds(Fraction, st.integers(0, 40), st.integers(1, 4))


def _objects(rows: Any) -> Any:
    array = np.asarray(rows)
    out = np.empty(array.shape, dtype=object)
    out[...] = array.tolist()
    return out


@st.composite
def _lattice_points(draw: Callable[..., Any], fewest: int = 1, most: int = 2) -> tuple[Any, Any]:
    """Small integer points and a rational teacher in dimension 1 … 4; equal, opposite, collinear and zero points included."""
    d, count = draw(st.integers(1, 4)), draw(st.integers(fewest, most))
    points = [[draw(st.integers(-3, 3)) for _ in range(d)] for _ in range(count)]
    if count > 1 and draw(st.booleans()):
        points[1] = [draw(st.sampled_from([1, 2, -1, 0])) * value for value in points[0]]
    return _objects(points), unit_vector([draw(st.integers(-2, 2)) for _ in range(d - 1)])


@st.composite
def _seeded_points(draw: Callable[..., Any]) -> tuple[Any, Any]:
    """Two seeded integer points in dimension 2, 5, 50 or 500."""
    d, source = draw(st.sampled_from([2, 5, 5, 50, 50, 500])), np.random.default_rng(draw(_SEEDS))
    points = source.integers(-4, 5, (2, d))
    return _objects(points), unit_vector([int(t) for t in source.integers(-2, 3, d - 1)])


def relu_kernels() -> st.SearchStrategy[SpikedKernel]:
    """ReLU kernels with any positive bulk and any spike from 0 to 40."""
    return st.builds(
        lambda where, bulk, spike: SpikedKernel(*where, bulk, spike),
        _lattice_points() | _seeded_points(),
        _POSITIVE,
        _NONNEGATIVE,
    )


@st.composite
def _teacher_lines(draw: Callable[..., Any]) -> tuple[Any, Any]:
    """Neighbouring points on the teacher's axis: a large spike moves them furthest apart."""
    d, count = draw(st.integers(1, 3)), draw(st.integers(3, 5))
    axis = _objects([Fraction(int(i == 0)) for i in range(d)])
    return _objects([[k * int(i == 0) for i in range(d)] for k in range(count)]), axis


def long_kernels() -> st.SearchStrategy[SpikedKernel]:
    """‖w*‖ = 2, with a spike."""
    return relu_kernels().map(lambda k: replace(k, direction=k.direction * 2, spike=k.spike + 1))


def any_kernels() -> st.SearchStrategy[SpikedKernel]:
    """ReLU and cos + sin kernels with Γ ⪰ I on 1 … 5 points, duplicates and points along the teacher included."""
    return st.builds(
        lambda where, bulk, spike, name: SpikedKernel(*where, 1 + bulk, spike, name),
        _lattice_points(1, 5) | _teacher_lines(),
        _NONNEGATIVE.map(lambda a: a / 10),
        _NONNEGATIVE,
        st.sampled_from(["relu", "cos+sin"]),
    )


def shrunk_kernels() -> st.SearchStrategy[SpikedKernel]:
    """A < 1: no gradient step gives such weights; on one point the eigenvalue shrinks as A itself."""
    return st.builds(
        lambda where, power: SpikedKernel(*where, Fraction(1, 2**power), Fraction(0)),
        _lattice_points(2, 4),
        st.integers(1, 4),
    )


def harmonics() -> st.SearchStrategy[Harmonic]:
    """Degrees 0 … 8 in dimension 2 … 500, and both degrees of dimension 1."""
    many = st.builds(Harmonic, st.sampled_from([2, 3, 5, 17, 50, 500]) | st.integers(2, 12), st.integers(0, 8))
    return many | st.builds(Harmonic, st.just(1), st.integers(0, 1))


def absolute_harmonics() -> st.SearchStrategy[Harmonic]:
    """The same degrees with |·| for an activation."""
    return harmonics().map(lambda h: replace(h, activation="abs"))


# -- moments ---------------------------------------------------------------------------------------------------------


@st.composite
def spike_settings(draw: Callable[..., Any], **changes: Any) -> SpikeSetting:
    """Polynomial teachers small enough to enumerate every batch: d · degree · n bounded together; n = 1, d = 1, μ₁ = 0 included."""
    d, degree, samples = draw(
        st.sampled_from([(1, 1, 4), (1, 2, 3), (1, 3, 2), (2, 1, 2), (2, 2, 1), (2, 3, 1), (3, 1, 1), (2, 0, 2), (1, 2, 1)])
    )
    whole = st.integers(-2, 2)
    return SpikeSetting(
        direction=unit_vector([draw(whole) for _ in range(d - 1)]),
        coefficients=_objects([draw(whole) for _ in range(degree + 1)]),
        noise=draw(st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 2)])),
        samples=samples,
        width=draw(st.integers(1, 4)),
        rate=draw(_POSITIVE),
        slope=draw(st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(-1, 3)])),
        **changes,
    )


def long_teachers() -> st.SearchStrategy[SpikeSetting]:
    """‖w*‖ = 2."""
    return spike_settings().map(lambda s: replace(s, direction=s.direction * 2))


def rademacher_inputs() -> st.SearchStrategy[SpikeSetting]:
    """±1 coordinates with g(z) = z: E y²x² is 1 where a Gaussian has 3."""
    return spike_settings().map(lambda s: replace(s, coefficients=_objects([0, 1]), inputs="rademacher"))


def biased_noise() -> st.SearchStrategy[SpikeSetting]:
    """Noise of mean one."""
    return spike_settings().map(lambda s: replace(s, noise_mean=Fraction(1), coefficients=_objects([1, 1])))


# -- high dimension --------------------------------------------------------------------------------------------------


def expansion_paths() -> st.SearchStrategy[ExpansionPath]:
    """ReLU, tanh, erf and SiLU at Gaussian pairs in dimension 2 … 6."""
    return st.builds(
        ExpansionPath,
        activation=st.sampled_from(_ACTIVATIONS_OF_KERNELS),
        dimension=st.integers(2, 6),
        bulk=st.sampled_from([1.0, 1.5]),
        seed=st.integers(0, 40),
    )


def rough_expansions() -> st.SearchStrategy[ExpansionPath]:
    """σ = sign."""
    return st.builds(ExpansionPath, activation=st.just("sign"), seed=st.integers(0, 10))


def zonal_paths() -> st.SearchStrategy[ZonalPath]:
    """B fixed, or growing as d^{2ζ−1} for ζ = ⅝ and ¾."""
    return st.builds(
        ZonalPath,
        bulk=st.sampled_from([1.0, 1.25, 2.0]),
        spike=st.sampled_from([1.0, 0.5, 2.0]),
        growth=st.sampled_from([0.0, 0.25, 0.5]),
    )


def fast_zonal_paths() -> st.SearchStrategy[ZonalPath]:
    """B ~ d: the step is as large as η ~ d."""
    return st.builds(ZonalPath, growth=st.just(1.0))


def gap_paths() -> st.SearchStrategy[GapPath]:
    """ζ = ½ and ¾ with g = tanh; thorough: more exponents, targets and proportions."""
    cases = [_lazy(GapPath, zeta=zeta) for zeta in (0.5, 0.75)]
    if thorough():
        cases += [_lazy(GapPath, zeta=z, target=g, alpha=a) for z in (0.5, 0.625) for g in ("erf", "sign") for a in (1.0, 2.0)]
    return _listed(cases)


def largest_gap_paths() -> st.SearchStrategy[GapPath]:
    """ζ = 1."""
    return _listed([_lazy(GapPath, zeta=1.0)])


def all_gap_paths() -> st.SearchStrategy[GapPath]:
    """ζ = 1, ¾ and ½ with g = tanh, η₀ = 3."""
    return _listed([_lazy(GapPath, zeta=zeta) for zeta in (1.0, 0.75, 0.5)])


def convergent_series() -> st.SearchStrategy[SpikedSeries]:
    """Odd powers of |t| and cos t with γ₂ < γ₁; polynomials with any γ₂."""
    below = st.sampled_from([Fraction(1, 2), Fraction(1, 10), Fraction(3, 4)])
    functions = st.sampled_from([("power", (1,)), ("power", (3,)), ("power", (5,)), ("cosine", ())])
    inside = st.builds(
        lambda bulk, ratio, h: SpikedSeries(bulk, bulk * ratio, *h), st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(2)]), below, functions
    )
    coefficients = st.lists(st.integers(-3, 3), min_size=1, max_size=7).map(tuple)
    return inside | st.builds(
        lambda bulk, spike, c: SpikedSeries(bulk, spike, "polynomial", c), _POSITIVE, _POSITIVE, coefficients
    )


def divergent_series() -> st.SearchStrategy[SpikedSeries]:
    """Odd powers of |t| with γ₂ = 2γ₁ and more; shrinks to |t|, γ₁ = 1, γ₂ = 2."""
    return st.builds(
        lambda bulk, ratio, power: SpikedSeries(bulk, bulk * ratio, "power", (power,)),
        st.sampled_from([Fraction(1), Fraction(2), Fraction(1, 2)]),
        st.sampled_from([Fraction(2), Fraction(3), Fraction(5)]),
        st.sampled_from([1, 3]),
    )
