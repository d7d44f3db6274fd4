"""Growth behind a random readout: exact over finite ensembles, statistical over Gaussian ones, with
power and corners.
"""

from dataclasses import replace

import pytest
import torch
from hypothesis import Phase, find, given, settings

from impl.errors import InputError
from impl.feature_learning.readouts import (
    RandomReadout,
    all_signs,
    class_readouts,
    coordinate_readouts,
    readout_ensemble,
)
from impl.networks.spec import generator
from impl.strategies import alignment as drawn
from impl.strategies.sampling import visit
from theorems.feature_learning.aligned_features import (
    _growth_of_the_surrogate,
    _mean_growth,
    _scale_of_the_growth,
    _variance_of_the_growth,
    surrogate_grows_in_expectation,
    surrogate_grows_over_the_ensemble,
)
from theorems.verdict import Grade, Outcome

QUICK = settings(max_examples=2_000, database=None, phases=[Phase.generate])


def normal(seed, *shape):
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def integers(seed, *shape):
    return torch.randint(-2, 3, shape, generator=generator(seed)).double()


def scalar(value):
    return torch.tensor(float(value), dtype=torch.float64)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    ("readouts", "variance"),
    [(all_signs(2, 2), 1), (coordinate_readouts(2, 3) * 6, 6), (class_readouts(2, 3) * 2, 2)],
)
def test_integer_ensembles_are_exact(readouts, variance, exact):
    data = integers(1, 3, 2), integers(2, readouts.shape[-1], 2), integers(3, 3, 2)
    ensemble = readout_ensemble(*data, readouts, variance=scalar(variance), rate=scalar(2))
    ensemble = ensemble.exact() if exact else ensemble
    verdict = surrogate_grows_over_the_ensemble(ensemble)
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.grade is Grade.EXACT
    assert verdict.measured == 0
    assert verdict.context["predicted"] > 0


def test_gradients_of_exact_ensembles_are_those_of_autograd():
    data = integers(1, 3, 2), integers(2, 2, 2), integers(3, 3, 1)
    ensemble = readout_ensemble(*data, all_signs(1, 2), variance=scalar(1), rate=scalar(1))
    exact = ensemble.exact()
    again = readout_ensemble(
        exact.features,
        exact.weight,
        exact.targets,
        exact.readouts,
        variance=exact.variance,
        rate=exact.rate,
    )
    assert (again.weight_grads == exact.weight_grads).all()


def test_finite_ensembles_have_the_moments_of_a_random_readout():
    for readouts, variance in (
        (all_signs(2, 3), 1),
        (coordinate_readouts(2, 3), 1 / 6),
        (class_readouts(2, 3), 1 / 2),
    ):
        assert not readouts.mean(0).any()
        assert torch.allclose(
            (readouts @ readouts.mT).mean(0), 3 * variance * torch.eye(2, dtype=torch.float64)
        )


@pytest.mark.parametrize(("classes", "width"), [(1, 1), (3, 8), (8, 3), (5, 5), (40, 7)])
def test_two_readouts_a_class_read_every_unit_for_every_class(classes, width):
    readouts = class_readouts(classes, width)
    assert readouts.shape == (2 * classes, classes, width)
    assert torch.equal(readouts[:classes], -readouts[classes:])
    assert torch.equal((readouts @ readouts.mT).sum(0), 2 * width * torch.eye(classes).double())
    assert torch.equal(readouts.abs().sum(0), torch.full((classes, width), 2.0).double())
    signs = readouts[:classes].sum(1)
    assert len(torch.unique(signs, dim=0)) == min(classes, 2 ** (width - 1).bit_length())


