"""Verified projections against rational arithmetic: the exact result lies inside, and the radius is
not absurd.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impl.numbers.linalg import exact_rank, least_squares, project, unexplained
from tests.exactly import KINDS, fractions, matrices, outside
from theorems.impl.numbers.rounded import Ball
from theorems.impl.numbers.rounded_matrices import has_full_column_rank, rank_in_doubt


def _normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _conditioned(rows, columns, exponent, seed=0):
    """Singular values 1 … 10^−exponent."""
    left, _, right = torch.linalg.svd(_normal(rows, columns, seed=seed), full_matrices=False)
    return (left * torch.logspace(0, -exponent, min(rows, columns), dtype=torch.float64)) @ right


def _with(matrix, column, values):
    matrix[..., column] = values
    return matrix


def _vandermonde(rows, degree):
    return torch.linspace(0, 1, rows, dtype=torch.float64)[:, None] ** torch.arange(degree)


HILBERT = 1 / (torch.arange(6.0, dtype=torch.float64)[:, None] + torch.arange(6) + 1)
TWINS = _with(_normal(6, 3), 1, _normal(6, 3)[:, 0])

# features, condition up to which the radius is asked to be close; None: the rank is in doubt and
# the radius infinite
CASES = {
    "tall": (_normal(7, 3), 1e1),
    "tall integers": (_normal(7, 3).mul(3).round(), 1e1),
    "one column": (_normal(5, 1), 1e0),
    "one row": (_normal(1, 4), 1e0),
    "one number": (_normal(1, 1), 1e0),
    "square": (_normal(4, 4), 1e2),
    "wide": (_normal(3, 6), 1e1),
    "batched": (_normal(2, 3, 5, 2), 1e1),
    "batched wide": (_normal(2, 2, 4), 1e1),
    "condition 1e4": (_conditioned(8, 3, 4), 1e4),
    "condition 1e8": (_conditioned(8, 3, 8), 1e8),
    "condition 1e11": (_conditioned(8, 3, 11), 1e11),
    "wide of condition 1e8": (_conditioned(3, 8, 8), 1e8),
    "square of condition 1e10": (_conditioned(5, 5, 10), 1e10),
    "Hilbert": (HILBERT, 2e7),
    "tall part of Hilbert": (HILBERT[:, :4], 1e5),
    "polynomials": (_vandermonde(9, 6), 1e4),
    "scaled by 1e100": (_normal(7, 3) * 1e100, 1e1),
    "scaled by 1e-100": (_normal(7, 3) * 1e-100, 1e1),
    "scaled by 1e-160": (_normal(7, 3) * 1e-160, 1e1),
    "columns of unequal size": (_normal(7, 3) * torch.tensor([1.0, 1e6, 1e-6]), 1e13),
    "a zero column": (_with(_normal(7, 3), 1, 0.0), 1e1),
    "a zero column, condition 1e8": (_with(_conditioned(8, 4, 8), 1, 0.0), 1e8),
    "a zero row": (torch.cat([_normal(6, 3), torch.zeros(1, 3)]).double(), 1e1),
    "zeros": (torch.zeros(5, 2, dtype=torch.float64), 1e0),
    "batched zeros": (torch.zeros(2, 5, 2, dtype=torch.float64), 1e0),
    "twin columns": (TWINS, None),
    "one column three times another": (_with(_normal(6, 3), 2, 3 * _normal(6, 3)[:, 0]), None),
    "square of rank one": (_normal(4, 1) @ _normal(1, 4), None),
    "wide with twin rows": (TWINS.mT.contiguous(), None),
    "nearly twin columns": (_with(TWINS.clone(), 1, TWINS[:, 0] * (1 + 2**-52)), None),
    "condition 1e18": (_conditioned(8, 3, 18), None),
    "a zero column in one of a batch": (
        _with(_normal(2, 6, 3), 1, torch.tensor([[0.0], [1.0]]).double().expand(2, 6)),
        None,
    ),
}


def _exact(function, features, targets):
    return np.asarray(function(fractions(features), fractions(targets)), dtype=object)


def _truths(features, targets):
    return {
        name: _exact(f, features, targets)
        for name, f in (("project", project), ("unexplained", unexplained))
    }


@pytest.mark.parametrize("name", CASES)
def test_exact_results_lie_inside(name):
    features, condition = CASES[name]
    targets = _normal(*features.shape[:-1], 2, seed=1)
    assert rank_in_doubt(Ball(features)) == (condition is None)
    size = float(targets.norm())
    for function, scale in ((project, size), (unexplained, size**2)):
        ball = function(Ball(features), Ball(targets))
        assert not outside(ball, _exact(function, features, targets))
        # so the tensor's own error is inside as well
        assert torch.equal(ball.center, function(features, targets))
        if condition is None:
            # the first network of a batch is the singular one
            doubtful = ball.error[0] if features.ndim == 3 else ball.error
            assert not doubtful.isfinite().any()
        else:
            assert float(ball.error.max()) <= 1e-13 * condition * scale


@pytest.mark.parametrize("name", CASES)
def test_exact_least_squares_head_lies_inside_where_it_is_unique(name):
    features, condition = CASES[name]
    targets = _normal(*features.shape[:-1], 2, seed=1)
    ball = least_squares(Ball(features), Ball(targets))
    flat = features.reshape(-1, *features.shape[-2:])
    if all(exact_rank(fractions(matrix)) == features.shape[-1] for matrix in flat):
        assert not outside(ball, _exact(least_squares, features, targets))
        assert torch.equal(ball.center, least_squares(features, targets))
        if condition is not None and condition < 1e12:
            smallest = float(torch.linalg.svdvals(flat).min())
            assert float(ball.error.max()) <= 1e-13 * condition / smallest * float(targets.norm())
    else:
        doubtful = ball.error[0] if name == "a zero column in one of a batch" else ball.error
        assert not doubtful.isfinite().any()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (_, condition) in CASES.items() if condition])
@pytest.mark.parametrize("size", [2.0**-40, 2.0**-20])
def test_every_matrix_in_the_ball_has_its_projection_inside(name, size):
    """The radius of features and targets is carried on, not only the rounding."""
    features, _ = CASES[name]
    targets = _normal(*features.shape[:-1], 2, seed=1)
    wide, high = features.abs() * size, torch.full_like(targets, size)
    for seed in range(3):
        signs = [torch.sign(_normal(*x.shape, seed=10 + seed)) for x in (features, targets)]
        moved = fractions(features) + fractions(wide * signs[0])
        aims = fractions(targets) + fractions(high * signs[1])
        for function in (project, unexplained):
            truth = np.asarray(function(moved, aims), dtype=object)
            assert not outside(function(Ball(features, wide), Ball(targets, high)), truth)


def test_twin_columns_are_told_from_a_zero_column():
    assert not has_full_column_rank(Ball(TWINS))
    assert not has_full_column_rank(Ball(CASES["a zero column"][0]))
    assert has_full_column_rank(Ball(CASES["condition 1e11"][0]))
    assert not has_full_column_rank(Ball(CASES["wide"][0]))


def test_a_ball_that_contains_a_singular_matrix_is_in_doubt():
    identity = torch.eye(2, dtype=torch.float64)
    assert has_full_column_rank(Ball(identity, identity * 0 + 0.2))
    # contains 0.5 in every entry
    assert not has_full_column_rank(Ball(identity, identity * 0 + 0.6))
    assert rank_in_doubt(Ball(identity, identity * 0 + 0.6))


def test_infinite_features_give_an_infinite_radius_instead_of_a_crash():
    features, targets = _normal(5, 2), _normal(5, 1)
    features[0, 0] = math.inf
    for function in (project, unexplained, least_squares):
        assert not function(Ball(features), Ball(targets)).error.isfinite().any()
        assert not function(features, targets).isfinite().all()


@pytest.mark.slow
@given(st.data(), st.integers(1, 5), st.integers(1, 4), st.integers(1, 2))
def test_whatever_is_drawn_lies_inside(data, rows, columns, classes):
    kinds = sorted(KINDS)
    features = data.draw(
        st.sampled_from(kinds).flatmap(lambda k: matrices((rows, columns), KINDS[k]))
    )
    targets = data.draw(
        st.sampled_from(kinds).flatmap(lambda k: matrices((rows, classes), KINDS[k]))
    )
    for name, truth in _truths(features, targets).items():
        ball = {"project": project, "unexplained": unexplained}[name](Ball(features), Ball(targets))
        assert not outside(ball, truth), name
    if exact_rank(fractions(features)) == columns:
        assert not outside(
            least_squares(Ball(features), Ball(targets)), _exact(least_squares, features, targets)
        )


def test_targets_inside_the_span_leave_nothing():
    features = fractions(_normal(6, 3).mul(3).round())
    head = np.array([[Fraction(1, 3), 2], [0, Fraction(-5, 7)], [1, 1]], dtype=object)
    assert unexplained(features, features @ head) == 0
