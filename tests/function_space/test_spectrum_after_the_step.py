"""The operator's spectrum and the quadratures under it: zonal Galerkin matrices, Legendre
polynomials, the first order in the spike.
"""

import math

import numpy as np
import pytest
from flint import acb, arb

from impl.function_space.gaussian_quadrature import (
    chi_squared,
    normal,
    sphere_coordinate,
    split_normal,
)
from impl.function_space.harmonics import Harmonic, legendre
from impl.function_space.kernel_expansion import ExpansionPath
from impl.function_space.zonal_operator import ZonalPath, ZonalPoint, funk_hecke, galerkin
from theorems import Outcome, function_space


@pytest.mark.parametrize("d", [2, 3, 10])
def test_zonal_galerkin_has_the_isotropic_spectrum_and_trace(d):
    diagonal = np.diag(galerkin(ZonalPoint(dimension=d, bulk=1.0, spike=0.0), 8, 40))
    assert diagonal == pytest.approx(
        [float(Harmonic(d, k).eigenvalue.mid()) for k in range(8)], abs=1e-13
    )
    # E‖w‖² = tr Γ/d
    assert galerkin(ZonalPoint(dimension=d, bulk=1.0, spike=3.0), 8, 80)[0, 0] == pytest.approx(
        float(Harmonic(d, 0).eigenvalue.mid()) * (d + 3) / d
    )
    assert funk_hecke(8, d)[3] == 0


def test_legendre_starts_with_the_polynomials_we_know():
    t = acb(0.3)
    assert legendre(3, 2, t).real.overlaps(arb(3) * arb(0.3) ** 2 / 2 - arb(0.5))
    assert legendre(2, 3, t).real.overlaps(4 * arb(0.3) ** 3 - 3 * arb(0.3))


def test_quadratures_have_their_moments():
    for _, weights in (normal(12), chi_squared(12, 5), sphere_coordinate(12, 7)):
        assert weights.sum() == pytest.approx(1)
    assert normal(12)[0] ** 4 @ normal(12)[1] == pytest.approx(3)
    assert chi_squared(12, 5)[0] @ chi_squared(12, 5)[1] == pytest.approx(5)
    assert sphere_coordinate(12, 7)[0] ** 2 @ sphere_coordinate(12, 7)[1] == pytest.approx(1 / 7)
    assert chi_squared(12, 6399)[0] @ chi_squared(12, 6399)[1] == pytest.approx(6399)


def test_split_quadrature_takes_jumps_and_kinks():
    z, weights = split_normal(48)
    assert weights.sum() == pytest.approx(1, abs=1e-15)
    assert z**4 @ weights == pytest.approx(3, rel=1e-13)
    assert np.abs(z) @ weights == pytest.approx(math.sqrt(2 / math.pi), rel=1e-13)
    assert (z > 0) @ weights == pytest.approx(0.5, abs=1e-15)


def test_first_order_expansion_needs_its_remainder():
    path = ExpansionPath(activation="relu", dimension=3, seed=1)
    verdict = function_space.kernel_first_order_expansion(path)
    assert verdict.outcome is Outcome.HOLDS
    assert "drift of the local exponent" in verdict.context


def test_the_top_modes_error_is_of_second_order_unless_the_spike_vanishes():
    claim = function_space.top_mode_mixes_quadratic_harmonic
    assert float(
        claim(ZonalPath(growth=0.0)).context["exponent fitted"].split()[0]
    ) == pytest.approx(-2, abs=0.01)
    small = ZonalPath(growth=-0.5)
    assert claim(small).outcome is Outcome.INAPPLICABLE
    assert claim.without("B does not vanish")(small).outcome is Outcome.REFUTED


@pytest.mark.parametrize("bulk", [1e-6, 0.01, 1.0, 100.0])
def test_a_share_is_no_surer_because_the_kernel_is_small(bulk):
    """The shares do not scale with the kernel, nor may what rounding leaves of them."""
    errors = {
        name: error
        for name, (_, error) in ZonalPoint(dimension=8, bulk=bulk, spike=0.0).top_mode.items()
    }
    assert min(errors["degree 1"], errors["degree 2"]) >= 1e-13
