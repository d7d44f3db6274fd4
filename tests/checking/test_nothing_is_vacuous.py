"""Strategies draw what their claims are about, and bounds are those of what was computed."""

from __future__ import annotations

import pytest
import torch

from impl import strategies
from impl.feature_learning.linear_networks import descent
from impl.gram_hierarchy.gated import loss_gradient
from theorems import CLAIMS, Outcome
from theorems.checking.drawing import draws
from theorems.checking.larger import larger
from theorems.impl.numbers.rounded import Ball

PAPERS = ("2605.06258", "2606.09744", "2509.25637")
DRAWN = [
    claim for claim in CLAIMS if claim.source.arxiv in PAPERS and claim.expected is Outcome.HOLDS
]


@pytest.mark.slow
@pytest.mark.parametrize("claim", DRAWN, ids=lambda claim: claim.name)
def test_the_claim_applies_wherever_it_is_drawn(claim):
    if claim.name == "surrogate_grows_in_expectation":
        pytest.skip("its instances are few and each takes a second")
    drawn = draws(claim.instances(), examples=12, seed=7) + [
        one.drawn.instance for one in larger(claim.instances, 2, seed=7)
    ]
    assert [claim.inapplicable(instance) for instance in drawn] == [None] * len(drawn)


def test_masks_are_those_of_the_relu():
    for net in draws(strategies.lattice_gated_networks(), examples=20, seed=0):
        z = net.inputs
        for weight, mask in zip(net.weights, net.masks, strict=True):
            pre = z @ weight.mT
            assert torch.equal(mask, (pre > 0).double())
            z = torch.relu(pre)


@pytest.mark.slow
def test_the_formula_behind_a_bound_is_what_autograd_computes():
    for net in draws(strategies.free_gated_networks(), examples=20, seed=0):
        balls = net.map(Ball)
        for model, speed in zip(
            loss_gradient(balls, balls.weights, balls.residual), net.weight_velocity, strict=True
        ):
            assert torch.equal(-model.center, speed)
    for net in draws(strategies.lattice_linear_networks(), examples=20, seed=0):
        for model, speed in zip(descent(net), net.weight_velocity, strict=True):
            assert torch.equal(model, speed)
