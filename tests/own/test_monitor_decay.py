"""The decay bound of a watched training: σ_{C+1}(W) ≤ ‖∇_W J‖/λ, at every step, of every layer that
decay speaks about.
"""

import math

import pytest
import torch
from test_monitor import Writer, data
from torch import nn
from torch.nn import functional

from theorems import kernel_rank_at_most_classes, watch
from theorems.own.models import check_model


def linear_end():
    torch.manual_seed(1)
    parts = (
        nn.Linear(6, 9),
        nn.Tanh(),
        nn.Linear(9, 8),
        nn.Linear(8, 7, bias=False),
        nn.Linear(7, 3),
    )
    return nn.Sequential(*parts).double()


def descend(model, optimiser, steps):
    inputs, targets = data(torch.float64)
    for _ in range(steps):
        optimiser.zero_grad()
        functional.cross_entropy(model(inputs), targets).backward()
        optimiser.step()


def independently(model, layer, decay):
    """σ_4 and the bound, the decayed objective written out and differentiated."""
    inputs, targets = data(torch.float64)
    weight = model[layer].weight
    value = functional.cross_entropy(model(inputs), targets) + decay / 2 * (weight**2).sum()
    (gradient,) = torch.autograd.grad(value, weight)
    return float(torch.linalg.svd(weight.detach()).S[3]), float(
        torch.linalg.svd(gradient).S[0]
    ) / decay


@pytest.mark.slow
@pytest.mark.parametrize("said", ["optimiser", "argument", "decoupled"])
def test_the_decay_bound_is_what_the_decayed_objective_says(said):
    model, decay, writer = linear_end(), 0.03, Writer()
    before = {layer: independently(model, layer, decay) for layer in (2, 3)}
    kind = torch.optim.AdamW if said == "decoupled" else torch.optim.SGD
    optimiser = kind(model.parameters(), lr=0.02, weight_decay=0.5 if said == "argument" else decay)
    given = {"decay": decay} if said == "argument" else {}
    with watch(
        model, *data(torch.float64), functional.cross_entropy, every=5, writer=writer, **given
    ) as history:
        descend(model, optimiser, 20)
    after = {layer: independently(model, layer, decay) for layer in (2, 3)}
    for layer in (2, 3):
        (steps, tails), (_, bounds) = (
            history.series(str(layer), "weight_tail"),
            history.series(str(layer), "decay_bound"),
        )
        assert steps == [0, 5, 10, 15, 20]
        assert (tails[0], bounds[0]) == pytest.approx(before[layer], rel=1e-9), (
            "λ is known only after the first step"
        )
        assert (tails[-1], bounds[-1]) == pytest.approx(after[layer], rel=1e-9)
        assert all(0 < tail <= bound for tail, bound in zip(tails, bounds, strict=True))
        for step, tail, bound in zip(steps, tails, bounds, strict=True):
            assert (f"weight_tail/{layer}", tail, step) in writer.seen
            assert (f"decay_bound/{layer}", bound, step) in writer.seen
    for layer in ("0", "4"):
        assert all(map(math.isnan, history.series(layer, "decay_bound")[1])), (
            "below a nonlinearity, or the readout itself"
        )
    assert history.plot().axes[5].axison
    assert not history.plot(["0"]).axes[5].axison
    results = check_model(
        model,
        *data(torch.float64),
        functional.cross_entropy,
        claims=[kernel_rank_at_most_classes],
        decay=decay,
    )
    assert {r.where.split(",")[0] for r in results if r.verdict} == {"2", "3"}, (
        "the claim applies where the bound is recorded"
    )


@pytest.mark.slow
def test_each_parameter_has_the_decay_of_its_group_and_none_is_left_out():
    model = linear_end()
    groups = [
        {"params": model[2].parameters(), "weight_decay": 0.1},
        {"params": model[3].parameters(), "weight_decay": 0.0},
    ]
    with watch(model, *data(torch.float64), functional.cross_entropy) as history:
        descend(model, torch.optim.SGD(groups, lr=0.1), 2)
    assert all(map(math.isfinite, history.series("2", "decay_bound")[1]))
    assert all(map(math.isnan, history.series("3", "decay_bound")[1]))
    for optimiser, given in (
        (torch.optim.SGD(model.parameters(), lr=0.1), {}),
        (torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1), {"decay": 0.0}),
    ):
        with watch(model, *data(torch.float64), functional.cross_entropy, **given) as history:
            descend(model, optimiser, 2)
        assert all(
            math.isnan(row["decay_bound"]) and math.isnan(row["weight_tail"])
            for row in history.rows
        )
        assert not history.plot().axes[5].axison
    with watch(model, *data(torch.float64), functional.cross_entropy) as history:
        pass
    assert all(math.isnan(row["decay_bound"]) for row in history.rows), (
        "nobody said what the decay is"
    )


class WithProbe(nn.Module):
    """A head that nothing trains is called last: the readout is the layer whose outputs are the
    network's, now.
    """

    def __init__(self):
        super().__init__()
        self.body, self.probe = linear_end(), nn.Linear(6, 3).double()

    def forward(self, x):
        outputs = self.body(x)
        self.probe(x)
        return outputs


def test_the_readout_is_found_anew_at_every_record():
    model = WithProbe()
    with watch(model, *data(torch.float64), functional.cross_entropy) as history:
        descend(model, torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1), 3)
    for layer in ("body.2", "body.3"):
        assert all(map(math.isfinite, history.series(layer, "decay_bound")[1]))


@pytest.mark.slow
def test_at_rest_nothing_is_left_beyond_the_classes():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8, bias=False), nn.Linear(8, 3, bias=False)).double()
    with watch(model, *data(torch.float64), functional.cross_entropy, every=400) as history:
        descend(model, torch.optim.SGD(model.parameters(), lr=1.0, weight_decay=0.02), 2000)
    tails, bounds = history.series("0", "weight_tail")[1], history.series("0", "decay_bound")[1]
    assert tails[0] > 0.1
    assert tails[-1] <= bounds[-1] < 1e-9 * bounds[0]
