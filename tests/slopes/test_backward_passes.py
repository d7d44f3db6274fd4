"""Backward passes are those of training: what it asks for is asked for, and reentrant checkpoints
run.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from theorems.own.models import check_model
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.verdict import Outcome


def rows(model):
    torch.manual_seed(2)
    inputs, labels = torch.randn(8, 6), torch.arange(8) % 5
    results = check_model(
        model, inputs, labels, functional.cross_entropy, claims=[autograd_gives_the_gradient]
    )
    return {r.where: r.verdict for r in results}


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.below, self.head = nn.Linear(6, 12), nn.Linear(12, 5)
        self.body = nn.Sequential(nn.Tanh(), nn.Linear(12, 12), nn.Dropout(0.3))

    def forward(self, x):
        return self.head(checkpoint(self.body, self.below(x), use_reentrant=True))


@pytest.mark.slow
@pytest.mark.parametrize("where", ["", "below", "body.1", "head"])
def test_reentrant_checkpoints_are_followed(where):
    torch.manual_seed(1)
    model = Checkpointed()
    model.below.weight.grad = torch.ones_like(model.below.weight)
    for parameter in model.get_submodule(where).parameters() if where else ():
        parameter.register_hook(torch.neg)
    found = rows(model)
    red = {name for name, verdict in found.items() if verdict.outcome is Outcome.REFUTED}
    assert red == ({"all parameters", f"parameters of {where}"} if where else set()), found
    assert {p.grad is None for p in model.body.parameters()} == {True}
    assert torch.equal(model.below.weight.grad, torch.ones_like(model.below.weight))


def test_no_pass_asks_for_less_than_training(monkeypatch):
    """Torch's `GroupNorm` ends the process in channels_last where the gradient of its weight alone
    is asked for.
    """
    asked, grad = [], torch.autograd.grad
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 12), nn.GroupNorm(3, 12), nn.Linear(12, 5))
    model[1].weight.register_hook(lambda g: 1.01 * g)

    def watched(value, tensors, **options):
        asked.append({id(t) for t in tensors})
        return grad(value, tensors, **options)

    monkeypatch.setattr(torch.autograd, "grad", watched)
    assert "parameters of 1" in rows(model)
    assert len(asked) > 2
    # the last looks at layers
    assert all({id(p) for p in model.parameters()} <= each for each in asked[:-1])
