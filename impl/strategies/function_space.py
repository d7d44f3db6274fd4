"""Strategies for the claims about one large gradient step; see `impl.strategies` for the two kinds
of instances.

Asymptotic claims cost seconds per instance, so their strategies draw from a short list of
configurations: Hypothesis sees every one of them once and stops. Under the profile ``thorough``
(`impl.strategies.profiles`) the list is the whole grid of the statement, at its largest sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from theorems.impl.function_space.ensembles import EnsemblePath
from theorems.impl.function_space.gaussian_gap import GapPath
from theorems.impl.function_space.kernel_expansion import ExpansionPath
from theorems.impl.function_space.links import link
from theorems.impl.function_space.one_step import StepPath
from theorems.impl.function_space.zonal_operator import ZonalPath
from theorems.impl.strategies.profiles import thorough


def _listed(cases: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of the cases. The last few are kept: a path keeps its runs, so the mutants of a claim
    judge what the claim judged.
    """
    return st.integers(0, len(cases) - 1).map(lambda i: _kept(*cases[i]))


@lru_cache(maxsize=4)
def _kept(kind: type, options: tuple[tuple[str, Any], ...]) -> Any:
    return kind(**dict(options))


_SIZES: dict[str, Any] = {"sizes": (32, 64, 128, 256, 512), "replicates": (64, 16, 72, 8, 26)}
_LARGE_SIZES = (64, 128, 256, 512, 1024, 2048)
_ACTIVATIONS = ("relu", "tanh", "erf", "silu")
_TARGETS = ("tanh", "erf", "sign", "relu")


def _lazy(kind: type, **options: Any) -> Any:
    return kind, tuple(sorted(options.items()))


_PROPORTIONS = (0.5, 2.0, 4.0)


def _replicates(work: float) -> tuple[int, ...]:
    """Runs by size; a run costs αβd³, and small networks scatter more than large ones: the cheaper,
    the more of them.
    """
    last = max(8, min(32, round(20 / work**0.5)))
    return (128, 96, 80, 2 * last + 24, last + 12, last)


STEP_GRID = tuple(
    _lazy(
        StepPath,
        activation=s,
        target=_TARGETS[(i + j) % 4],
        alpha=a,
        beta=b,
        seed=100 + 9 * i + j,
        sizes=_LARGE_SIZES,
        replicates=_replicates(a * b),
    )
    for i, s in enumerate(_ACTIVATIONS)
    for j, (a, b) in enumerate((a, b) for a in _PROPORTIONS for b in _PROPORTIONS)
)
"""Every activation at every α, β in {½, 2, 4}, the targets in turn so that each activation meets
each of them; d = 64 … 2048.
"""


def step_paths() -> st.SearchStrategy[StepPath]:
    """ReLU on tanh at α = ½, β = 2 and SiLU on sign at α = 2, β = ½: n, m and d all different;
    thorough: all of `STEP_GRID`.
    """
    if thorough():
        return _listed(STEP_GRID)
    return _listed(
        [
            _lazy(StepPath, activation="relu", target="tanh", alpha=0.5, beta=2.0, **_SIZES),
            _lazy(
                StepPath,
                activation="silu",
                target="sign",
                alpha=2.0,
                beta=0.5,
                noise=0.5,
                seed=1,
                **_SIZES,
            ),
        ]
    )


def _shared(activation: str, target: str, alpha: float, beta: float, **options: Any) -> Any:
    return _lazy(
        EnsemblePath,
        activation=activation,
        target=target,
        alpha=alpha,
        beta=beta,
        shared_data=True,
        **options,
    )


