"""Features and targets inside a user's network: what is found at each layer, and why something is
not.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional

from theorems.own.membership import judged
from theorems.own.places import Subject, features
from theorems.relations import AUTHORS
from theorems.verdict import Outcome, Verdict

LABELS = torch.tensor([0, 2, 2, 0, 3, 2])
"""Class 1 of four does not occur."""


def gaussian(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def subject(targets=LABELS, inputs=None, model=None, **options):
    torch.manual_seed(0)
    model = model or nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4)).double()
    return Subject(
        model,
        gaussian(6, 3) if inputs is None else inputs,
        targets,
        lambda f, _: f.square().mean(),
        **options,
    )


def test_labels_and_their_one_hot_rows_are_the_same_classes():
    """Whatever the format of the rows: indices, numbers, integers; classes that do not occur have
    no column.
    """
    wanted = torch.tensor(
        [[1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
    ).double()
    hot = functional.one_hot(LABELS, 4)
    for targets in (LABELS, LABELS.to(torch.int32), hot, hot.float(), hot.double()):
        found = features.collapsed_features(subject(targets))
        assert list(found) == ["0", "2"]
        for place in found.values():
            assert torch.equal(place.labels, wanted)
    torch.testing.assert_close(found["0"].features, gaussian(6, 3))


SOFT = {
    "soft labels": [0.25, 0.75, 0.0],
    "minus one and two": [-1.0, 2.0, 0.0],
    "above one": [0.0, 2.0, 0.0],
    "two classes at once": [1.0, 1.0, 0.0],
    "two classes and minus a third": [1.0, 1.0, -1.0],
    "no class": [0.0, 0.0, 0.0],
}


@pytest.mark.parametrize("name", SOFT)
def test_rows_that_are_no_labels_have_no_classes(name):
    """One such row among others that are one-hot is enough."""
    targets = functional.one_hot(LABELS.clamp(max=2), 3).double()
    targets[3] = torch.tensor(SOFT[name])
    assert set(features.collapsed_features(subject(targets)).values()) == {
        "the targets are no class labels"
    }
    assert all(
        not isinstance(place, str) for place in features.feature_sets(subject(targets)).values()
    )


def test_why_there_is_nothing():
    one = features.collapsed_features(subject(LABELS * 0 + 2))
    assert set(one.values()) == {"the batch holds one class only"}
    assert "label 70000: too many classes" in features.feature_sets(
        subject(torch.tensor([70_000, 1, 0, 0, 0, 0]))
    )
    assert "neither" in features.feature_sets(subject(gaussian(6)))
    flat = features.feature_sets(subject(gaussian(5, 2)))
    assert flat == "no layer has one row per sample"
    zero = features.feature_sets(subject(inputs=torch.zeros(6, 3).double()))
    assert zero["0"] == "its inputs are all zero: no unit below it is alive on this batch"
    assert not isinstance(zero["2"], str)


def test_sizes_are_met_and_not_passed(monkeypatch):
    """The last size that is looked at, and the first that is not."""
    # of 6 × 3 inputs of the first layer, 6 × 5 of the second
    monkeypatch.setattr(features, "LARGEST_FEATURES", 18)
    found = features.feature_sets(subject(LABELS.clamp(max=2)))
    assert not isinstance(found["0"], str)
    assert "more than 18 entries" in found["2"]
    assert "the label 3: too many" in features.feature_sets(subject())
    monkeypatch.undo()
    # 2K gradients of m × d entries; of a layer of m < 8 units m times as many
    monkeypatch.setattr(features, "LARGEST_ENSEMBLE", 2 * 4 * 5 * 5 * 3)
    assert not isinstance(features.readout_ensembles(subject())["0"], str)
    monkeypatch.setattr(features, "LARGEST_ENSEMBLE", 2 * 4 * 5 * 5 * 3 - 1)
    assert "more than 119 entries" in features.readout_ensembles(subject())["0"]
    monkeypatch.setattr(features, "NARROW", 2)
    assert not isinstance(features.readout_ensembles(subject())["0"], str)


def test_readouts_at_a_layer():
    """± a row of signs to every class, scaled so that its second moment is m·v times the identity;
    the drawn one has the same step.
    """
    hot = functional.one_hot(LABELS, 4).double()
    for targets in (LABELS, hot):
        place = features.readout_ensembles(subject(targets))["0"]
        assert torch.equal(place.targets, hot)
        assert place.readouts.shape == (2 * 4, 4, 5)
        assert bool((place.readouts.abs().sum(1) == 4).all()), "every unit is read"
        assert float(place.readouts.sum(0).abs().max()) == 0
        second = (place.readouts @ place.readouts.mT).mean(0)
        torch.testing.assert_close(second, 5 * float(place.variance) * torch.eye(4).double())
        drawn = features.random_readouts(subject(targets, seed=9))["0"]
        assert torch.equal(drawn.targets, hot)
        assert (drawn.seed, drawn.replicates) == (9, features.REPLICATES)
        # one step of rate η behind entries of variance v moves the weight by η√v on the scale on
        # which 1/m moves it by η/√m
        torch.testing.assert_close(place.rate * place.variance.sqrt(), drawn.rate / 5**0.5)


def test_few_or_no_readouts_are_drawn(monkeypatch):
    weights = 5 * 3
    monkeypatch.setattr(features, "LARGEST_ENSEMBLE", 1_500 * weights + 7)
    assert features.random_readouts(subject())["0"].replicates == 1_500
    monkeypatch.setattr(features, "LARGEST_ENSEMBLE", features.FEWEST * weights)
    assert features.random_readouts(subject())["0"].replicates == features.FEWEST
    monkeypatch.setattr(features, "LARGEST_ENSEMBLE", features.FEWEST * weights - 1)
    assert features.random_readouts(subject())["0"].startswith(
        "1000 gradients of its weight have more than"
    )


def test_where_nothing_would_grow():
    """YᵀH = 0; and a weight of zero, behind which the growth has no noise that would set the scale
    of a step.
    """
    inputs = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]] * 3).double()
    same = torch.ones(6, 2).double()
    for build in (features.readout_ensembles, features.random_readouts):
        assert "do not correlate" in build(subject(same, inputs))["0"]
    still = nn.Sequential(nn.Linear(3, 5)).double()
    nn.init.zeros_(still[0].weight)
    for build in (features.readout_ensembles, features.random_readouts):
        assert "or not with what it makes of them" in build(subject(model=still))["0"]


@pytest.mark.parametrize("advice", AUTHORS)
def test_what_is_open_on_a_network_comes_with_advice_to_its_owner(advice):
    """Who owns a network did not write the formula."""

    class Claim:
        tag = "theorem"

        def __call__(self, _instance):
            context = {"reason": f"both sides are one: {advice}"}
            return Verdict("a claim", Outcome.UNDECIDED, context=context)

    reason = judged(Claim(), None).context["reason"]
    assert reason.startswith("both sides are one: other samples, or float64 (--double)")
    assert "where=" not in reason
