"""Quadrature rules against moments that are known in closed form."""

import math

import numpy as np
import pytest

from impl.function_space.gaussian_quadrature import (
    chi_squared,
    normal,
    sphere_coordinate,
    split_normal,
)


def moments(rule, orders):
    nodes, weights = rule
    return [float((weights * nodes**k).sum()) for k in orders]


@pytest.mark.parametrize("count", [2, 3, 8, 20])
def test_normal(count):
    orders = range(0, 2 * count, 2)
    assert moments(normal(count), orders) == pytest.approx(
        [math.prod(range(1, k, 2)) for k in orders], rel=1e-12
    )
    assert np.abs(moments(normal(count), (1, 3))).max() < 1e-14


@pytest.mark.parametrize("degrees", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("count", [2, 3, 12])
def test_chi_squared(count, degrees):
    """The k-th moment is d (d + 2) … (d + 2k − 2)."""
    orders = range(2 * count)
    wanted = [math.prod(degrees + 2 * i for i in range(k)) for k in orders]
    assert moments(chi_squared(count, degrees), orders) == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("dimension", [2, 3, 5, 64])
@pytest.mark.parametrize("count", [2, 3, 12])
def test_sphere_coordinate(count, dimension):
    """The 2k-th moment is 1·3 … (2k − 1)/(d (d + 2) … (d + 2k − 2))."""
    orders = range(0, 2 * count, 2)
    wanted = [math.prod((2 * i + 1) / (dimension + 2 * i) for i in range(k // 2)) for k in orders]
    assert moments(sphere_coordinate(count, dimension), orders) == pytest.approx(wanted, rel=1e-11)


def test_split_normal():
    nodes, weights = split_normal(80)
    assert float((weights * np.abs(nodes)).sum()) == pytest.approx(
        math.sqrt(2 / math.pi), rel=1e-12
    )
    assert moments((nodes, weights), (0, 2, 4)) == pytest.approx([1, 1, 3], rel=1e-12)


def test_chi_squared_without_degrees_is_zero():
    assert moments(chi_squared(5, 0), (0, 1, 2)) == [1, 0, 0]
