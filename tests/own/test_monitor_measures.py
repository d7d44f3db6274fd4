"""Ranks, linearity and the motion of a Gram matrix from smaller sides: what the whole matrices
say.
"""

import math

import pytest
import torch

from impl.feature_learning.features import target_linearity
from theorems.own.monitor_measures import (
    agreement,
    linearity,
    product_spectrum,
    rank,
    spectrum,
)

F32, F64 = torch.float32, torch.float64


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (6, 6), (40, 20), (20, 45)])
def test_the_motion_of_a_gram_matrix(shape, dtype):
    before, gradient = normal(*shape).to(dtype), normal(*shape, seed=1).to(dtype)
    after = before - 0.05 * gradient + 0.02 * normal(*shape, seed=2).to(dtype)
    w, e, last = before.double(), gradient.double(), after.double()
    moved, virtual = last.mT @ last - w.mT @ w, -(w.mT @ e + e.mT @ w)
    wanted = float((moved * virtual).sum() / moved.norm() / virtual.norm())
    assert 0.2 < wanted < 0.95
    found = agreement(before, gradient, after)
    assert found == pytest.approx(wanted, abs=1e-12 if dtype is F64 else 1e-6)
    tiny = agreement(before, gradient * 1e-30, after)
    assert tiny == pytest.approx(wanted, abs=1e-5), "the size of the gradient does not matter"
    back = agreement(before, -gradient, after)
    assert back == pytest.approx(-wanted, abs=1e-6)


def test_nothing_moved_has_no_direction():
    weight = normal(3, 4)
    assert math.isnan(agreement(weight, normal(3, 4, seed=1), weight))
    assert math.isnan(agreement(weight, weight * 0, weight + 1))


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (7, 7)])
def test_singular_values_from_the_smaller_side(shape):
    matrix = normal(*shape)
    wanted = torch.linalg.svdvals(matrix)
    for dtype in (F32, F64):
        torch.testing.assert_close(spectrum(matrix, dtype), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize(
    ("rows", "inner", "columns"), [(30, 3, 40), (5, 20, 8), (5, 8, 90), (40, 12, 10), (9, 9, 9)]
)
def test_singular_values_of_a_product_from_its_factors(rows, inner, columns, dtype):
    left, right = normal(rows, inner), normal(inner, columns, seed=1)
    left[:, 0] = left[:, 1]
    wanted = torch.linalg.svdvals(left @ right)
    found = product_spectrum(left, right, dtype)
    known = min(len(found), len(wanted))
    room = 1e-5 if dtype is F32 else 1e-12  # formed in float32, as autograd would
    torch.testing.assert_close(found[:known], wanted[:known], rtol=1e-5, atol=10 * room)
    assert rank(found, 1e-5) == rank(wanted, 1e-5) == min(rows, columns, inner - 1)


def test_float32_tells_a_hundred_thousandth_and_no_less():
    left, right = torch.linalg.qr(normal(12, 6)).Q, torch.linalg.qr(normal(9, 6, seed=1)).Q
    sizes = torch.tensor([1.0, 0.5, 1e-2, 1.1e-5, 0.9e-5, 1e-7], dtype=F64)
    matrix = left * sizes @ right.mT
    assert rank(spectrum(matrix, F32), 1e-5) == 4
    assert rank(product_spectrum(left * sizes, right.mT, F32), 1e-5) == 4
    assert rank(spectrum(matrix * 0, F32), 1e-5) == 0


def test_linearity_by_least_squares():
    labels = torch.eye(3, dtype=F64)[torch.arange(20) % 3]
    for width in (2, 7, 19, 30):
        features = normal(20, width)
        for kind in (features, torch.cat([features, features], 1), features * (features > 0)):
            wanted = float(target_linearity(labels, kind))
            for _ in range(5):
                assert linearity(kind, labels) == pytest.approx(wanted, abs=1e-10)
    assert math.isnan(linearity(features, labels * 0 + 1))
