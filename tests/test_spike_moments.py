"""Moments of the spike: exact enumeration against Gaussian moments and real batches."""

from fractions import Fraction

import numpy as np
import torch

from impl.spike_moments import SpikeSetting, matched_normal, normal_moment
from impl.spiked_kernels import unit_vector
from tests.spiked import objects
from theorems import Grade, Outcome, function_space


def test_matched_law_has_gaussian_moments():
    for reach in (1, 2, 3, 4):
        for k in range(2 * reach + 2):
            assert sum(weight * value**k for value, weight in matched_normal(reach)) == normal_moment(k)


def test_spike_moments_against_real_batches():
    setting = SpikeSetting(unit_vector([1, 2]), objects([1, -1, 1]), Fraction(1, 2), 3, 2, Fraction(1), Fraction(1, 2))
    source = torch.Generator().manual_seed(0)
    x = torch.randn(300_000, 3, 3, generator=source, dtype=torch.float64)
    z = x @ torch.tensor(setting.direction.astype(float))
    y = 1 - z + z * z + 0.5 * torch.randn(z.shape, generator=source, dtype=torch.float64)
    spikes = (y[..., None] * x).sum(1)
    from theorems.function_space.moments import _moments

    exact = _moments(setting)["second moment of the spike"].astype(float)
    np.testing.assert_allclose((spikes.T @ spikes / len(spikes)).numpy(), exact, atol=0.04 * abs(exact).max())


def test_spike_moments_are_exact_without_linear_part():
    setting = SpikeSetting(unit_vector([2]), objects([0, 0, 1]), Fraction(0), 1, 1, Fraction(3), Fraction(1, 2))
    verdict = function_space.spike_moments(setting)
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.grade is Grade.EXACT
    assert verdict.measured == 0
