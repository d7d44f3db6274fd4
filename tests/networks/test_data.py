"""Batches: what a single-index teacher, a spec and the digits promise."""

import math

import pytest
import torch
from scipy import stats

from impl import NetworkSpec
from impl.networks.data import batch, digits, single_index


def test_a_single_index_teacher_adds_gaussian_noise_of_the_asked_size():
    link = lambda z: z**3 - z  # noqa: E731
    inputs, clean, direction = single_index(4_000, 3, link, seed=1)
    assert float(direction.norm()) == pytest.approx(1)
    assert clean.shape == (4_000, 1)
    torch.testing.assert_close(clean, link((inputs * direction).sum(1, keepdim=True)))
    noise = {}
    for size in (0.5, 3.0):
        same, targets, way = single_index(4_000, 3, link, noise=size, seed=1)
        assert torch.equal(same, inputs)
        assert torch.equal(way, direction)
        noise[size] = targets - clean
    torch.testing.assert_close(noise[3.0], 6 * noise[0.5], rtol=1e-9, atol=1e-12)
    # of fixed seed; a wrong law has a p-value far below this
    for sample in (
        noise[0.5] / 0.5,
        *inputs.mT,
    ):
        assert stats.kstest(sample.reshape(-1).numpy(), "norm").pvalue > 1e-3
    assert abs(
        float(torch.corrcoef(torch.cat([noise[0.5], inputs], 1).mT)[0, 1:].abs().max())
    ) < 5 / math.sqrt(4_000)


def test_teachers_point_anywhere():
    ways = torch.stack([single_index(1, 3, torch.tanh, seed=seed)[2] for seed in range(300)])
    spread = ways.mT @ ways / 300  # I/3, each entry within five standard errors
    assert (spread - torch.eye(3) / 3).abs().max() < 5 * 0.3 / math.sqrt(300)
    assert ways.mean(0).abs().max() < 5 * math.sqrt(1 / 3 / 300)


@pytest.mark.parametrize("lattice", [True, False])
def test_a_batch_has_the_shapes_and_numbers_of_its_spec(lattice):
    spec = NetworkSpec(widths=(3, 4), batch=200, classes=2, scale=2, lattice=lattice, seed=9)
    inputs, targets = batch(spec)
    assert (inputs.shape, targets.shape) == ((200, 3), (200, 2))
    for values in (inputs, targets):
        whole = bool((values == values.round()).all())
        assert whole is lattice
        if lattice:
            assert set(values.unique().tolist()) == {-2, -1, 0, 1, 2}
        else:
            assert stats.kstest(values.reshape(-1).numpy() / 2, "norm").pvalue > 1e-3
    assert all(map(torch.equal, batch(spec), (inputs, targets)))
    assert not torch.equal(inputs[:, :2], targets)


def test_digits_are_scaled_images_with_their_labels():
    datasets = pytest.importorskip("sklearn.datasets")
    known = datasets.load_digits()
    images, labels = digits(20)
    assert images.shape == (20, 1, 8, 8)
    assert images.dtype == torch.float64
    assert torch.equal(images[:, 0] * 16, torch.tensor(known.images[:20]))
    assert labels.tolist() == known.target[:20].tolist()
    assert len(digits()[0]) == len(digits()[1]) == len(known.target)
