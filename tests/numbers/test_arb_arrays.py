"""Arrays of balls: they enclose what exact arithmetic gives, refuse to guess, and their matrix
roots hold whatever the multiplicities.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st

from impl.numbers.arb_arrays import ArbArray, UndecidableError, arb_array
from impl.numbers.arb_matrices import (
    norm,
    orthonormal,
    polar,
    proved_rank,
    symmetric_eigenvalues,
    symmetric_root,
)
from impl.numbers.inverses import inverse
from impl.numbers.operands import is_exact, to_exact
from impl.strategies.layers import lattices


@pytest.fixture(autouse=True)
def _bits():
    with ctx.workprec(128):
        yield


def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def encloses(balls, exact):
    exact = np.asarray(exact, dtype=object)
    return balls.shape == exact.shape and all(
        (b * Fraction(e).denominator).contains(Fraction(e).numerator)
        for b, e in zip(np.asarray(balls).flat, exact.flat, strict=True)
    )


@given(lattices((3, 3), 3), lattices((3, 3), 3))
def test_operators_enclose_what_fractions_give(a, b):
    x, y, p, q = arb_array(a) / 7, arb_array(b), to_exact(a) * Fraction(1, 7), to_exact(b)
    for balls, exact in (
        (x @ y, p @ q),
        (x * y - x, p * q - p),
        ((x + y).sum(-1), (p + q).sum(-1)),
        (x.mT @ y, p.T @ q),
    ):
        assert isinstance(balls, ArbArray)
        assert encloses(balls, exact)
    try:
        back = inverse(p)
    except ZeroDivisionError:
        with pytest.raises(UndecidableError):
            inverse(x)
    else:
        assert encloses(inverse(x), back)


def test_products_broadcast_as_numpy_does():
    a, b = normal(0, 4, 1, 2, 3), normal(1, 5, 3, 2)
    found, wanted = arb_array(a) @ arb_array(b), (a @ b).numpy()
    assert found.shape == wanted.shape
    assert abs(found.middles - wanted).max() < 1e-14
    assert (
        to_exact(a)[0, 0] @ to_exact(b)[0] == (arb_array(a) @ arb_array(b))[0, 0].fractions()
    ).all()


def test_they_are_not_exact_numbers():
    assert not is_exact(arb_array([1, 2]))
    assert (arb_array([1.5, 2]).fractions() == np.array([Fraction(3, 2), 2], dtype=object)).all()
    with pytest.raises(UndecidableError):
        (arb_array([1.0]) / 3).fractions()


def test_comparisons_are_proved_or_refused():
    wide = arb_array(np.array([arb(0, 1)], dtype=object))
    assert bool((arb_array([1, 2]) < arb_array([2, 3])).all())
    for compare in (lambda: wide < 0, lambda: wide >= 0, lambda: wide > wide, lambda: wide <= 0.5):
        with pytest.raises(UndecidableError):
            compare()
    assert bool((wide < 2).all())
    assert wide.clamp(min=0).item().contains(0.5)
    assert not wide.clamp(min=0).item().contains(-0.5)


def test_what_lost_its_dimensions_stays_an_array():
    a = arb_array(torch.tensor(2.0))
    assert (a * a)[..., None].shape == (1,)
    assert a[..., None].sum(-1).shape == ()


@pytest.mark.parametrize(
    "values", [[1, 2, 3], [2, 2, 2, 5], [1, 1e-9, 1e-9], [1e-200, 3e-200], [1e200, 1e190]]
)
def test_roots_of_matrices_with_multiple_and_tiny_eigenvalues(values):
    frame = orthonormal(arb_array(normal(2, len(values), len(values))))
    square = (frame * arb_array(values) * arb_array(values)) @ frame.mT
    root = symmetric_root(square)
    wanted = (frame * arb_array(values)) @ frame.mT
    assert all(
        r.overlaps(w) for r, w in zip(np.asarray(root).flat, np.asarray(wanted).flat, strict=True)
    )
    assert norm(root - wanted) < arb(2) ** -40 * norm(root)


def test_a_root_that_does_not_exist_is_refused():
    for matrix in ([[1, 0], [0, -1]], [[1, 1], [1, 1]], [[0, 0], [0, 0]]):
        with pytest.raises(UndecidableError):
            symmetric_root(arb_array(matrix))


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.sampled_from([0.0, 3.0, 9.0]))
def test_polar_factors_are_orthogonal_and_leave_a_symmetric_positive_factor(seed, size, decades):
    matrix = arb_array(
        normal(seed, size, size) * torch.logspace(0, -decades, size)[:, None].double()
    )
    with ctx.workprec(512):
        factor = polar(matrix)
        eye, stretch = np.eye(size, dtype=int).astype(object), factor.mT @ matrix
        assert norm(factor.mT @ factor - eye) < arb(2) ** -100
        assert all(v.contains(0) for v in np.asarray(stretch - stretch.mT).flat)
        assert symmetric_eigenvalues(stretch)[-1] > -(arb(2) ** -100)


def test_eigenvalues_narrow_with_the_precision():
    frame = normal(3, 6, 6)
    radii = []
    for bits in (64, 256):
        with ctx.workprec(bits):
            q = orthonormal(arb_array(frame))
            found = symmetric_eigenvalues((q * arb_array([0, 0, 1, 1, 2, 3])) @ q.mT)
            assert [v.overlaps(arb(w)) for v, w in zip(found, (3, 2, 1, 1, 0, 0), strict=True)] == [
                True
            ] * 6
            radii.append(max(float(v.rad()) for v in found))
    assert radii[1] < radii[0] * 1e-30


@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_ranks_are_proved_from_below(seed, rank):
    matrix = (
        arb_array(normal(seed, 6, rank)) @ arb_array(normal(seed + 1, rank, 5))
        if rank
        else arb_array(np.zeros((6, 5)))
    )
    assert proved_rank(matrix, 5)[0] == rank
    assert proved_rank(matrix, rank)[1] < arb(2) ** -60


def test_projections_agree_with_exact_ones():
    features, targets = normal(4, 7, 3), normal(5, 7, 2)
    from impl.numbers.linalg import least_squares, project, unexplained

    exact = to_exact(features), to_exact(targets)
    for function in (least_squares, project, unexplained):
        assert encloses(function(arb_array(features), arb_array(targets)), function(*exact))
    assert encloses(project(arb_array(features.mT), arb_array(targets[:3])), to_exact(targets[:3]))
    with pytest.raises(UndecidableError):
        project(arb_array(torch.cat([features, features[:, :1] * 2], 1)), arb_array(targets))
