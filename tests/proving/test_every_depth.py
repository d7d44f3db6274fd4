"""Every depth: the steps of the induction hold, and wrong recursions fail them."""

from dataclasses import replace
from functools import partial

import pytest

import theorems
from theorems.gram_hierarchy.operators import STATED, no_mask
from theorems.impl.generic.networks import gated_network
from theorems.impl.gram_hierarchy.gated import fields
from theorems.impl.symbolic import NotOfThisFormError
from theorems.proving.cases import Case
from theorems.proving.deciding import symbolic
from theorems.proving.induction import CUT, LAYER, PULLBACK, PUSHFORWARD, layer


def same_forms(observed, predicted):
    net = symbolic(layer())
    return not (observed(net) - predicted(net)).terms


@pytest.mark.parametrize("step", [PULLBACK, PUSHFORWARD, CUT, LAYER], ids=lambda step: step.name)
def test_steps_from_depth_to_depth_hold(step):
    assert same_forms(step.observed, step.predicted)


@pytest.mark.parametrize(
    "wrong",
    [
        {"left": no_mask},
        {"right": no_mask},
        {"gram": False},
        {"local": False},
        {"transposed": True},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_wrong_recursions_fail_the_step(wrong, monkeypatch):
    for step in (PULLBACK, PUSHFORWARD):
        try:
            assert not same_forms(*_with(wrong, monkeypatch, step))
        except NotOfThisFormError as error:  # it hands the other layers something else
            assert "on another vector" in str(error) or "comparison of sizes" in str(error)  # noqa: PT017


def _with(wrong, monkeypatch, step):
    monkeypatch.setattr("theorems.proving.induction.STATED", replace(STATED, **wrong))
    return step.observed, step.predicted


def test_the_other_layers_matter_for_the_step():
    """With other layers that stand still the step says something else: the hypothesis of the
    induction is used.
    """
    still = lambda net: -STATED.pullback(net, fields(net), 0, net.inputs)  # noqa: E731
    assert not same_forms(PULLBACK.observed, still)


@pytest.mark.slow
def test_depth_six_directly():
    case = Case("depth 6", partial(gated_network, depths=(6, 6)), 0, ("gate",))
    net = symbolic(case)
    claim = theorems.backward_pullback_recursion
    seen, told = claim.observe(net), claim.predict(net)
    assert all(not (seen[part] - told[part]).terms for part in told)
