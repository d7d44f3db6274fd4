"""An instance is observed once for a claim and all of its mutants; conjectures are not trusted with
what others have seen.
"""

from dataclasses import replace

import pytest
import torch

import theorems
from theorems.checking.check import check
from theorems.impl.numbers.rounded import Ball
from theorems.relations.observing import kept, observed_once


def _observations(tag):
    """How often each float instance, and each of balls, was observed in a check."""
    seen = []

    def observe(instance):
        seen.append(instance)  # alive, so that no other takes its id
        return theorems.gram_flow.observe(instance)

    source = replace(theorems.gram_flow.source, tag=tag)
    claim = replace(theorems.gram_flow, observe=observe, source=source, hypotheses={})
    evidence = check(claim, examples=8, seed=0)
    assert sum(control.tried for control in evidence.controls) >= len(claim.mutants) > 2
    counts = {
        kind: [sum(one is other for other in seen) for one in seen if isinstance(one.weight, kind)]
        for kind in (torch.Tensor, Ball)
    }
    assert min(len(found) for found in counts.values()) >= 8
    return {kind: max(found) for kind, found in counts.items()}


def test_an_instance_is_observed_once_for_all_mutants():
    """Whether half of a field would show is asked of floats again, of each mutant that holds. The
    sides of a conjecture may change in place what others have seen.
    """
    paper, conjecture = _observations("paper"), _observations("conjecture")
    assert paper[Ball] == 1
    assert paper[torch.Tensor] < conjecture[torch.Tensor]


def test_only_the_instance_at_hand_is_kept():
    first, second = object(), object()
    with observed_once(first):
        assert kept(first, "key", lambda: 1) == 1
        assert kept(first, "key", lambda: 2) == 1
        assert kept(first, "other", lambda: 3) == 3
        assert kept(second, "key", lambda: 4) == 4
    assert kept(first, "key", lambda: 5) == 5


def test_what_raises_is_not_kept():
    one = object()
    with observed_once(one):
        with pytest.raises(ZeroDivisionError):
            kept(one, "key", lambda: 1 / 0)
        assert kept(one, "key", lambda: 2) == 2
