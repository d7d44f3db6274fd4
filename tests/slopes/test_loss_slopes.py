"""The slope of a loss by differences, on losses of one variable whose derivative is known, with
what networks do to them: kinks, steps, rounding.
"""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from impl.slopes.lines import Lines
from impl.slopes.loss_lines import FINE, STEPS, LossLine
from theorems.own.loss_slopes import bend, has_kink, slope_of
from theorems.own.models import check_model
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.verdict import Outcome

F64 = torch.float64


def line(loss, slope, *, fine=True, **options):
    """The line of a loss of t at 0, with the slope that autograd is said to give."""
    steps = (*STEPS, *FINE) if fine else STEPS
    number = lambda value: torch.tensor(value, dtype=F64)  # noqa: E731
    return LossLine(
        slope=number(slope),
        spread=number(abs(slope)),
        terms=number(abs(slope)),
        steps=number(steps),
        ahead=number([loss(h) for h in steps]),
        behind=number([loss(-h) for h in steps]),
        value=number(loss(0.0)),
        **({"wobble": 0.0} if fine else {}) | options,
    )


def outcome(*args, **options):
    return autograd_gives_the_gradient(line(*args, **options)).outcome


SMOOTH = {
    "sine": (lambda t: 2 + math.sin(t), 1.0),
    "exponential": (lambda t: math.exp(3 * t), 3.0),
    "steep": (lambda t: 1 + math.tanh(100 * t), 100.0),
    "shallow": (lambda t: 1 + 1e-5 * math.sin(t), 1e-5),
    "huge": (lambda t: 1e12 * math.cos(1 + t), -1e12 * math.sin(1)),
    "tiny": (lambda t: 1e-12 * math.cos(1 + t), -1e-12 * math.sin(1)),
}


@pytest.mark.parametrize("fine", [True, False])
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_losses(name, fine):
    loss, slope = SMOOTH[name]
    assert outcome(loss, slope, fine=fine) is Outcome.HOLDS
    assert abs(slope_of(line(loss, slope, fine=fine)).limit - slope) < 1e-9 * abs(
        slope
    ) + 1e-9 * abs(loss(0))
    for wrong in (2 * slope, -slope, 0.0, 1.001 * slope, 0.999 * slope):
        assert outcome(loss, wrong, fine=fine) is Outcome.REFUTED, wrong
    assert not has_kink(line(loss, slope, fine=fine))


@pytest.mark.parametrize("place", [0.0, 1e-12, 3e-4, 1e-3])
def test_a_kink_is_at_the_point_or_along_the_way(place):
    """1 + t + max(t − place, 0): the slope at 0 is 1 unless the kink is nearer than differences
    see.
    """

    def loss(t):
        return 1 + t + max(t - place, 0.0)

    seen = line(loss, 1.0)
    if place < 1e-9:
        assert has_kink(seen)
        assert bend(seen)[0] == pytest.approx(1.0, abs=1e-6)
        assert outcome(loss, 1.0, fine=False) is Outcome.INAPPLICABLE
        assert outcome(loss, 1.0) is not Outcome.REFUTED
    else:
        assert outcome(loss, 1.0) is Outcome.HOLDS
        assert outcome(loss, 1.5) is Outcome.REFUTED


@pytest.mark.parametrize("width", [1e-5, 1e-7, 1e-9, 1e-12])
def test_what_is_steep_near_the_point_is_no_contradiction(width):
    """A step of 10⁻⁴ within the width: large steps see the slope beside it."""

    def loss(t):
        return 1 + t + 1e-4 * math.tanh(t / width)

    slope = 1 + 1e-4 / width
    assert outcome(loss, slope) is Outcome.HOLDS
    assert outcome(loss, 1.1 * slope) is Outcome.REFUTED
    beside = autograd_gives_the_gradient(line(loss, slope, fine=False)).outcome
    assert beside is Outcome.REFUTED or width > 1e-9, "without a second look it would be"


def feature(height, width, *, slope, size):
    """A loss with an odd feature at the point: its slope there, and differences beyond its width
    see the slope without it.
    """
    return (lambda t: size + slope * t + height * width * math.tanh(t / width)), slope + height


def test_what_rounding_hides_is_no_contradiction():
    """A feature of one unit in the last place: no smaller step contradicts the limit of the large
    ones, and some agree with autograd too.
    """
    loss, slope = feature(2e-9, 2.0**-23, slope=1e-4, size=1.0)
    first = line(loss, slope, fine=False)
    assert autograd_gives_the_gradient(first).outcome is Outcome.REFUTED, (
        "without a second look it would be"
    )
    assert outcome(loss, slope) is Outcome.HOLDS
    assert outcome(loss, 1.001 * slope) is Outcome.REFUTED


def test_a_limit_that_smaller_steps_contradict_is_none():
    loss, slope = feature(2e-6, 2.0**-26, slope=5e-6, size=2.5)
    assert autograd_gives_the_gradient(line(loss, slope, fine=False)).outcome is Outcome.REFUTED
    assert outcome(loss, slope) is not Outcome.REFUTED
    assert outcome(loss, 100 * slope) is Outcome.REFUTED


