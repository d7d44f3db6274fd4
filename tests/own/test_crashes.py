"""What strangers' networks are made of, and what used to end in a traceback: each is one row with a
verdict or a reason.
"""

import threading
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.foreign.common import Net, Reversible
from theorems.own import places
from theorems.own.models import check_model
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.verdict import Outcome

H, I = Outcome.HOLDS, Outcome.INAPPLICABLE  # noqa: E741


def layers(first=4):
    return nn.Sequential(nn.Linear(first, 8), nn.Tanh(), nn.Linear(8, 3))


def rows(*shape):
    return torch.randn(*shape or (16, 4), generator=torch.Generator().manual_seed(0))


def labels(count=16):
    return torch.arange(count) % 3


class Outputs(dict):
    """As those of transformers and diffusers: a mapping that refuses to be updated, read by
    attribute.
    """

    def update(self, *_args, **_more):
        raise TypeError("You cannot use update on outputs")

    def __getattr__(self, name):
        return self[name]


@dataclass
class Record:
    logits: Tensor


def returns(kind):
    loss = lambda out, y: functional.cross_entropy(out.logits, y)  # noqa: E731
    return Net(lambda net, x: kind(logits=net.body(x)), body=layers()), rows(), labels(), loss


def keeps(attribute):
    model = layers()
    model.kept = attribute
    return model, rows(), labels(), functional.cross_entropy


def sparse(kind, *head):
    words = torch.randint(9, (16, 3), generator=torch.Generator().manual_seed(1))
    return nn.Sequential(kind, *head), words, labels(), functional.cross_entropy


def scripted(make):
    body = make(layers())
    return (
        nn.Sequential(body, nn.Tanh(), nn.Linear(3, 3)),
        rows(),
        labels(),
        functional.cross_entropy,
    )


def ragged():
    def forward(net, x):
        parts = [row[: 2 + i % 3] for i, row in enumerate(x.unbind())]
        nested = torch.nested.as_nested_tensor(parts, layout=torch.jagged)
        return net.b(torch.nested.to_padded_tensor(torch.tanh(net.a(nested)), 0.0).mean(1))

    return (
        Net(forward, a=nn.Linear(4, 8), b=nn.Linear(8, 3)),
        rows(6, 5, 4),
        labels(6),
        functional.cross_entropy,
    )


def noisy():
    def forward(net, x):
        return net.body(x + 0.1 * torch.randn(x.shape, generator=net.source))

    model = Net(forward, body=layers())
    model.source = torch.Generator().manual_seed(3)
    return model, rows(), labels(), functional.cross_entropy


def narrowed():
    def forward(net, x):
        with torch.autocast("cpu", torch.bfloat16):
            middle = net.a(x)
        return net.b(torch.tanh(middle.float()))

    return (
        Net(forward, a=nn.Linear(4, 8), b=nn.Linear(8, 3)),
        rows(),
        labels(),
        functional.cross_entropy,
    )


def of_bytes():
    model = Net(lambda net, x: net.body(x.float() / 255), body=layers())
    return model, (100 * rows()).to(torch.uint8), labels(), functional.cross_entropy


def experts():
    def forward(net, x):
        out, gates = torch.zeros(len(x), 3), net.gate(x).softmax(-1)
        for i, expert in enumerate((net.one, net.two)):
            mine = gates.argmax(-1) == i
            out[mine] = expert(x[mine]) * gates[mine, i : i + 1]
        return out

    parts = {"gate": nn.Linear(4, 2), "one": nn.Linear(4, 3), "two": nn.Linear(4, 3)}
    return Net(forward, **parts), rows(), labels(), functional.cross_entropy


def from_zeros():
    def forward(net, x):
        start = torch.zeros(1, len(x), 8)
        return net.head(net.body(x.unflatten(1, (2, 2)), (start, start))[0][:, -1])

    parts = {"body": nn.LSTM(2, 8, batch_first=True), "head": nn.Linear(8, 3)}
    return Net(forward, **parts), rows(), labels(), functional.cross_entropy