@pytest.mark.parametrize(("rows", "d", "width", "classes"), [(9, 4, 5, 3), (4, 6, 3, 7)])
def test_every_mutant_is_refuted_behind_two_readouts_a_class(rows, d, width, classes):
    """As behind all coordinates, of which there are m times as many; whichever side is larger."""
    data = normal(1, rows, d), normal(2, width, d), normal(3, rows, classes)
    for readouts, variance in (
        (class_readouts(classes, width) * classes, classes),
        (coordinate_readouts(classes, width) * classes * width, classes * width),
    ):
        ensemble = readout_ensemble(*data, readouts, variance=scalar(variance), rate=scalar(0.01))
        assert surrogate_grows_over_the_ensemble(ensemble)
        for mutant in surrogate_grows_over_the_ensemble.mutants.values():
            assert mutant(ensemble).outcome is Outcome.REFUTED, mutant.name


def test_draws_are_those_of_their_own_seed_and_shape():
    """One of them is kept for the next layer; it is nobody else's, and not changed."""
    data = normal(1, 5, 4), normal(2, 3, 4), normal(3, 5, 2)
    for seed, replicates, shift in (
        (1, 6, 0.0),
        (2, 6, 0.0),
        (2, 6, 0.5),
        (2, 7, 0.0),
        (1, 6, 0.0),
    ):
        instance = RandomReadout(*data, scalar(0.1), seed=seed, replicates=replicates, shift=shift)
        wanted = (shift + normal(seed, replicates, 2, 3)) / 3**0.5
        assert torch.equal(instance.draw(), wanted)


@pytest.mark.parametrize(("rows", "classes"), [(9, 3), (3, 9), (4, 4)])
def test_the_growth_behind_a_readout_is_that_of_the_network_in_its_own_order(rows, classes):
    h, w, y = normal(1, rows, 4), normal(2, 5, 4), normal(3, rows, classes)
    instance = RandomReadout(h, w, y, scalar(0.1), seed=4, replicates=6)
    found = _growth_of_the_surrogate(instance)
    for readout, growth in zip(instance.draw(), found, strict=True):
        after = w + 0.1 * (y @ readout).mT @ h  # −∇ of −⟨Y, HWᵀAᵀ⟩
        wanted = ((y.mT @ h @ after.mT).square().sum() - (y.mT @ h @ w.mT).square().sum()) / classes
        assert float(growth) == pytest.approx(float(wanted), rel=1e-9)


@pytest.mark.slow
@given(drawn.readout_ensembles())
@settings(max_examples=40)
def test_ensembles_hold(ensemble):
    assert surrogate_grows_over_the_ensemble(ensemble)


@pytest.mark.slow
@pytest.mark.parametrize("corner", [
    lambda e: e.weight.shape[0] == 1 and e.targets.shape == (1, 1),
    lambda e: not bool(e.weight.any()),
    lambda e: e.targets.shape[1] > e.targets.shape[0],
    lambda e: len(e.readouts) == 16,
])  # fmt: skip
def test_ensembles_reach_every_corner(corner):
    find(drawn.readout_ensembles(), corner, settings=QUICK)


def test_ensembles_of_the_full_loss_have_its_gradients_and_are_refuted():
    """½‖Y − F‖² is quadratic in W: half its central difference is its slope, without rounding on
    integers.
    """
    seen = []
    visit(drawn.full_loss_ensembles(), 27, seed=0, see=seen.append)
    assert len({(float(e.features), float(e.weight), float(e.targets)) for e in seen}) > 20

    def loss(ensemble, readout, weight):
        return float(ensemble.targets - ensemble.features * weight * readout) ** 2 / 2

    for ensemble in seen:
        for readout, slope in zip(
            ensemble.readouts.reshape(-1), ensemble.weight_grads.reshape(-1), strict=True
        ):
            ahead, behind = (loss(ensemble, readout, ensemble.weight + step) for step in (1, -1))
            assert float(slope) == (ahead - behind) / 2
        h, w, y = (float(part) for part in (ensemble.features, ensemble.weight, ensemble.targets))
        verdict = surrogate_grows_over_the_ensemble(ensemble)
        off = 2 * (y * h * w) ** 2 * ((1 - h * h) ** 2 - 1)  # two readouts
        assert verdict.context["observed"] - verdict.context["predicted"] == off
        assert (verdict.outcome is Outcome.REFUTED) == (off != 0)