def test_what_the_last_bits_do_is_in_the_bound():
    def loss(t):
        return 1 + math.sin(t)

    assert outcome(loss, 1.01) is Outcome.REFUTED
    assert outcome(loss, 1.01, jitter=1e-3) is Outcome.HOLDS
    assert outcome(loss, 1.01, jitter=1e-2) is Outcome.UNDECIDED
    assert outcome(loss, 3.0, jitter=1e-2) is Outcome.UNDECIDED, (
        "a bound of a third of the slope contradicts nothing"
    )
    assert outcome(loss, 1.01, wobble=1e-4) is Outcome.UNDECIDED


def test_a_loss_below_the_last_place_of_its_outputs_is_undecided():
    """log Σ exp cancels: a loss of 10⁻¹⁸ is 0 in float64, whatever its slope is."""
    assert outcome(lambda _t: 0.0, 1e-18) is Outcome.REFUTED, "of outputs that are no larger"
    assert outcome(lambda _t: 0.0, 1e-18, scale=30.0) is Outcome.UNDECIDED
    assert outcome(lambda _t: 0.0, 1.0, scale=30.0) is Outcome.REFUTED


@pytest.mark.slow
def test_the_last_bits_of_a_network():
    """A norm over one number is its sign: autograd's slope of it is what is left of a
    cancellation.
    """
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 1), nn.RMSNorm(1), nn.Linear(1, 2)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(300)
    x, y = torch.randn(5, 3, dtype=F64), torch.randn(5, 2, dtype=F64)
    lines = Lines(model, x, y, functional.mse_loss)
    first = lines.along(lines.owners[:1], rounding=True)
    assert lines.owners[0].name == "parameters of 0"
    assert first.jitter > 0.01 * abs(float(first.slope))
    assert autograd_gives_the_gradient(first).outcome is not Outcome.REFUTED
    found = check_model(model, x, y, functional.mse_loss, claims=[autograd_gives_the_gradient])
    assert all(r.verdict.outcome is not Outcome.REFUTED for r in found)
    smooth = Lines(nn.Linear(3, 2).double(), x, y, functional.mse_loss).along(rounding=True)
    assert smooth.jitter < 1e-12
    assert smooth.scale > 0


def test_a_network_with_a_feature_smaller_than_the_steps_is_looked_at_again():
    model = nn.Linear(1, 1, bias=False).double()
    nn.init.ones_(model.weight)
    width, ones = 2.0**-26, torch.ones(1, 1, dtype=F64)

    def loss(f, _):
        return (2.5 + 5e-6 * (f - 1) + 2e-6 * width * torch.tanh((f - 1) / width)).sum()

    assert (
        autograd_gives_the_gradient(Lines(model, ones, ones, loss).along()).outcome
        is Outcome.REFUTED
    )
    found = check_model(model, ones, ones, loss, claims=[autograd_gives_the_gradient])
    assert [r.verdict.outcome is Outcome.REFUTED for r in found] == [False]


def test_looking_again_leaves_the_network_as_it_was():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.BatchNorm1d(4), nn.Linear(4, 2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    lines = Lines(model, torch.randn(5, 3), torch.randn(5, 2), functional.mse_loss, beside=True)
    lines.along(rounding=True)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_the_gradient_of_cosine_similarity_below_its_eps_is_judged_as_it_is():
    """torch's is that of a constant norm there, which the values contradict; whichever version
    runs, the verdict says what differences say.
    """
    torch.manual_seed(0)
    model = nn.Linear(3, 4, bias=False).double()
    with torch.no_grad():
        model.weight.mul_(1e-9)
    x, t = torch.randn(6, 3, dtype=F64), torch.randn(6, 4, dtype=F64)

    def loss(f, t):
        return (1 - functional.cosine_similarity(f, t)).mean()

    model.zero_grad()
    loss(model(x), t).backward()
    v = torch.randn_like(model.weight) * 1e-9
    ends = [float(loss(x @ (model.weight + s * 1e-4 * v).mT, t).detach()) for s in (1, -1)]
    truth, said = (ends[0] - ends[1]) / 2e-4, float((model.weight.grad * v).sum())
    wanted = Outcome.HOLDS if abs(truth - said) < 1e-5 * abs(truth) else Outcome.REFUTED
    found = check_model(model, x, t, loss, claims=[autograd_gives_the_gradient])
    assert found[0].verdict.outcome is wanted


def test_a_line_that_agrees_does_not_hold_of_what_it_could_not_have_seen():
    seen = line(lambda x: x**2 + 3 * x, 3.0)
    assert autograd_gives_the_gradient(seen).outcome is Outcome.HOLDS
    verdict = autograd_gives_the_gradient(replace(seen, hidden="the loss depends too little on fc"))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.context["reason"] == "the loss depends too little on fc"


class Shaken(torch.autograd.Function):
    """x, with noise of a size that no format explains and that no mode sees."""

    @staticmethod
    def forward(ctx, x, size):
        return x + size * torch.sin(2.0**40 * x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class Rough(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.inner, self.size = nn.Linear(3, 2).double(), size

    def forward(self, x):
        return Shaken.apply(self.inner(x), self.size)


def roughness(size):
    torch.manual_seed(0)
    data = torch.randn(5, 3).double(), torch.randn(5, 2).double()
    return float(Lines(Rough(size), *data, functional.mse_loss).along(rounding=True).noise.max())


def test_a_rough_loss_is_seen_to_be_rough_and_a_smooth_one_is_not():
    assert roughness(0.0) < 2.0**-40
    assert 2.0**-28 < roughness(2.0**-20) < 2.0**-16
