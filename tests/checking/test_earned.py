"""An equation of a network is not said to hold where half of the gradient, or a doubled one, would
be within rounding too.
"""

import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional

from theorems import feature_learning_equation, gram_flow, gram_follows_virtual_covariance
from theorems import stationary_gram_is_feature_correlation as stationary_gram
from theorems.checking.collected import fingerprint
from theorems.counterexamples import counterexample
from theorems.impl import trace
from theorems.own.models import check_model
from theorems.verdict import Outcome

CLAIMS = (feature_learning_equation, gram_follows_virtual_covariance, stationary_gram, gram_flow)
BUGS = {"twice": lambda g: 2 * g, "sign": torch.neg, "zeroed": torch.zeros_like}


def network(kind):
    torch.manual_seed(0)
    if kind == "wide":
        model = nn.Sequential(
            nn.Linear(20, 384), nn.ReLU(), nn.Linear(384, 384), nn.ReLU(), nn.Linear(384, 10)
        )
        return model, torch.randn(48, 20)
    ends = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    model = nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), *ends)
    return model, torch.randn(8, 3, 16, 16)


def verdicts(kind, dtype, bug=None, **options):
    model, inputs = network(kind)
    model.to(dtype)
    if bug:
        model[2].weight.register_hook(BUGS[bug])
    labels = torch.arange(len(inputs)) % 10
    found = check_model(
        model, inputs.to(dtype), labels, functional.cross_entropy, claims=CLAIMS, **options
    )
    return [r.verdict for r in found if r.where.startswith("2")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "dtype"), [("wide", torch.float16), ("in part", torch.bfloat16)], ids=str
)
def test_no_claim_holds_on_a_wrong_gradient_in_half_precision(kind, dtype):
    right = verdicts(kind, dtype)
    assert {v.outcome for v in right} <= {Outcome.HOLDS, Outcome.UNDECIDED}
    assert all("--double" in v.context["reason"] for v in right if v.outcome is Outcome.UNDECIDED)
    for bug in BUGS:
        found = verdicts(kind, dtype, bug)
        assert Outcome.HOLDS not in {v.outcome for v in found}, (bug, found)


def test_what_is_not_told_in_half_precision_is_told_in_float64():
    undecided = [
        v.claim for v in verdicts("in part", torch.bfloat16) if v.outcome is Outcome.UNDECIDED
    ]
    assert "stationary_gram_is_feature_correlation" in undecided
    assert {v.outcome for v in verdicts("in part", torch.bfloat16, double=True)} == {Outcome.HOLDS}


def layer(**options):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    data = torch.randn(6, 5).double(), torch.arange(6) % 3
    return trace(model, *data, functional.cross_entropy, **options)["0"]


def test_a_decay_that_drowns_the_gradient_tells_nothing():
    assert stationary_gram(layer()).outcome is Outcome.HOLDS
    drowned = layer(decay=1e17)
    assert stationary_gram(drowned).outcome is Outcome.UNDECIDED
    doubled = dataclasses.replace(drowned, weight_grad=2 * drowned.weight_grad)
    verdict = stationary_gram(doubled)
    assert verdict.outcome is Outcome.UNDECIDED
    assert "half of weight_grad" in verdict.context["reason"]
    assert "another batch" not in verdict.context["reason"]


def test_a_gradient_that_is_exactly_zero_hides_nothing():
    still = layer()
    zero = {name: getattr(still, name) * 0 for name in ("weight_grad", "input_grad", "output_grad")}
    for claim in CLAIMS:
        assert claim(dataclasses.replace(still, **zero)).outcome is Outcome.HOLDS, claim.name


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_refutations_in_narrow_formats_have_scripts_that_replay(dtype):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 5)).to(dtype)
    model[2].weight.register_hook(BUGS["twice"])
    results = check_model(
        model,
        torch.randn(16, 6).to(dtype),
        torch.arange(16) % 5,
        functional.cross_entropy,
        claims=CLAIMS,
    )
    refuted = [r for r in results if r.where == "2" and r.verdict.outcome is Outcome.REFUTED]
    assert {r.claim.name for r in refuted} >= {claim.name for claim in CLAIMS}
    for result in refuted:
        found = counterexample(result.claim, result.verdict, seed=0)
        assert found.script is not None, (result.claim.name, found.reason)
        assert hash(fingerprint(result.verdict.instance))