def shared_data_paths() -> st.SearchStrategy[EnsemblePath]:
    """Groups of runs on one batch at each size, n, m and d all different; η = 6√d, so that the
    spike adds to the variance a few times what was there; μ₁ well apart from c₁.
    """
    cases = [
        _shared(
            s,
            g,
            a,
            b,
            noise=0.5,
            zeta=0.5,
            scale=6.0,
            seed=2 + i,
            sizes=(16, 64, 256),
            replicates=(48, 48, 28),
            group=6,
        )
        for i, (s, g, a, b) in enumerate(
            [
                ("relu", "identity", 0.5, 3.0),
                ("erf", "relu", 2.0, 0.5),
                ("tanh", "sign", 0.5, 2.0),
                ("silu", "identity", 3.0, 2.0),
            ]
        )
    ]
    return _listed(cases if thorough() else cases[:1])


def ensemble_paths() -> st.SearchStrategy[EnsemblePath]:
    """Groups of 32 runs at small sizes, n, m and d all different, with noise, μ₁ of either sign."""
    cases = [
        _lazy(
            EnsemblePath,
            activation=s,
            target=g,
            alpha=a,
            beta=b,
            noise=e,
            seed=11 + i,
            sizes=(12, 48, 192),
            replicates=(24, 50, 19),
        )
        for i, (s, g, a, b, e) in enumerate(
            [
                ("relu", "-tanh", 2.0, 0.75, 0.5),
                ("relu", "tanh", 2.0, 0.5, 0.0),
                ("tanh", "sign", 0.5, 2.0, 0.5),
                ("erf", "relu", 2.0, 0.75, 0.0),
                ("silu", "erf", 4.0, 0.5, 1.0),
                ("relu", "abs", 1.0, 2.0, 0.0),
            ]
        )
    ]
    return _listed(cases if thorough() else cases[:1])


_FEW_GROUPS: dict[str, Any] = {"sizes": (16, 64, 256), "replicates": (12, 12, 12), "group": 2}
_FEW: dict[str, Any] = {"sizes": (16, 32, 64, 128, 256), "replicates": (16, 4, 16, 4, 16)}


def steps_without_linear_part() -> st.SearchStrategy[StepPath]:
    """σ = cos: c₁ = 0."""
    return _listed([_lazy(StepPath, activation="cos", **_FEW)])


def steps_with_steep_activation() -> st.SearchStrategy[StepPath]:
    """σ = sign."""
    return _listed(
        [
            _lazy(
                StepPath,
                activation="sign",
                sizes=(32, 64, 128, 256, 512),
                replicates=(2, 2, 2, 2, 2),
            )
        ]
    )


def shared_data_with_steep_activation() -> st.SearchStrategy[EnsemblePath]:
    """The same in groups of runs on one batch."""
    return _listed([_shared("sign", "tanh", 1.0, 2.0, scale=4.0, **_FEW_GROUPS)])


def shared_data_with_exploding_labels() -> st.SearchStrategy[EnsemblePath]:
    """A target whose square has no mean, in groups of runs on one batch."""
    return _listed([_shared("relu", "exploding", 1.0, 2.0, **_FEW_GROUPS)])


def shared_data_with_large_steps() -> st.SearchStrategy[EnsemblePath]:
    """ζ = 0.9."""
    return _listed([_shared("relu", "identity", 1.0, 2.0, zeta=0.9, scale=4.0, **_FEW_GROUPS)])


def steps_with_exploding_labels() -> st.SearchStrategy[StepPath]:
    """A target whose square has no mean."""
    return _listed([_lazy(StepPath, target="exploding", **_FEW)])


def ensembles_with_exploding_labels() -> st.SearchStrategy[EnsemblePath]:
    """The same target in groups of runs."""
    return _listed(
        [
            _lazy(
                EnsemblePath,
                target="exploding",
                sizes=(16, 64, 256),
                replicates=(2, 30, 30),
                group=16,
            )
        ]
    )


# -- high dimension --------------------------------------------------------------------------------


def expansion_paths() -> st.SearchStrategy[ExpansionPath]:
    """ReLU, |·|, tanh, erf and SiLU at two random pairs in dimension 2 and 5."""
    return st.builds(
        ExpansionPath,
        activation=st.sampled_from((*_ACTIVATIONS, "abs")),
        dimension=st.sampled_from([2, 5]),
        bulk=st.sampled_from([1.0, 1.5]),
        seed=st.integers(0, 30 if thorough() else 1),
    )