@pytest.mark.parametrize("draws", [drawn.skewed_ensembles])
def test_skewed_ensembles_have_the_second_moment_and_not_the_mean(draws):
    seen = []
    visit(draws(), 20, seed=0, see=seen.append)
    for e in seen:
        count, classes, width = e.readouts.shape
        second = (e.readouts @ e.readouts.mT).mean(0)
        assert torch.equal(second, width * e.variance * torch.eye(classes).double())
        assert bool(e.readouts.mean(0).all())
        assert count == classes * width
        assert surrogate_grows_over_the_ensemble(e).outcome is Outcome.INAPPLICABLE


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_stated_variance_and_scale_are_those_of_the_growth(seed):
    """Against 200,000 replicates: the variance within five of its standard errors, the tails within
    Bernstein's bound.
    """
    case = RandomReadout(
        normal(seed, 4, 2), normal(seed + 10, 3, 2), normal(seed + 20, 4, 2), scalar(0.3), seed=seed
    )
    growth = _growth_of_the_surrogate(replace(case, replicates=200_000))
    centred = growth - _mean_growth(case)
    variance, scale = float(_variance_of_the_growth(case)), float(_scale_of_the_growth(case))
    error = float((centred**2).std()) / 200_000**0.5
    assert abs(float((centred**2).mean()) - variance) < 5 * error
    for share in (1e-1, 1e-3):
        log = -torch.log(scalar(share))
        bound = (2 * variance * log).sqrt() + scale * log
        assert float((centred > bound).double().mean()) <= share
        assert float((centred < -bound).double().mean()) <= share


@pytest.mark.parametrize("change", [{"spread": 3.0}, {"shift": 3.0}])
def test_other_readouts_are_inapplicable_and_would_be_refuted(change):
    data = normal(1, 5, 2), normal(2, 4, 2), normal(3, 5, 2)
    rate = scalar(0.05)
    case = RandomReadout(*data, rate, replicates=4_000, **change)
    verdict = surrogate_grows_in_expectation(case)
    assert verdict.outcome is Outcome.INAPPLICABLE
    claim = surrogate_grows_in_expectation.without("zero-mean readout of variance 1/m")
    assert claim(case).outcome is Outcome.REFUTED


def test_too_few_replicates_are_undecided():
    case = RandomReadout(
        normal(1, 5, 2), normal(2, 4, 2), normal(3, 5, 2), scalar(0.05), replicates=20
    )
    assert surrogate_grows_in_expectation(case).outcome is Outcome.UNDECIDED


def test_the_verdict_states_its_error_probability_and_repeats():
    case = find(drawn.random_readouts(), lambda c: c.weight.shape[0] == 16, settings=QUICK)
    first, again = (
        surrogate_grows_in_expectation(case),
        surrogate_grows_in_expectation(replace(case)),
    )
    assert first
    assert first.grade is Grade.STATISTICAL
    assert first.context["false-alarm probability"] == 1e-9
    assert first.measured == again.measured


BAD = {
    "too many signs": (lambda: all_signs(4, 4), "at most 12"),
    "no replicates": (
        lambda: RandomReadout(
            normal(1, 2, 2), normal(1, 2, 2), normal(1, 2, 1), scalar(1), replicates=1
        ),
        "replicates=1",
    ),
    "weights of another width": (
        lambda: RandomReadout(normal(1, 2, 2), normal(1, 2, 3), normal(1, 2, 1), scalar(1)),
        "weight of shape",
    ),
    "infinite targets": (
        lambda: RandomReadout(normal(1, 2, 2), normal(1, 2, 2), normal(1, 2, 1) / 0, scalar(1)),
        "finite",
    ),
    "readouts of another width": (
        lambda: readout_ensemble(
            normal(1, 2, 2),
            normal(1, 3, 2),
            normal(1, 2, 1),
            all_signs(1, 2),
            variance=scalar(1),
            rate=scalar(1),
        ),
        "match|shape|size|broadcast",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_say_what_came(name):
    call, message = BAD[name]
    with pytest.raises((InputError, RuntimeError), match=message):
        call()
