"""Symbolic instances of features with targets, and of labelled features at collapse."""

from __future__ import annotations

from theorems.impl.feature_learning.collapse import LabelledFeatures
from theorems.impl.feature_learning.decoders import Decoder
from theorems.impl.feature_learning.features import FeatureSet
from theorems.impl.feature_learning.whitening import WeightStep
from theorems.impl.numbers.operands import Operand
from theorems.impl.symbolic.source import SymbolicSource
from theorems.proving.trained import unchecked


def feature_set(source: SymbolicSource) -> FeatureSet:
    """Features of any rank, any targets (centred ones and their means), maps and heads; the mixing
    has an inverse.
    """
    rows, d, classes, images = (source.size(1, 3) for _ in range(4))
    targets = source.centred(rows, classes) + source.entries(classes)
    return FeatureSet(
        source.entries(rows, d), targets, source.invertible(d), source.entries(d, images),
        source.entries(d, classes), source.positive(),
    )  # fmt: skip


def labelled_features(
    source: SymbolicSource, *, span: str, equal: bool = False
) -> LabelledFeatures:
    """Features E M at collapse, by what the columns of the class means M span; every class has
    samples, as many as any other if ``equal``.
    """
    rows, classes, width = (source.size(1, 3) for _ in range(3))
    labels, means = source.collapsed(rows, classes, width, span=span, equal=equal)
    return unchecked(LabelledFeatures, features=labels @ means, labels=labels)


def weight_step(source: SymbolicSource) -> WeightStep:
    """Any two weights, the polar factor of W₁W₂ᵀ, another orthogonal matrix, and any directions."""
    rows, columns, directions = (source.size(1, 3) for _ in range(3))
    return WeightStep(
        *source.polar(rows, columns), source.orthogonal(rows), source.entries(rows, directions)
    )


def decoder(source: SymbolicSource, *, layers: int) -> Decoder:
    """Decoders of so many layers none of whose ReLUs switches between the codes, hence not between
    their mixtures, which are convex; exact on the codes.

    At every layer the mixtures of what the codes make are what the mixed codes make, so that a
    unit's output at a mixture is a convex combination of its outputs at the codes: open or closed
    at all of them, it is so at the mixture.
    """
    rows, mixed = source.size(1, 3), source.size(1, 3)
    widths = [source.size(1, 3) for _ in range(layers + 1)]
    codes, mixtures = source.entries(rows, widths[0]), source.shares(mixed, rows)
    weights, biases = [], [source.entries(width) for width in widths[1:]]
    seen = [codes, mixtures @ codes]
    for place, (width, bias) in enumerate(zip(widths[1:], biases, strict=True)):

        def outputs(w: Operand, bias: Operand = bias, seen: list[Operand] = seen) -> list[Operand]:
            return [z @ w.mT + bias[None, :] for z in seen]

        last = place == layers - 1
        shape = (width, widths[place])
        weights.append(source.entries(*shape) if last else source.switched(*shape, before=outputs))
        seen = outputs(weights[-1]) if last else [h.clamp(min=0) for h in outputs(weights[-1])]
    return unchecked(
        Decoder,
        points=seen[0],
        codes=codes,
        weights=tuple(weights),
        biases=tuple(biases),
        mixtures=mixtures,
    )
