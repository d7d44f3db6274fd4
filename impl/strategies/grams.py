"""Hypothesis strategies for whole steps of a weight matrix, and for deep linear networks: valid
ones, and violations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from theorems.impl.feature_learning.chains import LinearChain
from theorems.impl.feature_learning.whitening import (
    WeightMotion,
    WeightStep,
    newton_schulz,
    weight_motion,
    weight_step,
)
from theorems.impl.networks.spec import generator
from theorems.impl.numbers.operands import to_exact
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.sizes import branches, span


def _normal(source: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=source, dtype=torch.float64)


@cache
def _orders(size: int) -> st.SearchStrategy[list[int]]:
    return st.permutations(range(size))


@cache
def _signs(size: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.sampled_from([1.0, -1.0]), min_size=size, max_size=size)


@st.composite
def signed_permutations(draw: Callable[..., Any], size: int) -> Tensor:
    """Orthogonal matrices of 0 and ±1."""
    order, signs = draw(_orders(size)), draw(_signs(size))
    return (
        torch.eye(size, dtype=torch.float64)[list(order)]
        * torch.tensor(signs, dtype=torch.float64)[:, None]
    )


@st.composite
def scaled_rotations(draw: Callable[..., Any], size: int) -> Tensor:
    """Integer matrices R with R Rᵀ = 25 I: a signed permutation, two of its rows mixed by the
    triple 3, 4, 5 in half of the draws.
    """
    matrix: Tensor = 5 * draw(signed_permutations(size))
    if size > 1 and draw(st.booleans()):
        first, second = matrix[0].clone(), matrix[1].clone()
        matrix[0], matrix[1] = (3 * first + 4 * second) / 5, (3 * second - 4 * first) / 5
    return matrix


# -- steps -----------------------------------------------------------------------------------------


@st.composite
def lattice_steps(draw: Callable[..., Any]) -> WeightStep:
    """Exact steps of known rotation, of any rank, d_out on either side of d_in, zero included: W₁ =
    Q W₂ C with C ⪰ 0.
    """
    rows, columns = draw(span(1, 4, 6)), draw(span(1, 4, 6))
    rotation = to_exact(draw(scaled_rotations(rows))) * Fraction(1, 5)
    after, half = (
        to_exact(draw(lattices((rows, columns), 2))),
        to_exact(draw(lattices((columns, columns), 1))),
    )
    before = rotation @ after @ (half.T @ half)
    competitor = to_exact(draw(signed_permutations(rows)))
    return WeightStep(before, after, rotation, competitor, to_exact(draw(lattices((rows, 2), 2))))


@st.composite
def seeded_steps(draw: Callable[..., Any]) -> WeightStep:
    """Gaussian weights and a Gaussian step, small or large; the rows' sizes spread by up to 1000,
    so W₁W₂ᵀ by up to 10^6.
    """
    rows, columns, seed = draw(span(1, 16, 24)), draw(span(1, 16, 24, above=20)), draw(SEEDS)
    spread, size = draw(st.sampled_from([0.0, 1.0, 3.0])), draw(st.sampled_from([0.01, 0.1, 1.0]))
    source = generator(seed)
    scales = torch.logspace(0, -spread, rows, dtype=torch.float64)[:, None]
    before = _normal(source, rows, columns) * scales
    return weight_step(before, before + size * _normal(source, rows, columns) * scales, seed=seed)


def weight_steps() -> st.SearchStrategy[WeightStep]:
    """Exact steps of any rank, and seeded ones of full rank."""
    return branches(lattice_steps(), seeded_steps())


@st.composite
def wrongly_rotated_steps(draw: Callable[..., Any]) -> WeightStep:
    """Ten Newton–Schulz steps in place of the polar factor, where a singular value is below 1/537
    of ‖W₁W₂ᵀ‖_F.
    """
    size, source = draw(st.integers(2, 6)), generator(draw(SEEDS))
    scales = torch.logspace(0, -2, size, dtype=torch.float64)[:, None]
    before = (torch.eye(size, dtype=torch.float64) + 0.1 * _normal(source, size, size)) * scales
    step = weight_step(before, before * draw(st.sampled_from([1.0, 0.5, 2.0])))
    return replace(step, rotation=newton_schulz(step.before @ step.after.mT))


@st.composite
def lattice_motions(draw: Callable[..., Any], *, turning: bool = False) -> WeightMotion:
    """Exact integer motions of known spin, of any rank: dW = ΩW + W C with Ω antisymmetric and C
    symmetric.

    Args:
        draw: of Hypothesis.
        turning: whether ΩW must not be zero.
    """
    rows, columns = draw(st.integers(2 if turning else 1, 4)), draw(st.integers(1, 4))
    weight = draw(lattices((rows, columns), 2))
    upper = torch.triu(draw(lattices((rows, rows), 2)), 1)
    half = draw(lattices((columns, columns), 1))
    if turning:
        upper[0, 1], weight[1, 0] = upper[0, 1].abs() + 1, weight[1, 0].abs() + 1
        upper[0, 2:] = 0
    vertical = (upper - upper.mT) @ weight
    return WeightMotion(weight, vertical + weight @ (half + half.mT), vertical).exact()


@st.composite
def seeded_motions(draw: Callable[..., Any]) -> WeightMotion:
    """Gaussian weights of full rank and Gaussian velocities, the spin by an eigendecomposition."""
    rows, columns, source = (
        draw(span(1, 16, 24)),
        draw(span(1, 16, 24, above=20)),
        generator(draw(SEEDS)),
    )
    return weight_motion(_normal(source, rows, columns), _normal(source, rows, columns))


def weight_motions() -> st.SearchStrategy[WeightMotion]:
    """Exact motions of any rank, and seeded ones of full rank."""
    return lattice_motions() | seeded_motions()


def wrongly_spun_motions() -> st.SearchStrategy[WeightMotion]:
    """A spin that does not solve its equation: it is doubled."""
    return lattice_motions(turning=True).map(
        lambda motion: replace(motion, vertical=motion.vertical * 2)
    )


# -- deep linear networks --------------------------------------------------------------------------


@st.composite
def balanced_chains(
    draw: Callable[..., Any], *, least_depth: int = 1, largest: int = 4
) -> LinearChain:
    """Integer chains with W_{l+1}ᵀW_{l+1} = W_l W_lᵀ: W_l = R_l S R_{l−1}ᵀ with one rectangular
    diagonal S, rank-deficient or zero, and R Rᵀ = 25 I.
    """
    depth, rows = draw(span(least_depth, 4, 6)), draw(span(1, 4, 8))
    widths = draw(st.lists(st.integers(1, largest), min_size=depth + 1, max_size=depth + 1))
    rank = min(widths)
    values = draw(st.lists(st.integers(0, 2), min_size=rank, max_size=rank))
    if least_depth > 1:
        values[0] += 1
    turns = [draw(scaled_rotations(width)) for width in widths]
    plain = all(bool((turn.count_nonzero(-1) == 1).all()) for turn in turns)
    # signed permutations alone need no common factor: smaller integers
    scale = 5.0 if plain else 1.0
    weights = []
    for left, right in zip(turns[1:], turns[:-1], strict=True):
        middle = torch.zeros(len(left), len(right), dtype=torch.float64)
        middle[range(rank), range(rank)] = torch.tensor(values, dtype=torch.float64)
        weights.append((left / scale) @ middle @ (right / scale).mT)
    chain = LinearChain(tuple(weights), draw(lattices((rows, widths[0]), 2)))
    return chain.exact() if draw(st.booleans()) else chain


def unbalanced_chains() -> st.SearchStrategy[LinearChain]:
    """Chains of depth two or more whose first matrix is doubled."""
    chains = balanced_chains(least_depth=2)
    return chains.map(
        lambda chain: replace(chain, weights=(chain.weights[0] * 2, *chain.weights[1:]))
    )
