"""Minibatch noise at the kernel and at the features (arXiv:2601.00276)."""

import pytest
import torch
from torch import nn

from impl import data
from impl.objectives import LOSSES
from impl.training import feature_noise, minibatches, readout_noise
from tests.flow_tasks import gaussian
from theorems import kernel_flow as claims
from theorems.verdict import Grade, Outcome


def test_rank_two_c_is_attained():
    noise = feature_noise(
        gaussian(9, 6), gaussian(2, 6, seed=1), gaussian(9, 2, seed=2), minibatches(9, 3, 2, replacement=False, seed=0)
    )
    assert claims.sgd_kernel_noise_is_low_rank(noise)
    tighter = claims.sgd_kernel_noise_is_low_rank.mutants["2C − 1"](noise)
    assert tighter.outcome is Outcome.REFUTED
    whole = feature_noise(
        *(t.round() for t in (2 * gaussian(9, 6), 2 * gaussian(2, 6, seed=1), 3 * gaussian(9, 2, seed=2))), noise.counts
    )
    assert claims.sgd_kernel_noise_is_low_rank(whole).context["rank"] == 4
    assert claims.sgd_kernel_noise_is_low_rank(whole).grade is Grade.EXACT


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("size", [1, 2, 7, 8])
@pytest.mark.parametrize("replacement", [True, False])
def test_every_batch_size_and_loss(loss, size, replacement):
    targets = torch.softmax(gaussian(8, 3, seed=2), -1)
    counts = minibatches(8, size, 2, replacement=replacement, seed=size)
    noise = feature_noise(gaussian(8, 9), gaussian(3, 9, seed=1), targets, counts, loss=loss)
    if size == 8 and not replacement:  # the whole set: no noise, up to rounding
        assert float(noise.noise.abs().max()) < 1e-12
        return
    for claim in (
        claims.sgd_kernel_noise_is_low_rank,
        claims.sgd_kernel_noise_formula,
        claims.sgd_feature_noise_is_low_rank,
    ):
        assert claim(noise), claim(noise)


def test_the_average_has_full_rank_whatever_n():
    for rows in (8, 20):
        noise = feature_noise(
            gaussian(rows, 6), gaussian(2, 6, seed=1), gaussian(rows, 2, seed=2), torch.eye(rows, dtype=torch.float64)
        )
        xi = claims.averaged_kernel_noise_is_low_rank_as_stated.observe(noise)
        assert torch.linalg.matrix_rank(xi) == rows
        assert claims.averaged_kernel_noise_is_low_rank_as_stated(noise).outcome is Outcome.REFUTED


@pytest.fixture(scope="module")
def digits():
    images, labels = data.digits(200)
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 10)
    ).double()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(150):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()
    return model, images, labels


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_noise_of_the_trained_digits_network(digits, dtype):
    model, images, labels = digits
    counts = minibatches(64, 8, 2, replacement=False, seed=0)
    noise = readout_noise(model.to(dtype), images[:64].to(dtype), labels[:64], nn.functional.cross_entropy, counts)
    assert noise.shift_free
    assert claims.sgd_kernel_noise_is_low_rank(noise), claims.sgd_kernel_noise_is_low_rank(noise)
    assert claims.sgd_feature_noise_is_low_rank(noise), claims.sgd_feature_noise_is_low_rank(noise)