def reversible():
    model = Net(
        lambda net, x: net.last(torch.tanh(Reversible.apply(net.scale(x), [net.first]))),
        scale=nn.PReLU(),
        first=nn.Linear(4, 8),
        last=nn.Linear(8, 3),
    )
    return model, rows(), labels(), functional.cross_entropy


NETWORKS = {
    "noise of its own generator": noisy,
    "autocast inside": narrowed,
    "pixels made float32 inside": of_bytes,
    "experts into float32 zeros": experts,
    "a recurrent layer from float32 zeros": from_zeros,
    "outputs that refuse update": lambda: returns(Outputs),
    "outputs in a dataclass": lambda: returns(Record),
    "a lock": lambda: keeps(threading.Lock()),
    "a generator": lambda: keeps(torch.Generator()),
    "a kept activation": lambda: keeps(layers()(rows())),
    "a list of kept activations": lambda: keeps([layers()(rows())]),
    "sparse gradients": lambda: sparse(
        nn.Embedding(9, 4, sparse=True), nn.Flatten(), nn.Linear(12, 3)
    ),
    "a sparse bag": lambda: sparse(nn.EmbeddingBag(9, 4, sparse=True, mode="sum"), nn.Linear(4, 3)),
    "a scripted block": lambda: scripted(torch.jit.script),
    "a traced block": lambda: scripted(lambda body: torch.jit.trace(body, rows())),
    "a first layer that autograd does not follow": reversible,
    "nested tensors": ragged,
}


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore:The PyTorch API of nested tensors", "ignore:.*jit"
)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_claim_has_a_verdict_or_a_reason(name):
    torch.manual_seed(0)
    model, inputs, targets, loss = NETWORKS[name]()
    results = check_model(model, inputs, targets, loss)
    assert results[0].claim is autograd_gives_the_gradient
    assert results[0].verdict.outcome is H
    assert results.layers.total > 0
    for result in results:
        assert result.verdict.outcome in (H, I), repr(result.verdict)
        assert name == "nested tensors" or "raised" not in str(
            result.verdict.context.get("reason")
        ), result.verdict


def test_whatever_a_place_raises_is_one_row_with_its_reason(monkeypatch):
    def build(_subject):
        raise ZeroDivisionError("by accident")

    def observe(_line):
        raise KeyError("lost")

    from theorems import feature_learning_equation, gram_flow

    monkeypatch.setitem(places.BUILDERS, feature_learning_equation.subject, build)
    model = layers()
    results = check_model(
        model,
        rows(),
        labels(),
        functional.cross_entropy,
        claims=[autograd_gives_the_gradient, gram_flow],
    )
    reasons = [str(r.verdict.context.get("reason")) for r in results if r.verdict.outcome is I]
    assert [r.verdict.outcome for r in results] == [H, I]
    assert "ZeroDivisionError: by accident (test_crashes.py:" in reasons[0]
    monkeypatch.undo()
    broken = replace(gram_flow, name="broken", observe=observe)
    results = check_model(model, rows(), labels(), functional.cross_entropy, claims=[broken])
    assert {r.where: r.verdict.outcome for r in results} == {"0": I, "2": I}
    assert "KeyError" in str(results[0].verdict.context["reason"])


def test_a_crash_never_has_the_exit_code_of_a_refutation(run, monkeypatch):
    def crash(*_args, **_more):
        raise RuntimeError("midway")

    monkeypatch.setattr("theorems.own.models.check_subject", crash)
    monkeypatch.setattr(
        "theorems.own.models.load",
        lambda _: places.Subject(layers(), rows(), labels(), functional.cross_entropy),
    )
    code, _, said = run("check", "gram_flow", "--model", "some:network")
    assert code == 70  # an error of ours, neither a refutation nor bad input
    assert "internal, not yours: RuntimeError: midway" in " ".join(said.split())
