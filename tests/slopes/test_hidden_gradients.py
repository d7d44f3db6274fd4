"""Modules on which the loss hardly depends: a wrong gradient there is refuted, or the module is
named; it never hides in a row that holds.
"""

import itertools

import pytest
import torch
from hypothesis import settings
from torch import nn
from torch.nn import functional

from impl.slopes.lines import Lines
from theorems.own.models import check_model
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.verdict import Outcome

BUGS = {
    "factor 2": lambda g: 2 * g,
    "sign": torch.neg,
    "zeroed": torch.zeros_like,
    "1 %": lambda g: 1.01 * g,
}


class Scaled(nn.Module):
    """x + γ f(x), with a tiny γ: the layer scale of ConvNeXt and CaiT."""

    def __init__(self, share, act):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(6, 8), act, nn.Linear(8, 6))
        self.gamma = nn.Parameter(torch.full((6,), share))

    def forward(self, x):
        return x + self.gamma * self.f(x)


class Branch(nn.Module):
    """A branch with a tiny share that no parameter sets."""

    def __init__(self, share, act):
        super().__init__()
        self.f, self.share = nn.Sequential(nn.Linear(6, 8), act, nn.Linear(8, 6)), share

    def forward(self, x):
        return x + self.share * self.f(x)


class Started(nn.Module):
    """A residual block whose last norm starts from zero."""

    def __init__(self, share, act):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(6, 8), act, nn.Linear(8, 6))
        self.norm = nn.LayerNorm(6)
        nn.init.constant_(self.norm.weight, share)

    def forward(self, x):
        return x + self.norm(self.f(x))


def checked(block, dtype, bug=None, name="1.f.0"):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(5, 6), block, nn.Linear(6, 3)).to(dtype)
    for p in dict(model.named_modules())[name].parameters() if bug else ():
        p.register_hook(BUGS[bug])
    inputs, labels = torch.randn(8, 5).to(dtype), torch.arange(8) % 3
    results = check_model(
        model, inputs, labels, functional.cross_entropy, claims=[autograd_gives_the_gradient]
    )
    return {r.where: r.verdict for r in results}


def outcomes(rows):
    return {verdict.outcome for verdict in rows.values()}


def about(rows, name):
    """Rows and notes that name a module, without those that hold."""
    said = [
        where
        for where, v in rows.items()
        if v.outcome is not Outcome.HOLDS and name in where + str(v.context.get("reason"))
    ]
    return said + [v for v in rows.values() if name in str(v.context.get("note"))]


KINDS = {"layer scale": Scaled, "branch": Branch, "norm": Started}


CASES = [
    (nn.GELU(), 1e-6, torch.float64),
    (nn.GELU(), 1e-9, torch.float32),
    (nn.ReLU(), 1e-6, torch.float32),
]


@pytest.mark.slow
@pytest.mark.parametrize(("act", "share", "dtype"), CASES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_with_a_tiny_share(kind, act, share, dtype):
    make = lambda: KINDS[kind](share, act)  # noqa: E731
    right = checked(make(), dtype)
    assert outcomes(right) <= {Outcome.HOLDS, Outcome.UNDECIDED}
    if kind != "branch":
        assert outcomes(right) == {Outcome.HOLDS}, right
    every = list(itertools.product(BUGS, ("1.f.0", "1.f.2")))
    first = (list(KINDS).index(kind) + [case[1:] for case in CASES].index((share, dtype))) % 3
    # over the cases, all of them
    for bug, name in every if settings.default.max_examples >= 1000 else every[first::3]:
        rows = checked(make(), dtype, bug, name)
        red = [
            where
            for where, v in rows.items()
            if v.outcome is Outcome.REFUTED and where != "all parameters"
        ]
        blamed = {where.partition(",")[0].removeprefix("parameters of ") for where in red}
        assert blamed <= {name}, rows
        assert red or about(rows, name), (bug, rows)


@pytest.mark.slow
@pytest.mark.parametrize("bug", ["factor 2", "zeroed"])
def test_what_a_norm_that_starts_from_zero_hides_is_seen_where_it_is_larger(bug):
    """At the point itself every gradient of the block is zero, and so is a doubled one."""
    right = checked(Started(0.0, nn.GELU()), torch.float64)
    assert outcomes(right) == {Outcome.HOLDS}, right
    rows = checked(Started(0.0, nn.GELU()), torch.float64, bug, "1.f.0")
    red = [where for where, verdict in rows.items() if verdict.outcome is Outcome.REFUTED]
    assert red, rows
    assert all("1.f.0" in where for where in red), rows


@pytest.mark.slow
@pytest.mark.parametrize("tenths", range(80, 105, 3))
def test_a_gradient_that_was_made_zero_is_red_or_named_at_every_share(tenths):
    """Between what is refuted and what rounding hides altogether there is no share at which a row
    of its own holds.
    """
    rows = checked(Branch(10 ** (-tenths / 10), nn.GELU()), torch.float32, "zeroed", "1.f.2")
    red = [where for where, verdict in rows.items() if verdict.outcome is Outcome.REFUTED]
    assert red or about(rows, "1.f.2"), rows


def test_what_is_not_trained_for_a_cut_is_not_called_a_cut_without_effect():
    """The half below a detach decides the loss, and gets no gradient."""

    class Halves(nn.Module):
        def __init__(self):
            super().__init__()
            self.below, self.above = nn.Linear(4, 6), nn.Linear(6, 3)

        def forward(self, x):
            return self.above(torch.tanh(self.below(x)).detach())

    torch.manual_seed(0)
    x, y = torch.randn(12, 4), torch.arange(12) % 3
    notes = Lines(Halves(), x, y, functional.cross_entropy).notes
    assert notes[0] == "the loss does not reach below.weight, below.bias: not looked at"
    assert notes[1].startswith("cut off from autograd: detach in forward (test_hidden_gradients.py")
    assert notes[1].endswith("; nothing that the loss reaches moves it")
