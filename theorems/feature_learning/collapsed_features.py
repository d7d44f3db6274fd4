"""Collapsed features and affine decoders: when the labels are linear in the features, and mixtures
decode to mixtures: arXiv:2605.06258.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from theorems.claim import Hypothesis, Source
from theorems.impl.feature_learning.collapse import (
    LabelledFeatures,
    is_simplex,
    rank_of_means,
    within_class_variation,
)
from theorems.impl.feature_learning.decoders import Decoder
from theorems.impl.feature_learning.features import target_linearity
from theorems.impl.numbers.linalg import project, squared_norm
from theorems.impl.numbers.operands import Operand, is_exact, reciprocal
from theorems.impl.strategies import alignment as drawn
from theorems.stating import equals

_PAPER = "2605.06258"

# -- neural collapse -------------------------------------------------------------------------------


def _varies(batch: LabelledFeatures) -> str | None:
    spread = within_class_variation(batch)
    return (
        None
        if spread == 0
        else f"features of one class differ by up to {spread:.3g}: they have not collapsed"
    )


def _poor_means(batch: LabelledFeatures) -> str | None:
    rank, classes = rank_of_means(batch), batch.labels.shape[-1]
    if rank == classes or (is_simplex(batch) and bool((batch.sizes == batch.sizes[0]).all())):
        return None
    return f"the class means have rank {rank} < {classes} and are no simplex of balanced classes"


def _not_a_simplex(batch: LabelledFeatures) -> str | None:
    return None if is_simplex(batch) else "the class means are no simplex equiangular tight frame"


def _linearity(batch: LabelledFeatures) -> Operand:
    return target_linearity(batch.labels, batch.features)


def _linearity_without_centring(batch: LabelledFeatures) -> Operand:
    off = batch.labels - project(batch.features, batch.labels)
    return 1 - squared_norm(off) / squared_norm(batch.labels)


def _one_off(batch: LabelledFeatures) -> LabelledFeatures:
    """The first sample moved by the sum of all others' features: off its mean wherever that is
    possible.
    """
    moved = batch.features[:1] * 2 + batch.features.sum(-2)[None, :] * 0 + 1
    return replace(batch, features=_stacked(moved, batch.features[1:]))


def _stacked(first: Operand, rest: Operand) -> Operand:
    """Two blocks of rows in one matrix, by operators that every operand has."""
    rows = rest.shape[0] + 1
    eye = torch.eye(rows, dtype=torch.float64)
    if is_exact(rest):
        exact = eye.numpy().astype(int).astype(object)
        return exact[:, :1] @ first + exact[:, 1:] @ rest
    return eye[:, :1] @ first + eye[:, 1:] @ rest


COLLAPSE = Hypothesis(drawn.uncollapsed_batches, _varies)


def _complete(batch: LabelledFeatures) -> Operand:
    return batch.labels.sum(-1).sum(-1) * 0 + 1


def _one_short(batch: LabelledFeatures) -> Operand:
    """(K − 1)/K: what would be left if one of the K classes were not explained."""
    classes = _complete(batch) * batch.labels.shape[-1]
    return (classes - 1) * reciprocal(classes)


@equals(
    observed=_linearity,
    on=drawn.collapsed_batches,
    source=Source(_PAPER, "neural collapse as complete target linearity"),
    hypotheses={
        "zero within-class variation": COLLAPSE,
        "means of full rank, or balanced simplex": Hypothesis(
            drawn.imbalanced_simplices, _poor_means
        ),
    },
    mutants={
        "labels not centred, one short": {
            "observe": _linearity_without_centring,
            "predict": _one_short,
        },
        "a column of the features left out": {
            "observe": lambda batch: target_linearity(batch.labels, batch.features[:, 1:]),
        },
        "one sample off its mean": {"observe": lambda batch: _linearity(_one_off(batch))},
        "one class unexplained": _one_short,
    },
)
def neural_collapse_implies_target_linearity(batch: LabelledFeatures) -> Operand:
    r"""At neural collapse a linear head explains the labels completely: zero within-class variation
    gives target linearity one.

    With H = E M, E the one-hot labels (N, K) and M the class means (K, d):

    .. math:: \operatorname{rank} M = K,
              \text{ or } M M^\top \propto K I - 1 1^\top \text{ with equal class sizes}
              \implies \mathrm{TL}(E, H) = 1

    since col(H) then contains every label column once it is centred. The features are not centred.
    Shapes: H (N, d), TL (). Observed: least-squares projection. TL = 1 does not imply collapse; an
    unbalanced simplex has TL < 1, see `simplex_target_linearity`.

    Hypotheses: features equal within a class (checked, exactly); means of rank K or a simplex
    equiangular tight frame of balanced classes (checked, exactly). Raises InputError for anything
    that is not a LabelledFeatures. Source: arXiv:2605.06258 [P, in words]; conditions derived [D,
    N].
    """
    return _complete(batch)


def _simplex_gap(batch: LabelledFeatures) -> Operand:
    """1 − TL of a simplex: (Σ_k (N − K n_k)²) / (N (N² − Σ n_k²) Σ 1/n_k)."""
    sizes, (rows, classes) = batch.sizes, batch.labels.shape
    off = sizes * classes - rows
    spread = (sizes * sizes).sum(-1) - rows * rows
    return (off * off).sum(-1) / (spread * (-rows) * (1 / sizes).sum(-1))


@equals(
    observed=_linearity,
    on=drawn.simplex_batches,
    source=Source(_PAPER, "neural collapse with unequal classes", "derived"),
    hypotheses={
        "zero within-class variation": Hypothesis(drawn.uncollapsed_simplices, _varies),
        "simplex equiangular tight frame": Hypothesis(drawn.full_rank_batches, _not_a_simplex),
    },
    mutants={
        "complete whatever the sizes": lambda batch: _complete(batch),  # noqa: PLW0108
        "gap twice": lambda batch: 1 - _simplex_gap(batch) * 2,
        "harmonic mean for the sum": lambda batch: 1 - _simplex_gap(batch) * batch.labels.shape[-1],
        "labels not centred": {"observe": _linearity_without_centring},
    },
)
def simplex_target_linearity(batch: LabelledFeatures) -> Operand:
    r"""At neural collapse on a simplex, unequal classes leave part of the labels unexplained, by a
    closed form in the class sizes.

    .. math:: 1 - \mathrm{TL} = \frac{\sum_k (N - K n_k)^2}{N
              \left(N^2 - \sum_k n_k^2\right) \sum_k 1/n_k}

    for class means with M Mᵀ ∝ K I − 11ᵀ and n_k samples of class k, N in all: 0.878 at sizes 20,
    10, 5, and 1 only for equal sizes. The one direction of the labels' span that the features miss
    is E diag(n)⁻¹ 1. Shapes: H (N, d), TL (). Observed: least-squares projection.

    Hypotheses: features equal within a class (checked, exactly); a simplex equiangular tight frame
    (checked, exactly; so the features are exact numbers). Raises InputError for anything that is
    not a LabelledFeatures. Source: derived from arXiv:2605.06258 [D, N].
    """
    return 1 - _simplex_gap(batch)


# -- decoders --------------------------------------------------------------------------------------


def _not_reconstructed(decoder: Decoder) -> str | None:
    gap = abs(decoder.decode(decoder.codes) - decoder.points)
    return (
        None
        if bool((gap == 0).all())
        else f"the decoder misses a point by {float(gap.max()):.3g}: not exactly reconstructed"
    )


def _switches(decoder: Decoder) -> str | None:
    units = decoder.switching_units()
    return (
        f"{units} ReLUs of the decoder switch between the codes: it is not affine there"
        if units
        else None
    )


@equals(
    observed=lambda decoder: decoder.decode(decoder.mixtures @ decoder.codes),
    on=drawn.affine_decoders,
    source=Source(_PAPER, "interpolation by the decoder"),
    hypotheses={
        "points exactly reconstructed": Hypothesis(drawn.inexact_decoders, _not_reconstructed),
        "affine on the data": Hypothesis(drawn.switching_decoders, _switches),
    },
    mutants={
        "decoder without its biases": {
            "observe": lambda d: replace(d, biases=tuple(b * 0 for b in d.biases)).decode(
                d.mixtures @ d.codes
            )
        },
        "weights of the mixture squared": lambda d: (d.mixtures * d.mixtures) @ d.points,
        "nearest point": lambda d: d.mixtures @ d.points * 0 + d.points[:1],
        "extrapolated": lambda d: (d.mixtures * 2) @ d.points - d.points[:1],
        "mixture reversed": lambda d: (1 - d.mixtures) @ d.points,
    },
)
def affine_decoder_interpolates(decoder: Decoder) -> Operand:
    r"""A decoder that is affine on the codes of exactly reconstructed points decodes every mixture
    of codes to the mixture of points.

    .. math:: g(z_i) = x_i,\ g \text{ affine on } \operatorname{conv}\{z_i\}
              \implies g\Big(\sum_i c_i z_i\Big) = \sum_i c_i x_i

    for convex weights c. The converse holds by definition (zero error for all mixtures *is*
    affinity there), and a ReLU switching between two codes shows as an error. Shapes: Z (N, k), X
    (N, D), C (B, N), both sides (B, D). Observed: the decoder runs on the mixed codes.

    Hypotheses: points exactly reconstructed (checked, exactly); no ReLU is open at one code and
    closed at another (checked; sufficient for affinity). Raises InputError for anything that is not
    a Decoder. Source: arXiv:2605.06258 [P, in words; D].
    """
    return decoder.mixtures @ decoder.points
