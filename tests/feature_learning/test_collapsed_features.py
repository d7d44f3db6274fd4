"""Neural collapse, simplices and decoders: the figures of the statement, the converses that fail,
and corners.
"""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from impl.errors import InputError
from impl.feature_learning.collapse import (
    LabelledFeatures,
    is_simplex,
    labelled_features,
    rank_of_means,
    within_class_variation,
)
from impl.feature_learning.decoders import Decoder
from impl.feature_learning.features import target_linearity
from impl.numbers.operands import to_exact
from impl.strategies import alignment as drawn
from theorems.feature_learning.collapsed_features import (
    affine_decoder_interpolates,
    neural_collapse_implies_target_linearity,
    simplex_target_linearity,
)
from theorems.verdict import Grade, Outcome

QUICK = settings(max_examples=2_000, database=None, phases=[Phase.generate])


def simplex(*sizes):
    k = len(sizes)
    labels = torch.eye(k, dtype=torch.float64).repeat_interleave(torch.tensor(sizes), 0)
    return LabelledFeatures(labels @ (k * torch.eye(k, dtype=torch.float64) - 1), labels).exact()


# -- neural collapse -------------------------------------------------------------------------------


def test_sizes_20_10_5():
    batch = simplex(20, 10, 5)
    linearity = target_linearity(batch.labels, batch.features)
    assert linearity == Fraction(43, 49)
    assert round(float(linearity), 3) == 0.878
    verdict = simplex_target_linearity(batch)
    assert verdict
    assert verdict.grade is Grade.EXACT
    assert neural_collapse_implies_target_linearity(batch).outcome is Outcome.INAPPLICABLE
    claim = neural_collapse_implies_target_linearity.without(
        "means of full rank, or balanced simplex"
    )
    assert claim(batch).outcome is Outcome.REFUTED


@pytest.mark.parametrize("sizes", [(1, 1), (2, 2), (3, 3, 3), (1, 1, 1, 1)])
def test_balanced_simplices_are_complete(sizes):
    batch = simplex(*sizes)
    assert neural_collapse_implies_target_linearity(batch).grade is Grade.EXACT
    assert target_linearity(batch.labels, batch.features) == 1


def test_target_linearity_one_does_not_imply_collapse():
    """One more feature that tells samples of a class apart leaves the labels linear in the
    features.
    """
    labels = to_exact(torch.eye(2, dtype=torch.float64).repeat_interleave(2, 0))
    spread = np.array([[0], [1], [2], [5]], dtype=object)
    batch = LabelledFeatures(np.concatenate([labels, spread], 1), labels)
    assert target_linearity(batch.labels, batch.features) == 1
    assert within_class_variation(batch) > 0
    verdict = neural_collapse_implies_target_linearity(batch)
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert "have not collapsed" in verdict.context["reason"]


def test_means_of_lower_rank_are_inapplicable():
    labels = to_exact(torch.eye(3, dtype=torch.float64))
    batch = LabelledFeatures(labels * 0 + 1, labels)
    assert rank_of_means(batch) == 1
    assert not is_simplex(batch)
    assert neural_collapse_implies_target_linearity(batch).outcome is Outcome.INAPPLICABLE


def test_class_labels_of_a_user():
    labels = torch.tensor([0, 1, 2, 1, 0])
    means = torch.randn(3, 3, generator=torch.Generator().manual_seed(1))
    verdict = neural_collapse_implies_target_linearity(labelled_features(means[labels], labels))
    assert verdict
    assert verdict.grade is Grade.CERTIFIED


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "corner"), [
    (drawn.collapsed_batches(), lambda b: len(b.features) == b.labels.shape[1]),
    (drawn.collapsed_batches(), lambda b: b.features.shape[1] > b.labels.shape[1]),
    (drawn.collapsed_batches(), lambda b: b.labels.shape[1] == 8),
    (drawn.collapsed_batches(), is_simplex),
    (drawn.simplex_batches(), lambda b: len(set(b.sizes.tolist())) == 1),
    (drawn.simplex_batches(), lambda b: len(set(b.sizes.tolist())) == 3),
])  # fmt: skip
def test_batches_reach_every_corner(strategy, corner):
    find(strategy, corner, settings=QUICK)


