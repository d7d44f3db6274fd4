"""Softmax cross-entropy is recognised where a language model's loss hides it, and nothing else is
taken for it.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional

from impl.networks.cross_entropy import cross_entropy_reduction
from theorems import Outcome, check_model, softmax_kernel_rank_below_classes
from theorems.kernel_flow.kernel_ranks import not_shift_free

SHAPE = (2, 5, 7)
torch.manual_seed(0)
OUTPUTS = torch.randn(SHAPE, dtype=torch.float64)
TOKENS = torch.randint(7, SHAPE[:2])


class Tokens(nn.CrossEntropyLoss):
    """As users write it."""

    def forward(self, f, t):
        return super().forward(f.view(-1, 7), t.view(-1))


class Penalised(Tokens):
    """A loss of its own under a known name."""

    def forward(self, f, t):
        return super().forward(f, t) + (f**2).sum()


def hooked():
    loss = nn.CrossEntropyLoss()
    loss.register_forward_hook(lambda _, given, value: value + (given[0] ** 2).sum())
    return loss


RECOGNISED = {
    "a class of one's own": (Tokens(), "mean"),
    "flattened": (lambda f, t: functional.cross_entropy(f.reshape(-1, 7), t.reshape(-1)), "mean"),
    "a view, summed": (
        lambda f, t: functional.cross_entropy(f.view(-1, 7), t.view(-1), reduction="sum"),
        "sum",
    ),
    "flattened dimensions": (
        lambda f, t: functional.cross_entropy(f.flatten(0, 1), t.flatten()),
        "mean",
    ),
    "the next token": (
        lambda f, t: functional.cross_entropy(f[:, :-1].reshape(-1, 7), t[:, 1:].reshape(-1)),
        "mean",
    ),
    "padding ignored": (
        lambda f, t: functional.cross_entropy(f.view(-1, 7), t.view(-1), ignore_index=3),
        "mean",
    ),
    "in double": (
        lambda f, t: functional.cross_entropy(f.double().view(-1, 7), t.view(-1)),
        "mean",
    ),
    "a module inside": (lambda f, t: nn.CrossEntropyLoss()(f.view(-1, 7), t.view(-1)), "mean"),
    "the function": (functional.cross_entropy, "mean"),
    "the module": (nn.CrossEntropyLoss(reduction="sum"), "sum"),
}


@pytest.mark.parametrize("name", RECOGNISED)
def test_recognised(name):
    loss, reduction = RECOGNISED[name]
    assert cross_entropy_reduction(loss, OUTPUTS, TOKENS) == reduction


OTHERS = {
    "class weights": lambda f, t: functional.cross_entropy(
        f.view(-1, 7), t.view(-1), weight=torch.arange(7.0).double()
    ),
    "twice as much": lambda f, t: 2 * functional.cross_entropy(f.view(-1, 7), t.view(-1)),
    "another temperature": lambda f, t: functional.cross_entropy(f.view(-1, 7) / 2, t.view(-1)),
    "with a penalty": lambda f, t: (
        functional.cross_entropy(f.view(-1, 7), t.view(-1)) + (f**2).sum()
    ),
    "rows mixed": lambda f, t: functional.cross_entropy(
        f.transpose(1, 2).reshape(-1, 7), t.view(-1)
    ),
    "half of the outputs without gradient": lambda f, t: functional.cross_entropy(
        (2 * f - f.detach()).view(-1, 7), t.view(-1)
    ),
    "two of them": lambda f, t: [
        functional.cross_entropy(f.view(-1, 7), t.view(-1)) for _ in range(2)
    ][1],
    "squared": lambda f, t: ((f - functional.one_hot(t, 7)) ** 2).sum(),
    "written by hand": lambda f, t: functional.nll_loss(f.log_softmax(-1).view(-1, 7), t.view(-1)),
    "a class of one's own, with a penalty": Penalised(),
    "with a hook": hooked(),
    "it raises": lambda f, t: functional.cross_entropy(f, t[0]),
    "weights of classes in a module": nn.CrossEntropyLoss(weight=torch.ones(7).double()),
}


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_is_recognised(name):
    assert cross_entropy_reduction(OTHERS[name], OUTPUTS, TOKENS) is None


class Language(nn.Module):
    """Two linear layers in a row over (B, T, d)."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.table, self.up, self.head = (
            nn.Embedding(7, 12),
            nn.Linear(12, 9),
            nn.Linear(9, 7, bias=False),
        )

    def forward(self, tokens):
        return self.head(self.up(self.table(tokens)))


@pytest.mark.parametrize(
    ("loss", "outcome"),
    [
        (RECOGNISED["flattened"][0], Outcome.HOLDS),
        (OTHERS["written by hand"], Outcome.INAPPLICABLE),
    ],
)
def test_a_language_model_is_judged_or_told_that_its_loss_is_not_recognised(loss, outcome):
    model = Language().double()
    results = check_model(model, TOKENS, TOKENS, loss, claims=[softmax_kernel_rank_below_classes])
    (found,) = [result for result in results if result.where.startswith("up")]
    assert found.verdict.outcome is outcome, found.verdict
    if outcome is Outcome.INAPPLICABLE:
        reason = found.verdict.context["reason"]
        assert "is not recognised as softmax cross-entropy" in reason
        assert "is not softmax" not in reason


def test_the_reason_never_says_what_is_not_known():
    point = type("Point", (), {"shift_free": False})
    assert "not recognised" in not_shift_free(point)
