"""The loss at four steps a line: only where all steps would say the same, and the passes that it
takes.
"""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from impl.slopes import lines as all_lines
from impl.slopes.lines import Lines
from impl.slopes.loss_lines import COARSE, FEW, STEPS
from tests.foreign.common import data
from tests.own.test_planted_in_networks import KINKS, Apply, function, network
from theorems.feature_learning.layer_identities import (
    feature_learning_equation,
    gram_flow,
    gram_follows_virtual_covariance,
    stationary_gram_is_feature_correlation,
)
from theorems.own.models import check_model
from theorems.own.places import Subject, gradients, unseen
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.verdict import Outcome

TARGETS = torch.arange(20) % 3


def scaled(factor):
    return function(lambda x: x.clone(), lambda _x, g: factor * g)


def convolutional(middle=None):
    torch.manual_seed(0)
    parts = (
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        middle or nn.Identity(),
        nn.ReLU() if middle is None else nn.Tanh(),
        nn.Conv2d(4, 6, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24, 3),
    )
    return nn.Sequential(*parts).double()


def subject(model, *shape):
    return Subject(model, data(20, *shape), TARGETS, functional.cross_entropy)


def rows(model, *shape):
    found = gradients.loss_lines(subject(model, *shape))
    return {where: autograd_gives_the_gradient(line) for where, line in found.items()}


@pytest.fixture
def runs(monkeypatch):
    """How often the loss was evaluated."""
    seen, evaluate = [], Lines.evaluate

    def counting(self, pushes=None):
        seen.append(pushes)
        return evaluate(self, pushes)

    monkeypatch.setattr(Lines, "evaluate", counting)
    return seen


def plain(act):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 12), act, nn.Linear(12, 12), act, nn.Linear(12, 3)).double()


@pytest.mark.parametrize("act", [nn.Tanh, nn.ReLU, nn.GELU])
def test_a_small_network_takes_nine_evaluations(runs, act):
    """One that repeats the point, and four steps on both sides; three times as many at all."""
    found = rows(plain(act()), 6)
    assert {verdict.outcome for verdict in found.values()} == {Outcome.HOLDS}
    assert list(found) == ["all parameters"]
    assert len(runs) == 9


def test_steps_that_are_known_are_not_run_again(runs):
    lines = Lines(network(nn.Tanh()), data(20, 6), TARGETS, functional.cross_entropy)
    runs.clear()
    few, other = lines.along(few=FEW[0]), lines.along(few=FEW[1])
    assert len(runs) == 16
    whole = lines.along()
    assert len(runs) == 22
    for line in (few, other):
        where = [STEPS.index(step) for step in line.steps.tolist()]
        assert torch.equal(whole.ahead[where], line.ahead)
        assert torch.equal(whole.behind[where], line.behind)
        assert torch.equal(whole.slope, line.slope)
    lines.along(lines.owners[:1])
    assert len(runs) == 44, "another line"
    lines.along(lines.align(lines.owners[:1]), few=FEW[0])
    assert len(runs) == 52, "another direction"


def test_a_line_of_few_steps_is_the_same_line():
    """Parameters that move faster on coarser steps do so on the few of them that are run."""
    lines = Lines(convolutional(), data(20, 1, 6, 6), TARGETS, functional.cross_entropy)
    some, steps = lines.owners[:2], (*COARSE, *lines.steps)
    few, whole = lines.along(some, steps=steps, few=FEW[0]), lines.along(some, steps=steps)
    assert torch.equal(few.slope, whole.slope)
    assert torch.equal(few.ahead, whole.ahead[7:11])


