"""Harmonics against scipy: Gegenbauer polynomials, integrals over the whole sphere, eigenvalues of
known matrices.
"""

import math

import numpy as np
import pytest
from flint import acb, arb, arb_mat, ctx
from scipy import integrate, special

from impl.errors import InputError
from impl.function_space.harmonics import Harmonic, legendre
from impl.numbers.arb_matrices import eigenvalues

SIGMA = {"relu": lambda t: max(t, 0.0), "abs": abs}


def polynomial(d, k, t):
    """P_k by scipy's Gegenbauer and Chebyshev polynomials, with P_k(1) = 1."""
    if d == 2:
        return special.eval_chebyt(k, t)
    return special.eval_gegenbauer(k, d / 2 - 1, t) / special.eval_gegenbauer(k, d / 2 - 1, 1.0)


@pytest.mark.parametrize("d", [2, 3, 4, 9])
def test_polynomials(d):
    for k in range(7):
        for t in (-1.0, -0.3, 0.0, 0.8, 1.0):
            assert float(legendre(d, k, acb(t)).real.mid()) == pytest.approx(
                polynomial(d, k, t), abs=1e-12
            )


@pytest.mark.parametrize("activation", SIGMA)
@pytest.mark.parametrize("d", [2, 3, 4, 9])
def test_eigenvalues_are_integrals_over_the_whole_sphere(d, activation):
    """μ_k = E σ(t)P_k(t), each half of the sphere integrated by scipy, whatever the parity of σ and
    P_k.
    """

    def whole(of):
        halves = ((0, math.pi / 2), (math.pi / 2, math.pi))
        density = lambda a: of(math.cos(a)) * math.sin(a) ** (d - 2)  # noqa: E731
        return sum(integrate.quad(density, *half, epsabs=1e-13)[0] for half in halves)

    total = whole(lambda _: 1.0)
    for k in range(6):
        mean = whole(lambda t, k=k: SIGMA[activation](t) * polynomial(d, k, t)) / total
        found = Harmonic(d, k, activation).eigenvalue
        assert float(found.mid()) == pytest.approx(d * mean**2, abs=1e-12)
        assert float(found.rad()) < 1e-9


@pytest.mark.parametrize("activation", SIGMA)
@pytest.mark.parametrize("k", [0, 1])
def test_in_one_dimension_the_sphere_is_two_points(k, activation):
    mean = sum(SIGMA[activation](t) * t**k for t in (-1, 1)) / 2
    assert Harmonic(1, k, activation).eigenvalue == mean**2


@pytest.mark.parametrize("case", [(0, 1, "relu"), (1, 2, "relu"), (3, -1, "relu"), (3, 1, "tanh")])
def test_what_does_not_exist_is_refused(case):
    with pytest.raises(InputError, match="expected"):
        Harmonic(*case)


def test_enclosures_hold_the_eigenvalues_of_the_second_difference():
    """2 − 2 cos(πj/(n + 1)) of the tridiagonal matrix (−1, 2, −1), in decreasing order, tightly;
    entries that are balls widen them.
    """
    n = 9
    rows = (2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)).tolist()
    with ctx.workprec(100):
        wanted = [2 - 2 * (arb.pi() * j / (n + 1)).cos() for j in range(n, 0, -1)]
        for ball, found in zip(wanted, eigenvalues(arb_mat(rows)), strict=True):
            assert found.overlaps(ball)
            assert float(found.rad()) < 1e-12
        wide = [
            [arb(v, 1e-3 if i == j else 0) for j, v in enumerate(row)] for i, row in enumerate(rows)
        ]
        for ball, found in zip(wanted, eigenvalues(arb_mat(wide)), strict=True):
            assert found.contains(ball + arb(0, 1e-3))
            assert float(found.rad()) < 1e-2


def test_a_matrix_that_is_not_known_has_no_eigenvalues():
    assert not any(value.is_finite() for value in eigenvalues(arb_mat([[arb("nan"), 0], [0, 1]])))
