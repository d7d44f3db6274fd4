"""Symbolic instances of features with targets, and of labelled features at collapse."""

from __future__ import annotations

from theorems.impl.collapse import LabelledFeatures
from theorems.impl.features import FeatureSet
from theorems.impl.symbolic.source import SymbolicSource
from theorems.impl.whitening import WeightStep
from theorems.proving.trained import unchecked


def feature_set(source: SymbolicSource) -> FeatureSet:
    """Features of any rank, any targets (centred ones and their means), maps and heads; the mixing has an inverse."""
    rows, d, classes, images = (source.size(1, 3) for _ in range(4))
    targets = source.centred(rows, classes) + source.entries(classes)
    return FeatureSet(
        source.entries(rows, d), targets, source.invertible(d), source.entries(d, images),
        source.entries(d, classes), source.positive(),
    )  # fmt: skip


def labelled_features(source: SymbolicSource, *, span: str, equal: bool = False) -> LabelledFeatures:
    """Features E M at collapse, by what the columns of the class means M span; every class has samples, as many as any other if ``equal``."""
    rows, classes, width = (source.size(1, 3) for _ in range(3))
    labels, means = source.collapsed(rows, classes, width, span=span, equal=equal)
    return unchecked(LabelledFeatures, features=labels @ means, labels=labels)  # type: ignore[no-any-return]


def weight_step(source: SymbolicSource) -> WeightStep:
    """Any two weights, the polar factor of W₁W₂ᵀ, another orthogonal matrix, and any directions."""
    rows, columns, directions = (source.size(1, 3) for _ in range(3))
    return WeightStep(*source.polar(rows, columns), source.orthogonal(rows), source.entries(rows, directions))