# -- decoders --------------------------------------------------------------------------------------


@given(drawn.affine_decoders())
@settings(max_examples=40)
def test_affine_decoders_interpolate(decoder):
    verdict = affine_decoder_interpolates(decoder)
    assert verdict
    assert isinstance(decoder.points, torch.Tensor) or verdict.grade is Grade.EXACT


@given(st.data())
@settings(max_examples=60)
def test_a_piecewise_linear_decoder_interpolates_two_points_if_and_only_if_it_is_affine(data):
    """On a segment the error of a one-layer decoder is piecewise linear, so it is zero if it is
    zero at every kink: exactly.
    """
    small = st.integers(-2, 2)
    width = data.draw(st.integers(1, 3))
    weight, bias, out = (
        data.draw(st.lists(small, min_size=width, max_size=width)) for _ in range(3)
    )
    left, right = data.draw(small), data.draw(st.integers(3, 5))

    def decode(z):
        return sum(a * max(w * z + b, 0) for a, w, b in zip(out, weight, bias, strict=True))

    kinks = [Fraction(-b, w) for w, b in zip(weight, bias, strict=True) if w]
    inside = sorted({z for z in kinks if left < z < right})
    changes = [
        sum(
            a * abs(w)
            for a, w, b in zip(out, weight, bias, strict=True)
            if w and Fraction(-b, w) == z
        )
        for z in inside
    ]
    affine = not any(changes)
    shares = [Fraction(z - left, right - left) for z in inside] or [Fraction(1, 2)]
    layers = (np.array(weight, dtype=object)[:, None], np.array(out, dtype=object)[None])
    biases = (np.array(bias, dtype=object), np.array([0], dtype=object))
    decoder = Decoder(
        points=np.array([[decode(left)], [decode(right)]], dtype=object),
        codes=np.array([[left], [right]], dtype=object),
        weights=layers,
        biases=biases,
        mixtures=np.array([[1 - t, t] for t in shares], dtype=object),
    )
    verdict = affine_decoder_interpolates.without("affine on the data")(decoder)
    assert (verdict.outcome is Outcome.HOLDS) == affine
    if decoder.switching_units() == 0:
        assert affine


@pytest.mark.parametrize("corner", [
    lambda d: len(d.codes) == 1,
    lambda d: len(d.weights) == 1,
    lambda d: len(d.weights) == 3,
    lambda d: len(d.codes) > 1 and bool((d.codes[0] == d.codes[1]).all()),
    lambda d: isinstance(d.codes, torch.Tensor) and d.weights[0].shape[0] > 8,
])  # fmt: skip
def test_decoders_reach_every_corner(corner):
    find(drawn.affine_decoders(), corner, settings=QUICK)


# -- errors ----------------------------------------------------------------------------------------

EYE = torch.eye(2, dtype=torch.float64)
ONE = torch.ones(2, dtype=torch.float64)
BAD = {
    "labels of another batch": (
        lambda: LabelledFeatures(EYE, torch.eye(3).double()),
        "labels of shape",
    ),
    "soft labels": (lambda: LabelledFeatures(EYE, EYE / 2 + 0.25), "one-hot"),
    "a class without samples": (
        lambda: labelled_features(EYE, torch.tensor([0, 2])),
        "samples of every class",
    ),
    "one class": (lambda: LabelledFeatures(EYE, ONE[:, None]), "two classes"),
    "NaN features": (lambda: LabelledFeatures(EYE * float("nan"), EYE), "finite"),
    "mixtures that extrapolate": (
        lambda: Decoder(EYE, EYE, (EYE,), (ONE * 0,), 2 * EYE - EYE.flip(0)),
        "sum to exactly 1",
    ),
    "points of another size": (
        lambda: Decoder(EYE[:, :1], EYE, (EYE,), (ONE,), EYE),
        "points of shape",
    ),
    "a bias of another size": (lambda: Decoder(EYE, EYE, (EYE,), (ONE[:1],), EYE), "layer 1"),
    "no layer": (lambda: Decoder(EYE, EYE, (), (), EYE), "at least one"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_say_what_came(name):
    call, message = BAD[name]
    with pytest.raises(InputError, match=message):
        call()
