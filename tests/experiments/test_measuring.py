"""What experiments measure of autoencoders, of minibatch noise and of Laplacians is what it says:
against cases in which the number is known.
"""

import numpy as np
import pytest
import torch

from impl.errors import InputError
from impl.experiments.data import CLASSES_OF, split
from impl.experiments.kernel_runs import start
from impl.experiments.laplacian_runs import diagonal_share, laplacian
from impl.experiments.noise_runs import noise_of, share_within
from impl.experiments.replicas import normal
from impl.experiments.runs import Runs
from impl.experiments.table_runs import TABLES
from impl.experiments.vae_runs import divergence, interpolation_error
from impl.kernel_flows.minibatches import feature_noise, minibatches
from impl.networks.data import measurements
from theorems import Outcome, sgd_feature_noise_is_low_rank
from theorems.experiments.tables import _on_each

pytest.importorskip("sklearn")
SEEDS = (3, 8)


@pytest.mark.parametrize("name", CLASSES_OF)
def test_data_are_split_for_every_seed_and_centred(name):
    (inputs, labels), (test, named) = split(name, SEEDS, 100, 70)
    assert inputs.shape[:2] == labels.shape == (2, 100)
    assert test.shape[:2] == named.shape == (2, 70)
    assert labels.unique().tolist() == list(range(CLASSES_OF[name]))
    assert not torch.equal(labels[0], labels[1])
    norms = torch.cat([inputs, test], 1).square().sum(2).mean(1)
    assert torch.allclose(norms, torch.full((2,), 10.0), rtol=0.25)
    assert torch.cat([inputs, test], 1).mean(1).abs().max() < 0.4


def test_data_that_there_are_not_are_refused():
    with pytest.raises(InputError, match="data among wine, breast cancer, got 'beer'"):
        measurements("beer")
    with pytest.raises(InputError, match="at most 178 samples of wine, got 150"):
        split("wine", SEEDS, 150, 70)


def test_a_linear_decoder_interpolates_and_another_does_not():
    decoder = [(torch.eye(6).expand(2, 6, 6), torch.zeros(2, 1, 6))]
    codes = normal(SEEDS, 20, 6, stream="codes")
    errors = [
        interpolation_error(decoder, scale * codes, (scale * codes).sigmoid())
        for scale in (0.03, 1.0, 4.0)
    ]
    # exactly reconstructed, and straight near zero alone: the sigmoid after the last layer bends
    assert errors[0].max() < 1e-6
    assert (errors[1] > 1e-4).all()
    assert (errors[1] < errors[2]).all()
    # the codes of other images
    images = codes.sigmoid()
    assert (interpolation_error(decoder, codes.roll(5, 1), images) > 1).all()


def test_divergence_is_that_of_torch():
    means, logs = normal(SEEDS, 5, 3, stream="means"), normal(SEEDS, 5, 3, stream="logs")
    one = torch.distributions.Normal(means, (logs / 2).exp())
    other = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    wanted = torch.distributions.kl_divergence(one, other).sum(2).mean(1)
    assert torch.allclose(divergence(means, logs), wanted, rtol=1e-5)


def test_noise_is_that_of_the_claims_and_leaves_the_bound_behind_a_relu():
    settings = {"samples": 12, "width": 8}
    (inputs, _), _ = split("wine", SEEDS, 12, 0)
    targets = normal(SEEDS, 12, 2, stream="targets")
    counts = [minibatches(12, 4, 3, replacement=False, seed=seed) for seed in SEEDS]
    ranks = {}
    for arm in ("linear penultimate", "plain ReLU"):
        weights = start(arm, SEEDS, settings, inputs.shape[2], 2)
        noise, features = noise_of(arm, weights, inputs, targets, counts)
        assert noise.shape == (2, 36, 8)
        ranks[arm] = torch.linalg.matrix_rank(noise).tolist()
        assert torch.allclose(share_within(noise, features, 8), torch.ones(2).double())
        both = share_within(noise, features, 3) + share_within(noise, features, 5, last=True)
        assert torch.allclose(both, torch.ones(2).double())
    assert ranks["linear penultimate"] == [2, 2]
    assert min(ranks["plain ReLU"]) > 2
    given = (features[0], weights[-1][0].double(), targets[0].double(), counts[0])
    assert sgd_feature_noise_is_low_rank(feature_noise(*given)).outcome is Outcome.HOLDS
    bent = feature_noise(*given, activation=torch.relu)
    assert sgd_feature_noise_is_low_rank(bent).outcome is Outcome.INAPPLICABLE


def test_laplacians_and_their_diagonals():
    (inputs, _), _ = split("wine", SEEDS, 15, 0)
    graph = laplacian(inputs)
    values, basis = torch.linalg.eigh(graph)
    assert torch.allclose(graph, graph.mT)
    assert values[:, 0].abs().max() < 1e-12
    assert (values[:, 1:] > 0).all()
    own = basis @ torch.diag_embed(1 / (values + 0.1)) @ basis.mT
    assert torch.allclose(diagonal_share(own, basis), torch.ones(2).double())
    turned = torch.linalg.qr(normal(SEEDS, 15, 15, stream="frame", dtype=torch.float64))[0]
    assert diagonal_share(turned @ torch.diag_embed(values) @ turned.mT, basis).max() < 0.5


def test_effects_of_tables_are_those_of_each():
    values = {f"{data}: x": np.full(2, place) for place, data in enumerate(TABLES)}
    found = _on_each(Runs(values, SEEDS), lambda own, _: {"part": own["x"]})
    assert {name: rows[0] for name, rows in found.items()} == {
        "wine, part": 0,
        "breast cancer, part": 1,
    }