def rough_expansions() -> st.SearchStrategy[ExpansionPath]:
    """σ = sign."""
    return st.builds(ExpansionPath, activation=st.just("sign"), seed=st.integers(0, 10))


def zonal_paths() -> st.SearchStrategy[ZonalPath]:
    """B fixed, or growing as d^{2ζ−1} for ζ from ½ up to 0.95; B₀ so that both B/d and 1/B are
    small at d = 65536.
    """
    return st.builds(
        lambda bulk, spike, growth: ZonalPath(
            bulk=bulk, spike=spike * bulk * 16 ** (1 - 2 * growth), growth=growth
        ),
        bulk=st.sampled_from([1.0, 1.25, 2.0]),
        spike=st.sampled_from([1.0, 0.5, 2.0]),
        growth=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.6, 0.75, 0.9]),
    )


def fast_zonal_paths() -> st.SearchStrategy[ZonalPath]:
    """B ~ d: the step is as large as η ~ d."""
    return st.builds(ZonalPath, growth=st.just(1.0))


def vanishing_zonal_paths() -> st.SearchStrategy[ZonalPath]:
    """B falls as d^{-½} or 1/d: smaller steps than the paper's."""
    return st.builds(ZonalPath, growth=st.sampled_from([-0.5, -1.0]))


_ZETAS = (0.5, 0.55, 0.625, 0.75, 0.85, 0.9, 0.95)


def _gap(zeta: float, target: str, alpha: float, beta: float) -> Any:
    """η₀ so small that powers of (η/d)² fall short of the law at the largest d, and no larger than
    3β, so that the gap can be computed.
    """
    g = link(target)
    weight = math.exp(-1) * (g.mean_slope**2 + g.mean_square / alpha)
    scale = min(3.0, math.sqrt(0.02 * (25600 if zeta >= 0.7 else 6400) ** (2 - 2 * zeta) / weight))
    return _lazy(
        GapPath, zeta=zeta, target=target, alpha=alpha, beta=beta, scale=round(scale, 2) * beta
    )


def gap_paths() -> st.SearchStrategy[GapPath]:
    """ζ from ½ to 0.95 with g = tanh, a jump and a kink, n, m and d all different; thorough: every
    ζ with every target, at six (α, β) in turn.
    """
    if thorough():
        proportions = ((0.5, 2.0), (2.0, 0.5), (2.0, 3.0), (4.0, 2.0), (0.5, 0.25), (1.0, 2.0))
        grid = ((z, g) for z in _ZETAS for g in (*_TARGETS, "identity"))
        return _listed([_gap(z, g, *proportions[i % 6]) for i, (z, g) in enumerate(grid)])
    return _listed(
        [_gap(0.5, "tanh", 2.0, 0.5), _gap(0.75, "tanh", 0.5, 2.0), _gap(0.5, "sign", 0.5, 2.0),
         _gap(0.75, "relu", 2.0, 3.0), _gap(0.9, "erf", 2.0, 0.5), _gap(0.55, "identity", 0.5, 2.0)]
    )  # fmt: skip


def gap_paths_without_linear_target() -> st.SearchStrategy[GapPath]:
    """G = |·|: μ₁ = 0."""
    return _listed([_lazy(GapPath, zeta=0.5, target="abs")])


def largest_gap_paths() -> st.SearchStrategy[GapPath]:
    """ζ = 1."""
    return _listed([_lazy(GapPath, zeta=1.0)])


def all_gap_paths() -> st.SearchStrategy[GapPath]:
    """ζ = 1, ¾ and ½ with g = tanh, η₀ = 3."""
    return _listed([_lazy(GapPath, zeta=zeta) for zeta in (1.0, 0.75, 0.5)])
