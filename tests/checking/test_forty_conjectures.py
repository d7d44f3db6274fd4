"""A hundred and more conjectures as users write them, each in a file of its own: no true one is
refuted, every false one is.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from impl import normalised_layer
from theorems import Outcome
from theorems.checking.check import check
from theorems.checking.drawing import draws
from theorems.checking.larger import larger
from theorems.loading import load_claims
from theorems.relations.enclosures import enclose

FOLDER = Path(__file__).parents[1] / "conjectures"
TRUE = sorted((FOLDER / "true").glob("*.py"))
FALSE = sorted((FOLDER / "false").glob("*.py"))
OPEN = {
    # p − 1 ≤ 0 where p, measured, is one up to rounding
    "descent_of_the_head_raises_the_right_logit",
    # 0 = 0 up to rounding, where a gradient all but vanishes
    "weights_scale_like_outputs_without_bias",
}
"""True ones that rounding may leave open; all others hold."""
TIES = {
    # log 2 > log 2 is refuted by no enclosure of logarithms
    "entropy_is_strictly_below_log_classes",
}
"""False ones that only exact numbers could refute; all others are refuted."""


def loaded(file):
    (claim,) = load_claims(str(file))
    return dataclasses.replace(claim, changes={})  # the statement is on trial here, not its power


def some(claim):
    """A few, a few larger ones, and more for what is rarely false."""
    yield from draws(claim.instances(), examples=30, seed=0)
    yield from (one.drawn.instance for one in larger(claim.instances, 8, seed=0))
    yield from draws(claim.instances(), examples=150, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("file", TRUE, ids=lambda file: file.stem)
def test_true_conjectures_hold(file):
    evidence = check(loaded(file), examples=30, seed=0)
    if file.stem in OPEN and evidence.outcome is Outcome.UNDECIDED:
        assert "where=" in evidence.worst.context["reason"]
    else:
        assert evidence.outcome is Outcome.HOLDS, evidence.worst


@pytest.mark.slow
@pytest.mark.parametrize("file", FALSE, ids=lambda file: file.stem)
def test_false_conjectures_are_refuted(file):
    claim = loaded(file)
    outcomes = (claim(instance).outcome for instance in some(claim))
    found = Outcome.REFUTED in outcomes  # the first one ends it
    assert found is (file.stem not in TIES)


@pytest.mark.parametrize("kind", ["layer", "rms", "batch"])
def test_zeros_that_no_rounding_made_are_exact(kind):
    zero = torch.zeros(3, 4, dtype=torch.float64)
    shift = zero[0] if kind == "rms" else zero[0] + 0.1
    layer = normalised_layer(zero, gain=zero[0] + 3, shift=shift, output_grad=zero, kind=kind)
    assert torch.equal(layer.outputs, zero + shift)
    assert not bool(enclose(layer).outputs.error.any() or enclose(layer).input_grad.error.any())
