"""Target linearity and the virtual step that raises it, against NumPy's least squares and
autograd.
"""

import numpy as np
import pytest
import torch

from impl.feature_learning.features import FeatureSet, feature_set, target_linearity
from theorems.feature_learning.target_linearity import (
    _gain,
    _least_gain,
    target_linearity_laws,
    virtual_step_raises_target_linearity,
)
from theorems.verdict import Outcome

SIZES = [(9, 3, 2), (12, 1, 1), (7, 5, 3), (30, 4, 1)]


def gaussian(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def instance(rows, d, classes, rate=1.0):
    return FeatureSet(
        gaussian(rows, d, seed=1),
        gaussian(rows, classes, seed=2) + 3,
        gaussian(d, d, seed=3),
        gaussian(d, max(1, d // 2), seed=4),
        gaussian(d, classes, seed=5),
        torch.tensor(rate).double(),
    )


def centred(s):
    """N times the deviations from the mean, so that integers stay integers."""
    return (s.targets - s.targets.mean(0)) * len(s.targets)


def fitted(features, targets):
    """The least-squares head and what it leaves, by NumPy."""
    head = np.linalg.lstsq(features.numpy(), targets.numpy(), rcond=None)[0]
    return head, float(((targets.numpy() - features.numpy() @ head) ** 2).sum())


@pytest.mark.parametrize("size", SIZES)
def test_is_the_share_of_the_variance_that_a_linear_head_explains(size):
    s = instance(*size)
    y = centred(s)
    wanted = 1 - fitted(s.features, y)[1] / float((y**2).sum())
    assert float(target_linearity(s.targets, s.features)) == pytest.approx(wanted)
    assert target_linearity_laws(s)
    observed, predicted = target_linearity_laws.observe(s), target_linearity_laws.predict(s)
    assert float(observed["Pythagoras"]) == pytest.approx(
        float(((y - s.features @ s.head) ** 2).sum())
    )
    assert {part: float(predicted[part]) for part in ("at least zero", "at most one")} == {
        "at least zero": 0,
        "at most one": 1,
    }
    for part in ("invariant", "no linear map raises it"):
        assert float(predicted[part]) == pytest.approx(wanted)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rate", [0.25, 1.0, 1.9])
def test_the_virtual_step_is_a_gradient_step_of_the_features(size, rate):
    """½‖Y − HAᵀ‖² by autograd at the least-squares head, rate/‖A‖²; what it gains is measured with
    the best head after the step.
    """
    s = instance(*size, rate=rate)
    y = centred(s)
    head, before = fitted(s.features, y)
    old = torch.as_tensor(head)
    h = s.features.clone().requires_grad_()
    (((y - h @ old) ** 2).sum() / 2).backward()
    moved = s.features - rate / float((old**2).sum()) * h.grad
    after, kept = fitted(moved, y)[1], float(((y - moved @ old) ** 2).sum())
    for part in ("raised", "raised by"):
        assert float(_gain(s)[part]) == pytest.approx(before - after)
    assert float(_least_gain(s)["raised by"]) == pytest.approx(before - kept)
    assert float(_least_gain(s)["raised"]) == 0
    assert virtual_step_raises_target_linearity(s)


def test_every_network_of_a_stack_has_its_own_rate():
    both = FeatureSet.stack([instance(9, 3, 2, rate=0.5), instance(9, 3, 2, rate=1.5)])
    one = [float(_gain(instance(9, 3, 2, rate=r))["raised by"]) for r in (0.5, 1.5)]
    assert _gain(both)["raised by"].tolist() == pytest.approx(one)
    assert virtual_step_raises_target_linearity(both)


def test_hypotheses_are_checked():
    rows = torch.arange(8) % 2
    constant = feature_set(gaussian(8, 3), torch.ones(8, 2).double())
    assert "constant" in target_linearity_laws(constant).context["reason"]
    found = feature_set(gaussian(8, 3), rows)
    assert virtual_step_raises_target_linearity(found)
    explained = feature_set(torch.stack([1.0 - rows, 1.0 * rows], 1).double(), rows)
    verdict = virtual_step_raises_target_linearity(explained)
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert "RA = 0" in verdict.context["reason"]