WRONG = {
    "factor 2": lambda: scaled(2.0),
    "one percent": lambda: scaled(1.01),
    "a thousandth": lambda: scaled(1.001),
    "sign": lambda: scaled(-1.0),
    "zero": lambda: scaled(0.0),
    "ReLU that leaks": lambda: function(lambda x: x.clamp(min=0), lambda x, g: g * (x > -0.1)),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", WRONG)
@pytest.mark.parametrize("make", [network, convolutional])
def test_a_wrong_gradient_is_never_settled_at_few_steps(monkeypatch, bug, make):
    """Every row is what it is without them."""
    shape = (6,) if make is network else (1, 6, 6)
    found = rows(make(Apply(WRONG[bug]())), *shape)
    assert found["all parameters"].outcome is Outcome.REFUTED
    monkeypatch.setattr(gradients, "FEW", ())
    wanted = rows(make(Apply(WRONG[bug]())), *shape)
    assert list(found) == list(wanted)
    for where, verdict in found.items():
        assert (verdict.outcome, verdict.measured, verdict.bound) == (
            wanted[where].outcome,
            wanted[where].measured,
            wanted[where].bound,
        )


@pytest.mark.slow
@pytest.mark.parametrize("factor", [2.0, 1.01, -1.0, 0.0])
@pytest.mark.parametrize("where", [0, 1, 4, 7])
def test_one_module_whose_gradient_is_wrong_is_seen(factor, where):
    model = convolutional()
    for p in model[where].parameters():
        p.register_hook(lambda grad: factor * grad)
    assert Outcome.REFUTED in {v.outcome for v in rows(model, 1, 6, 6).values()}


@pytest.mark.parametrize("kink", KINKS)
def test_a_kink_is_not_settled_at_few_steps(kink):
    model, loss = KINKS[kink][0](), KINKS[kink][1]
    lines = Lines(model, data(20, 6, seed=1), TARGETS, loss)
    assert gradients._clear(lines, FEW) is None


def test_a_bias_before_a_norm_is_looked_at_on_all_steps(runs):
    """Autograd says that its gradient is zero; one that was made zero is found."""
    found = rows(convolutional(), 1, 6, 6)
    assert {where: v.outcome for where, v in found.items()} == {"all parameters": Outcome.HOLDS}
    assert len(runs) == 9 + 78 + 1 + 78, "and where tiny parameters are larger; with rounding, both"
    stopped = plain(nn.Tanh())
    stopped[2].bias.register_hook(torch.zeros_like)
    assert Outcome.REFUTED in {v.outcome for v in rows(stopped, 6).values()}


def test_a_module_without_any_gradient_is_named_as_before(monkeypatch):
    model = network(Apply(lambda x: torch.tanh(x).detach()))
    lines = Lines(model, data(20, 6), TARGETS, functional.cross_entropy)
    for module in (model[0], model[2]):
        module.weight.register_hook(torch.zeros_like)
    found = rows(model, 6)
    monkeypatch.setattr(gradients, "FEW", ())
    assert list(found) == list(rows(model, 6))
    assert len(lines.owners) == 3


def test_parameters_that_few_steps_do_not_see_are_looked_at_on_all(runs, monkeypatch):
    """Each of the lines at eight steps before it runs at all fifteen."""
    monkeypatch.setattr(unseen, "FINE", 0.0)
    runs.clear()
    found = gradients.loss_lines(subject(plain(nn.Tanh()), 6))
    assert list(found) == ["all parameters"]
    (note,) = found["all parameters"].notes
    assert "an error of less than 1 % in the gradient of any module" in note
    assert len(runs) == 1 + 8 + 30, "sixteen, and the others of the same line"


def test_a_slope_that_is_not_clear_asks_for_all(runs, monkeypatch):
    monkeypatch.setattr(gradients, "CLEAR", 0.0)
    rows(plain(nn.Tanh()), 6)
    assert len(runs) == 23


def test_a_line_of_few_steps_is_kept_only_if_it_holds_and_sees_what_moves(monkeypatch):
    wrong = Lines(network(Apply(scaled(2.0))), data(20, 6), TARGETS, functional.cross_entropy)
    assert gradients._clear(wrong, FEW) is None
    lines = Lines(plain(nn.Tanh()), data(20, 6), TARGETS, functional.cross_entropy)
    whole, each = lines.along(few=FEW[0]), lines.single()
    assert gradients._clear(lines, FEW) is not None
    assert len(unseen._at_few(lines, each, whole, FEW).steps) == 4
    assert unseen._at_few(lines, each, whole, ()) is None
    for share in ("FINE", "POWER"):
        with monkeypatch.context() as patch:
            patch.setattr(unseen, share, 0.0)
            assert unseen._at_few(lines, each, whole, FEW) is None
    assert unseen._at_few(wrong, wrong.single(), whole, FEW) is None


def test_an_error_that_all_steps_tell_among_kinks_is_not_lost():
    """Four steps alone would tell a thousandth of the slope; all tell a hundredth of that."""
    torch.manual_seed(0)
    parts = nn.Linear(6, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 3)
    model = nn.Sequential(*parts).double()
    for p in model.parameters():
        p.register_hook(lambda grad: 1.0005 * grad)
    task = model, data(400, 6), torch.arange(400) % 3, functional.cross_entropy
    few = Lines(*task).along(few=FEW[0])
    assert autograd_gives_the_gradient(few).outcome is Outcome.HOLDS
    assert gradients._clear(Lines(*task), FEW) is None
    found = gradients.loss_lines(Subject(*task))["all parameters"]
    assert autograd_gives_the_gradient(found).outcome is Outcome.REFUTED


def test_where_a_line_of_few_steps_leads_to_doubt_all_is_looked_at_on_all(monkeypatch):
    """Nothing of the doubt remains if it was one of few steps."""
    asked, seen = [], unseen.unseen

    def doubting(lines, whole, grown, few):
        asked.append(few)
        more, note = seen(lines, whole, grown, few)
        doubt = {"doubtful": replace(whole, hidden="too little")} if few else {}
        return more | doubt, note

    monkeypatch.setattr(gradients, "unseen", doubting)
    found = rows(plain(nn.Tanh()), 6)
    assert {where: v.outcome for where, v in found.items()} == {"all parameters": Outcome.HOLDS}
    assert asked == [FEW, ()]


def test_large_networks_have_their_own_steps(runs, monkeypatch):
    monkeypatch.setattr(all_lines, "LARGEST", 10)
    rows(network(nn.Tanh()), 6)
    assert all_lines.SAMPLES == 8
    assert len(runs) >= 11


def test_what_a_check_of_a_network_costs_in_passes(monkeypatch):
    """One is measured on a half of the batch and one traced, one shows the outputs and one the
    first layer; the loss is differentiated once and followed in nine more.
    """
    torch.manual_seed(0)
    parts = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 2), nn.Tanh(), nn.Flatten()
    model = nn.Sequential(*parts, nn.Linear(36, 3)).double()
    seen = []
    model.register_forward_pre_hook(lambda *_: seen.append(1))
    backward, grad = [], torch.autograd.grad

    def counting(outputs, *args, **kwargs):
        backward.append(isinstance(outputs, torch.Tensor) and outputs.ndim == 0)
        return grad(outputs, *args, **kwargs)

    monkeypatch.setattr(torch.autograd, "grad", counting)
    check_model(model, data(8, 1, 6, 6), torch.arange(8) % 3, functional.cross_entropy)
    assert len(seen) == 14
    seen.clear()
    backward.clear()
    layers = [feature_learning_equation, gram_flow, gram_follows_virtual_covariance]
    layers.append(stationary_gram_is_feature_correlation)
    check_model(
        model, data(8, 1, 6, 6), torch.arange(8) % 3, functional.cross_entropy, claims=layers
    )
    assert (len(seen), sum(backward)) == (2, 1), "all claims about layers share one trace"
