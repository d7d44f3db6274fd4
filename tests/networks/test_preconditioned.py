"""The optimiser: torch's conventions, what P does to weights and bias, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from impl import NetworkSpec, PreconditionedSGD, build, half_squared_error
from impl.errors import InputError
from impl.preconditioning.first_layer import FirstLayerTraining

DOUBLE = torch.float64


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def test_identity_preconditioner_is_plain_sgd_with_torch_conventions():
    ours, theirs = build(NetworkSpec(bias=True)), build(NetworkSpec(bias=True))
    inputs, targets = normal(5, 3), normal(5, 2, seed=1)
    first = PreconditionedSGD(
        [ours.fc1.weight, ours.fc1.bias], lr=0.1, preconditioner=torch.eye(3, dtype=DOUBLE)
    )
    second = torch.optim.SGD(theirs.fc1.parameters(), lr=0.1)

    def closure():
        first.zero_grad()
        loss = half_squared_error(ours(inputs), targets)
        loss.backward()
        return loss

    value = first.step(closure)
    half_squared_error(theirs(inputs), targets).backward()
    second.step()
    assert value == half_squared_error(build(NetworkSpec(bias=True))(inputs), targets)
    torch.testing.assert_close(ours.fc1.weight, theirs.fc1.weight, rtol=0, atol=1e-15)
    torch.testing.assert_close(ours.fc1.bias, theirs.fc1.bias, rtol=0, atol=1e-15)
    assert torch.equal(ours.readout.weight, theirs.readout.weight)


def test_state_dict_carries_the_step_count_of_a_changing_preconditioner():
    seen = []

    def changing(taken):
        seen.append(taken)
        return torch.eye(2, dtype=DOUBLE) * (taken + 1)

    layer = nn.Linear(2, 1, bias=False, dtype=DOUBLE)
    first = PreconditionedSGD(layer.parameters(), lr=1.0, preconditioner=changing)
    for _ in range(2):
        layer.weight.grad = torch.ones_like(layer.weight)
        first.step()
    again = PreconditionedSGD(layer.parameters(), lr=1.0, preconditioner=changing)
    again.load_state_dict(first.state_dict())
    again.step()
    assert seen == [0, 1, 2]


def test_a_preconditioner_on_the_bias_column_moves_weights_by_the_bias_gradient():
    layer = nn.Linear(1, 1, dtype=DOUBLE)
    before = layer.weight.item(), layer.bias.item()
    layer.weight.grad, layer.bias.grad = (
        torch.ones(1, 1, dtype=DOUBLE),
        torch.full((1,), 10.0, dtype=DOUBLE),
    )
    matrix = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=DOUBLE)
    PreconditionedSGD(layer.parameters(), lr=1.0, preconditioner=matrix).step()
    assert layer.weight.item() == pytest.approx(before[0] - 12)
    assert layer.bias.item() == pytest.approx(before[1] - 31)


def test_groups_have_their_own_preconditioner_and_follow_schedulers_and_checkpoints(tmp_path):
    first, second = nn.Linear(2, 3, dtype=DOUBLE), nn.Linear(3, 1, bias=False, dtype=DOUBLE)
    matrix = torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=DOUBLE))
    optimiser = PreconditionedSGD(
        [
            {"params": list(first.parameters())},
            {"params": [second.weight], "preconditioner": matrix, "lr": 1.0, "weight_decay": 0.5},
        ],
        lr=0.1,
        preconditioner=torch.eye(2, dtype=DOUBLE),
    )
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=1, gamma=0.5)
    for rates in ((0.1, 1.0), (0.05, 0.5)):
        optimiser.zero_grad()
        second(torch.tanh(first(normal(4, 2)))).sum().backward()
        before = (
            first.weight.detach().clone(),
            first.bias.detach().clone(),
            second.weight.detach().clone(),
        )
        optimiser.step()
        schedule.step()
        torch.testing.assert_close(first.weight, before[0] - rates[0] * first.weight.grad)
        torch.testing.assert_close(first.bias, before[1] - rates[0] * first.bias.grad)
        torch.testing.assert_close(
            second.weight, (1 - rates[1] / 2) * before[2] - rates[1] * second.weight.grad @ matrix
        )
    torch.save(optimiser.state_dict(), tmp_path / "state")
    again = PreconditionedSGD(
        [{"params": list(first.parameters())}, {"params": [second.weight]}],
        9.0,
        torch.eye(3, dtype=DOUBLE),
    )
    again.load_state_dict(torch.load(tmp_path / "state"))
    assert [group["lr"] for group in again.param_groups] == [0.025, 0.25]
    assert torch.equal(again.param_groups[1]["preconditioner"], matrix)
    with pytest.raises(InputError, match="lr of at least 0"):
        again.add_param_group({"params": [torch.ones(1, 1, requires_grad=True)], "lr": -1.0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "lr of at least 0, got lr=-1.0"),
        ({"weight_decay": -1.0}, "weight_decay of at least 0"),
        ({"preconditioner": torch.eye(4, dtype=DOUBLE)}, r"of shape \(3, 3\), got \(4, 4\)"),
        (
            {"preconditioner": torch.triu(torch.ones(3, 3, dtype=DOUBLE))},
            r"symmetrise it as \(P \+ Pᵀ\)/2",
        ),
        (
            {"preconditioner": torch.full((3, 3), torch.nan, dtype=DOUBLE)},
            "finite numbers in the preconditioner",
        ),
        ({"params": [torch.zeros(3, requires_grad=True)]}, r"\[weight \(k, d\)\]"),
    ],
)
def test_optimiser_refuses(options, message):
    weight = torch.ones(2, 3, dtype=DOUBLE, requires_grad=True)
    weight.grad = torch.ones_like(weight)
    arguments = {
        "params": [weight],
        "lr": 0.1,
        "preconditioner": torch.eye(3, dtype=DOUBLE),
        **options,
    }
    with pytest.raises(InputError, match=message):
        PreconditionedSGD(**arguments).step()


def test_one_step_is_taken_and_none_refused():
    training = FirstLayerTraining(
        nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1)).double(),
        torch.randn(4, 3).double(),
        torch.randn(4, 1).double(),
        nn.functional.mse_loss,
        rate=0.1,
    )
    assert training.run(1).inputs.shape[0] == 1
    with pytest.raises(InputError, match="expected at least one step, got steps=0"):
        training.run(0)
