"""Hypothesis strategies for features and targets; see `impl.strategies` for their two kinds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from theorems.impl.feature_learning.features import FeatureSet
from theorems.impl.networks.spec import generator
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.sizes import branches, pick, span


@st.composite
def lattice_features(
    draw: Callable[..., Any],
    samples: st.SearchStrategy[int] = span(2, 5, 8),
    dimensions: st.SearchStrategy[int] = span(1, 3, 5),
    *,
    driven: bool = False,
) -> FeatureSet:
    """Small integer features as exact numbers; rank-deficient features and labels, N < d, N < C and
    ties included.

    Targets are anything, explained completely, or explained but for less than a part in 10⁴.
    """
    rows, d, classes = draw(samples), draw(dimensions), draw(span(1, 3, 5))
    features, targets = draw(lattices((rows, d), 2)), draw(lattices((rows, classes), 2))
    if d > 1 and draw(st.booleans()):
        features[:, 1] = 2 * features[:, 0]
    if classes > 1 and draw(st.booleans()):
        targets[:, 1] = targets[:, 0]
    if driven:  # correlated with the features, not explained by them
        features[:2, 0] = torch.tensor([1.0, -1.0])
        targets[:, 0] += draw(st.sampled_from([32, 4])) * features[:, 0]
        targets[2, 0] += 7
    head, share = (
        draw(lattices((d, classes), 2)),
        0.0 if driven else draw(pick([0, 0, 0, 1, 512], [512, 1, 0])),
    )
    # explained completely, or but for a little: features of mean zero, targets linear in them
    if share:
        features = features * rows - features.sum(0)
        features[0, 0] += 1
        features[1, 0] -= 1
        targets = features @ (head + 1) * share + (targets if share > 1 else 0)
    if not bool((targets != targets[0]).any()):
        targets[0, 0] += 1
    lower = torch.tril(draw(lattices((d, d), 2)), -1) + torch.eye(d, dtype=torch.float64)
    upper = torch.triu(draw(lattices((d, d), 2)), 1) + torch.eye(d, dtype=torch.float64)
    rate = torch.tensor(float(draw(st.sampled_from([1.75, 1.0, 0.5, 1.9375]))), dtype=torch.float64)
    return FeatureSet(
        features, targets, lower @ upper, draw(lattices((d, draw(st.integers(1, 3))), 2)),
        head, rate,
    ).exact()  # fmt: skip


@st.composite
def seeded_features(
    draw: Callable[..., Any], samples: st.SearchStrategy[int] = span(2, 40, 48)
) -> FeatureSet:
    """Gaussian features of full rank with targets that are linear in them but for a residual of
    drawn size.
    """
    rows, d, classes = (
        draw(samples),
        draw(span(1, 12, 24, above=20)),
        draw(st.sampled_from([1, 1, 2, 3, 4])),
    )
    source = generator(draw(SEEDS))
    size = draw(st.sampled_from([0.1, 1.0, 10.0]))

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source, dtype=torch.float64)

    features = normal(rows, d)
    rate = torch.tensor(draw(st.sampled_from([1.0, 0.25, 1.75, 1.9375])), dtype=torch.float64)
    targets = features @ normal(d, classes) + size * normal(rows, classes)
    return FeatureSet(
        features, targets, normal(d, d), normal(d, max(1, d // 2)), normal(d, classes), rate
    )


def feature_sets() -> st.SearchStrategy[FeatureSet]:
    """Lattice features in exact arithmetic, and seeded ones."""
    return branches(lattice_features(), seeded_features())


def driven_features() -> st.SearchStrategy[FeatureSet]:
    """Features with more samples than dimensions, so that the least-squares residual can reach
    them; some of C = 1.
    """
    small = lattice_features(samples=span(4, 6, 9), dimensions=span(1, 2, 4), driven=True)
    return branches(small, seeded_features(samples=span(14, 40, 48)))


def constant_targets() -> st.SearchStrategy[FeatureSet]:
    """Targets with equal rows: nothing is left after centring."""
    return lattice_features().map(lambda s: dataclasses.replace(s, targets=s.targets * 0 + 3))


def nearly_dependent_features() -> st.SearchStrategy[FeatureSet]:
    """Features with one more column that differs from the first by a unit in the last place: full
    rank only on paper.
    """

    def double(s: FeatureSet) -> FeatureSet:
        twin = s.features[:, :1] * (1 + 2.0**-52 * (torch.arange(len(s.features)) % 2)[:, None])
        d = s.features.shape[1] + 1
        return dataclasses.replace(
            s,
            features=torch.cat([s.features, twin], 1),
            mixing=torch.eye(d, dtype=torch.float64),
            linear_map=torch.ones(d, 1, dtype=torch.float64),
            head=torch.ones(d, s.targets.shape[1], dtype=torch.float64),
        )

    return seeded_features(samples=st.integers(14, 40)).map(double)


def explained_targets() -> st.SearchStrategy[FeatureSet]:
    """Zero-mean targets that a linear head explains completely: no residual."""

    def explain(s: FeatureSet) -> FeatureSet:
        even = s.features * s.features.shape[0] - s.features.sum(-2)[..., None, :]
        even[0, 0] += 1
        even[1, 0] -= 1
        return dataclasses.replace(s, features=even, targets=even @ (s.head + 1))

    return lattice_features().map(explain)


def singular_mixings() -> st.SearchStrategy[FeatureSet]:
    """A mixing that is not invertible: it loses a column."""

    def lose(s: FeatureSet) -> FeatureSet:
        mixing = s.mixing.copy()
        mixing[..., 0] = 0
        return dataclasses.replace(s, mixing=mixing)

    return lattice_features().map(lose)
