"""Benchmarks of fixed size: the kernel's ODE, the coupled flow, the water-filling check, the rank
of minibatch noise.

``pytest benchmarks/test_flows.py --benchmark-only``
"""

import pytest
import torch

from impl.kernel_flows.flow_solvers import coupled_flow, flow_to_rest, kernel_flow
from impl.kernel_flows.minibatches import feature_noise, minibatches
from impl.kernel_flows.spectral import SpectralTask
from impl.strategies.flows import number
from theorems.kernel_flow import (
    sgd_feature_noise_is_low_rank,
    sgd_kernel_noise_is_low_rank,
    water_filling_law,
)


def gaussian(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def labels():
    left = torch.linalg.qr(gaussian(200, 10))[0]
    return left * torch.linspace(1.5, 6, 10, dtype=torch.float64)


def test_factored_flow_to_rest(benchmark, labels):
    benchmark(flow_to_rest, gaussian(200, 240) / 240**0.5, labels, ridge=1.0, decay=1.0)


def test_kernel_ode_by_scipy(benchmark):
    targets, features = gaussian(12, 3), gaussian(12, 12, seed=1)
    benchmark(kernel_flow, features @ features.mT, targets, ridge=1.0, decay=1.0, until=20.0)


def test_coupled_flow(benchmark):
    options = {"ridge": 1.0, "decay": 1.0, "until": 20.0}
    benchmark(
        coupled_flow, gaussian(10, 6), gaussian(3, 6, seed=1), gaussian(10, 3, seed=2), **options
    )


def test_water_filling_check(benchmark):
    rows = 100
    left = torch.linalg.qr(gaussian(rows, rows))[0]
    values = torch.zeros(rows, dtype=torch.float64)
    values[:10] = torch.linspace(0.5, 6, 10, dtype=torch.float64)
    right = torch.zeros(10, rows, dtype=torch.float64)
    right[:, :10] = torch.linalg.qr(gaussian(10, 10))[0]
    task = SpectralTask(left, values, right, number(1.0), number(1.0), values)
    assert benchmark(water_filling_law, task)


@pytest.mark.parametrize(
    "claim",
    [sgd_kernel_noise_is_low_rank, sgd_feature_noise_is_low_rank],
    ids=lambda claim: claim.name,
)
def test_noise_rank(benchmark, claim):
    counts = minibatches(64, 8, 4, replacement=False, seed=0)
    noise = feature_noise(
        gaussian(64, 96), gaussian(5, 96, seed=1), gaussian(64, 5, seed=2), counts
    )
    assert benchmark(claim, noise)
