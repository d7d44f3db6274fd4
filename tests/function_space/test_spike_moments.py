"""Moments of the spike: exact enumeration against Gaussian moments and real batches."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from impl.errors import InputError
from impl.function_space.spike_moments import (
    SpikeSetting,
    derivative,
    matched_normal,
    normal_moment,
    polynomial_mean,
    square,
)
from impl.function_space.spiked_kernels import unit_vector
from tests.spiked import objects
from theorems import Grade, Outcome, function_space


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        ({"direction": objects([[1, 0]])}, r"w\* \(d,\), got \(1, 2\)"),
        ({"direction": objects([])}, r"w\* \(d,\)"),
        ({"coefficients": objects([[1, 2]])}, r"coefficient of g, got \(1, 2\)"),
        ({"coefficients": objects([])}, "coefficient of g"),
        ({"coefficients": np.array(Fraction(1), dtype=object)}, r"coefficient of g, got \(\)"),
        ({"samples": 0}, "samples=0"),
        ({"width": 0}, "width=0"),
        ({"inputs": "uniform"}, "'uniform'"),
    ],
)
def test_what_cannot_be_enumerated_is_refused(wrong, wanted):
    right = {
        "direction": unit_vector([1, 2]),
        "coefficients": objects([1, 2]),
        "noise": Fraction(1),
        "samples": 1,
        "width": 1,
        "rate": Fraction(1),
        "slope": Fraction(1, 2),
    }
    assert SpikeSetting(**right).dimension == 3
    with pytest.raises(InputError, match=f"expected .*{wanted}"):
        SpikeSetting(**right | wrong)


def test_the_smallest_settings_by_hand():
    """One sample of one coordinate, y = x ± 1 with equal chance: E y²x² = E x⁴ + E x²; two samples
    add (E yx)² = 1 twice.
    """
    for inputs, fourth in (("gaussian", 3), ("rademacher", 1)):
        for samples in (1, 2, 3):
            one = SpikeSetting(
                objects([1]),
                objects([0, 1]),
                Fraction(1),
                samples,
                1,
                Fraction(1),
                Fraction(1, 2),
                inputs=inputs,
            )
            assert one.spike_second_moment == [[samples * (fourth + 1) + samples * (samples - 1)]]
            assert one.dimension == 1
    shifted = SpikeSetting(
        objects([1]),
        objects([0, 1]),
        Fraction(0),
        1,
        1,
        Fraction(1),
        Fraction(1, 2),
        noise_mean=Fraction(2),
    )
    assert shifted.spike_second_moment == [[3 + 4]]  # E (x + 2)²x²


def test_moments_and_polynomials():
    assert [normal_moment(k) for k in range(9)] == [1, 0, 1, 0, 3, 0, 15, 0, 105]
    p = [Fraction(1, 2), Fraction(-3), Fraction(0), Fraction(2)]
    assert square(p) == np.polynomial.polynomial.polymul(p, p).tolist()
    assert derivative(p) == np.polynomial.polynomial.polyder(np.array(p, dtype=object)).tolist()
    assert derivative([Fraction(5)]) == [0]
    # ¼ + E 9z² − E 12z⁴ + E 4z⁶
    assert polynomial_mean(square(p)) == Fraction(1, 4) + 9 - 12 * 3 + 4 * 15


def test_matched_law_has_gaussian_moments():
    for reach in (1, 2, 3, 4):
        for k in range(2 * reach + 2):
            assert sum(
                weight * value**k for value, weight in matched_normal(reach)
            ) == normal_moment(k)


def test_spike_moments_against_real_batches():
    setting = SpikeSetting(
        unit_vector([1, 2]), objects([1, -1, 1]), Fraction(1, 2), 3, 2, Fraction(1), Fraction(1, 2)
    )
    source = torch.Generator().manual_seed(0)
    x = torch.randn(300_000, 3, 3, generator=source, dtype=torch.float64)
    z = x @ torch.tensor(setting.direction.astype(float))
    y = 1 - z + z * z + 0.5 * torch.randn(z.shape, generator=source, dtype=torch.float64)
    spikes = (y[..., None] * x).sum(1)
    from theorems.function_space.moments import _moments

    exact = _moments(setting)["second moment of the spike"].astype(float)
    np.testing.assert_allclose(
        (spikes.T @ spikes / len(spikes)).numpy(), exact, atol=0.04 * abs(exact).max()
    )


def test_spike_moments_are_exact_without_linear_part():
    setting = SpikeSetting(
        unit_vector([2]), objects([0, 0, 1]), Fraction(0), 1, 1, Fraction(3), Fraction(1, 2)
    )
    verdict = function_space.spike_moments(setting)
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.grade is Grade.EXACT
    assert verdict.measured == 0
