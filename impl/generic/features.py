"""Generic features with targets or labels, weight steps and motions, ensembles of readouts."""

from __future__ import annotations

import numpy as np

from theorems.impl.feature_learning.collapse import LabelledFeatures
from theorems.impl.feature_learning.features import FeatureSet
from theorems.impl.feature_learning.readouts import ReadoutEnsemble
from theorems.impl.feature_learning.whitening import WeightMotion, WeightStep, weight_motion
from theorems.impl.generic.networks import pairing
from theorems.impl.generic.source import Source
from theorems.impl.numbers.inverses import inverse
from theorems.impl.numbers.operands import Operand, reciprocal


def feature_set(source: Source, *, driven: bool = False) -> FeatureSet:
    """Everything drawn; η·λ_max between 0 and 1. Two equal columns of features or targets on some
    shapes, unless ``driven``.

    On some shapes the features are centred and explain the targets all but for what is drawn
    beside, η·λ_max between 1 and 2; on some they explain them completely, unless ``driven``.
    """
    nearly, wholly = source.shape % 6 == 4, source.shape % 6 == 3 and not driven
    d = source.size(1, 3)
    rows, images = d + source.size(1, 2) + int(nearly), source.size(1, 2)
    classes = source.size(1, min(2, rows - 1))
    part, rest = source.positive(1), source.positive(1)
    rate = part * reciprocal(part + rest)
    features, targets = source.entries(rows, d), source.entries(rows, classes)
    if not driven and source.shape % 3 == 2:
        features[:, -1], targets[:, -1] = features[:, 0], targets[:, 0]
    if nearly or wholly:
        features = features * rows - features.sum(-2)
        targets = features @ source.entries(d, classes) + (targets if nearly else targets * 0)
    if nearly:
        rate = rate + 1
    return FeatureSet(
        features, targets, source.entries(d, d), source.entries(d, images),
        source.entries(d, classes), rate.reshape(()),
    )  # fmt: skip


def labelled_features(source: Source, *, simplex: bool = False) -> LabelledFeatures:
    """Collapsed: class means in general position, or a simplex K I − 11ᵀ turned and scaled; class
    sizes 1 … 3.

    A simplex on every shape if ``simplex``; else on every other one, and then the classes are of
    one size.
    """
    classes = source.size(2, 3)
    sizes = [source.size(1, 3) for _ in range(classes)]
    simple = simplex or bool(source.shape % 2)
    if simple and not simplex:
        sizes = sizes[:1] * classes
    labels = np.array(
        [[int(k == c) for c in range(classes)] for k in range(classes) for _ in range(sizes[k])],
        object,
    )
    if simple:
        eye = np.eye(classes, dtype=int).astype(object)
        means = (eye * classes - 1) @ source.scaled_orthogonal(classes)[0] * source.positive(1)
    else:
        means = source.entries(classes, classes + source.size(0, 1))
    return LabelledFeatures(labels @ means, labels)


def weight_step(source: Source) -> WeightStep:
    r"""W₂ and Q drawn, and the most general W₁ with polar(W₁W₂ᵀ) = Q: W₁W₂ᵀ = QBBᵀ, anything off
    the rows of W₂.
    """
    rows = source.size(2, 3)
    columns = rows + source.size(0, 1)
    after, root, other = (
        source.entries(rows, columns),
        source.entries(rows, rows),
        source.entries(rows, columns),
    )
    turn = source.orthogonal(rows)
    lifted = inverse(after @ after.mT) @ after
    before = turn @ (root @ root.mT) @ lifted + other - (other @ after.mT) @ lifted
    competitor = np.eye(rows, dtype=int).astype(object)[source.order(rows)] * source.signs(rows)
    return WeightStep(before, after, turn, competitor, source.entries(rows, 2))


def weight_motion_of(source: Source) -> WeightMotion:
    """Weight and velocity drawn; the vertical part by solving for the spin."""
    rows = 2
    columns = rows + source.size(0, 1)
    return weight_motion(source.entries(rows, columns), source.entries(rows, columns))


def readout_ensemble(source: Source) -> ReadoutEnsemble:
    """Features, weight, targets drawn; the readouts ± the rows of q times an orthogonal matrix:
    white, with v = q²/(Km).
    """
    rows, d, width, classes = (
        source.size(2, 3),
        source.size(1, 3),
        source.size(1, 2),
        source.size(1, 2),
    )
    frame, scale = source.scaled_orthogonal(classes * width)
    units = frame.reshape(-1, classes, width)
    readouts = np.concatenate([units, -units])
    features, weight, targets = (
        source.entries(rows, d),
        source.entries(width, d),
        source.entries(rows, classes),
    )
    grads = [
        source.gradient(lambda w, a=a: -pairing(targets, features @ w.mT @ a.mT), (weight,))[0]
        for a in readouts
    ]
    variance = np.array(_over(scale * scale, classes * width), dtype=object)
    return ReadoutEnsemble(
        features, weight, targets, readouts, variance, source.positive(), np.stack(grads)
    )


def _over(value: Operand, count: int) -> Operand:
    return reciprocal(count) * value
