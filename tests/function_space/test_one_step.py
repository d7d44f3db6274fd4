"""Real networks take one large step (arXiv:2605.17718): the step itself, its ensembles, the moments
of its links.
"""

import itertools
import json
import math

import pytest
import torch
from hypothesis import settings
from scipy import integrate

from impl.function_space.ensembles import EnsemblePath
from impl.function_space.links import LINKS
from impl.function_space.one_step import StepPath, StepPoint
from impl.strategies.function_space import STEP_GRID, step_paths
from impl.strategies.profiles import full_sizes, thorough
from theorems import Outcome, function_space


@pytest.mark.parametrize("activation", ["relu", "tanh", "silu"])
def test_step_is_the_gradient_written_out(activation):
    point = StepPoint(
        dimension=5,
        samples=7,
        width=4,
        rate=2.0,
        activation=activation,
        data_seed=1,
        network_seed=2,
    )
    inputs, labels, teacher = point.batch()
    model = point.network()
    weight, a = model.first.weight.detach(), model.readout
    z = inputs @ weight.T
    slope = torch.func.jvp(LINKS[activation].function, (z,), (torch.ones_like(z),))[1]
    residual = labels[:, 0] - LINKS[activation](z) @ a / 2
    by_hand = point.rate / (7 * 2) * (slope * residual[:, None] * a).T @ inputs
    torch.testing.assert_close(point.step.update, by_hand)
    torch.testing.assert_close(point.step.spike, inputs.T @ labels[:, 0])
    torch.testing.assert_close(point.learned_weight, weight + by_hand)
    assert float(teacher.norm()) == pytest.approx(1)


def test_a_step_leaves_the_global_random_state_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    StepPoint(dimension=3, samples=3, width=3, rate=1.0).take()
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("group", [1, 5])
def test_ensembles_take_the_same_steps_at_once(group):
    runs = EnsemblePath(sizes=(12,), replicates=(1,), alpha=2.0, group=group).path[12][0]
    assert len(runs.points) == len(runs.cosines) == group
    alone = []
    for point in runs.points:
        _, _, right = torch.linalg.svd(point.step.update)
        alone.append(float((right[0] @ point.step.direction).abs()))
    torch.testing.assert_close(
        runs.cosines.abs(), torch.tensor(alone, dtype=torch.float64), rtol=1e-6, atol=1e-9
    )


def test_identity_activation_without_output_is_exactly_rank_one():
    point = StepPoint(dimension=6, samples=9, width=4, rate=1.0, activation="identity")
    rest = point.step.update + torch.outer(
        point.step.readout, point.batch()[0].T @ (point.network()(point.batch()[0]).detach())
    ) / (9 * 2)
    expected = torch.outer(point.step.readout, point.step.spike) / (9 * 2)
    torch.testing.assert_close(rest, expected)


@pytest.mark.slow
def test_targets_keep_the_exponent():
    """A jump, a mean and growth of the target do not matter: the four targets of the statement hold
    at small sizes alike.
    """
    for target in ("erf", "relu"):
        path = StepPath(
            activation="tanh",
            target=target,
            sizes=(16, 32, 64, 128, 256),
            replicates=(40, 2, 24, 8, 8),
            seed=3,
        )
        verdict = function_space.first_step_is_rank_one(path)
        assert verdict.outcome is not Outcome.REFUTED, verdict
        slopes = verdict.context["drift of the local exponent"]
        assert -0.7 < slopes["128..256"] < -0.3


def test_printed_coefficient_is_off_by_the_ratio_of_slopes():
    point = StepPoint(dimension=256, samples=512, width=128, rate=1.0, data_seed=3, network_seed=4)
    step = point.step
    rank_one = (
        torch.outer(step.readout, step.spike)
        * point.rate
        / (point.samples * math.sqrt(point.width))
    )
    coefficient = float((step.update * rank_one).sum() / rank_one.square().sum())
    assert coefficient == pytest.approx(0.4995, abs=0.02)
    assert abs(coefficient - point.target_slope) > 0.08


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_moments_of_links(link):
    def density(z):
        return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    def value(z):
        return float(link(torch.tensor(z, dtype=torch.float64)))

    slope = integrate.quad(lambda z: z * value(z) * density(z), -14, 14, points=[0, 1], limit=400)[
        0
    ]
    assert slope == pytest.approx(link.mean_slope, abs=1e-8)
    if math.isfinite(link.mean_square):
        square = integrate.quad(
            lambda z: value(z) ** 2 * density(z), -14, 14, points=[0], limit=400
        )[0]
        assert square == pytest.approx(link.mean_square, abs=1e-8)


# -- full sizes ------------------------------------------------------------------------------------


def test_the_full_grid_is_the_statements():
    paths = [dict(options) for _, options in STEP_GRID]
    assert {(p["activation"], p["alpha"], p["beta"]) for p in paths} == set(
        itertools.product(("relu", "tanh", "erf", "silu"), (0.5, 2.0, 4.0), (0.5, 2.0, 4.0))
    )
    assert {(p["activation"], p["target"]) for p in paths} == set(
        itertools.product(("relu", "tanh", "erf", "silu"), ("tanh", "erf", "sign", "relu"))
    )
    assert all(
        p["sizes"] == (64, 128, 256, 512, 1024, 2048) and min(p["replicates"]) >= 8 for p in paths
    )


def test_full_sizes_are_drawn_within_and_not_after():
    before = repr(step_paths())
    with full_sizes():
        assert thorough()
        assert repr(step_paths()) != before
    assert repr(step_paths()) == before


@pytest.mark.slow
def test_the_command_draws_full_sizes_and_says_so(run, tmp_path):
    file = tmp_path / "evidence.json"
    code, _, _ = run(
        "check", "gaussian_equivalent_gap_as_stated", "--thorough", "--json", str(file)
    )
    assert code == 0
    assert json.loads(file.read_text())["profile"] == "thorough"
    assert not thorough() or settings.get_current_profile_name() == "thorough"


def test_points_of_other_seeds_sizes_and_replicates_draw_from_other_seeds():
    paths = [StepPath(sizes=(4, 8), replicates=(3, 3), seed=seed) for seed in (0, 1, 2, 10**6)]
    points = [point for path in paths for points in path.path.values() for point in points]
    for name in ("data_seed", "network_seed"):
        assert len({getattr(point, name) for point in points}) == len(points) == 24, name
