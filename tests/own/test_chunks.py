"""A batch in chunks: the same claims on every chunk, the worst of each place, and no more held than
one chunk needs.
"""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from impl.errors import InputError
from theorems import (
    CLAIMS,
    Outcome,
    feature_learning_equation,
    kernel_rank_at_most_classes,
    surrogate_grows_in_expectation,
)
from theorems.own.factories import subject_of
from theorems.own.fewer import refuted_on_fewer
from theorems.own.models import Result, check_model, check_subject, worse, worst_of
from theorems.own.places import chunks
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.verdict import Grade, Verdict

F64 = torch.float64
L = functional.cross_entropy
FEW = [autograd_gives_the_gradient, feature_learning_equation, kernel_rank_at_most_classes]


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()


def batch(count=24):
    torch.manual_seed(1)
    return torch.randn(count, 4, dtype=F64), torch.arange(count) % 3


class _Marked(torch.autograd.Function):
    """The identity; its gradient is a third too large where a sample starts with more than 100."""

    @staticmethod
    def forward(ctx, x, z):
        ctx.save_for_backward(x)
        return z.clone()

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return None, torch.where(x[:, :1] > 100, grad * 4 / 3, grad)


class Marked(nn.Module):
    """Right but on samples that start with more than 100."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 6).double(), nn.Linear(6, 3).double()

    def forward(self, x):
        return self.last(torch.tanh(_Marked.apply(x, self.first(x / 200))))


def seen_sizes(model):
    sizes = []
    model.register_forward_pre_hook(lambda _module, args: sizes.append(len(args[0])))
    return sizes


@pytest.mark.slow
def test_every_claim_at_every_place_is_the_worst_of_the_slices():
    x, y = batch(23)
    chunked = check_model(net(), x, y, L, chunk=8)
    slices = [check_model(net(), x[a:b], y[a:b], L) for a, b in ((0, 7), (7, 15), (15, 23))]
    wanted = {}
    for results in slices:
        for r in results:
            wanted.setdefault((r.claim.name, r.where), []).append(r)
    assert {(r.claim.name, r.where) for r in chunked} == set(wanted)
    for r in chunked:
        worst = worst_of(wanted[r.claim.name, r.where])
        assert (r.verdict.outcome, r.verdict.grade) == (
            worst.verdict.outcome,
            worst.verdict.grade,
        ), r
        assert r.verdict.measured == worst.verdict.measured, r
        if r.verdict.grade is Grade.STATISTICAL:
            assert r.verdict.bound > worst.verdict.bound, "each chunk has a third of the alarm only"
        else:
            assert r.verdict.bound == worst.verdict.bound, r
    order = [claim.name for claim in (autograd_gives_the_gradient, *CLAIMS)]
    assert [order.index(r.claim.name) for r in chunked] == sorted(
        order.index(r.claim.name) for r in chunked
    )


@pytest.mark.slow
def test_an_error_on_one_sample_is_found_in_its_chunk_and_shown_on_few_samples():
    x, y = batch()
    x[13, 0] = 150
    torch.manual_seed(0)
    subject = subject_of((Marked(), (x, y), L))
    found = {
        r.claim.name: r
        for r in check_subject(subject, claims=FEW, chunk=8)
        if r.verdict.outcome is Outcome.REFUTED
    }
    assert list(found) == ["autograd_gives_the_gradient"]
    refuted = found["autograd_gives_the_gradient"]
    assert refuted.samples == (8, 16)
    assert refuted.verdict.context["samples"] == "8 to 15"
    fewer = refuted_on_fewer(subject, refuted.claim, samples=refuted.samples)
    assert fewer is None  # six of its eight samples are needed, and 1, 2 and 4 are tried
    x[8, 0] = 150
    fewer = refuted_on_fewer(subject, refuted.claim, samples=(8, 16))
    assert fewer.outcome is Outcome.REFUTED
    clean = check_subject(subject_of((Marked(), batch(), L)), claims=FEW, chunk=8)
    assert {r.verdict.outcome for r in clean} <= {Outcome.HOLDS, Outcome.INAPPLICABLE}


def test_of_two_refutations_the_first_is_told_and_else_the_worst():
    def result(outcome, measured):
        verdict = Verdict("a claim", outcome, Grade.NUMERICAL, measured, 1.0)
        return Result(feature_learning_equation, "a place", verdict)

    small, large = result(Outcome.REFUTED, 2.0), result(Outcome.REFUTED, 9.0)
    near, undecided = result(Outcome.HOLDS, 0.5), result(Outcome.UNDECIDED, 0.1)
    assert worse(small, large) is small
    assert worse(large, small) is large
    assert worse(near, small) is small
    assert worse(small, undecided) is small
    assert worse(near, undecided) is undecided
    assert worse(result(Outcome.HOLDS, 0.1), near) is near


def test_no_more_samples_than_the_chunk_are_ever_run_and_the_instances_are_let_go():
    model, (x, y) = net(), batch(23)
    sizes = seen_sizes(model)
    results = check_model(model, x, y, L, chunk=8, claims=FEW)
    assert max(sizes) <= 8
    assert {8, 7} <= set(sizes)
    assert all(r.verdict.instance is None and r.samples is not None for r in results)


@pytest.mark.slow
def test_by_default_large_activations_and_many_samples_are_cut(monkeypatch):
    model, (x, y) = net(), batch(100)
    assert chunks.chunks(subject_of((model, (x, y), L))) == [None]
    kept = chunks.saved_bytes(subject_of((model, (x, y), L)))
    # by hand: the input, the hidden layer, the logarithms, the label, and once the sum of the class
    # weights
    assert kept == 100 * 8 * (4 + 6 + 3 + 1) + 8
    few = (
        chunks.saved_bytes(chunks.cut(subject_of((model, (x, y), L)), 0, chunks.SAMPLED))
        / chunks.SAMPLED
    )
    assert 1 <= few / (kept / 100) < 1.1  # but for what is kept once per pass
    monkeypatch.setattr(chunks, "MOST_SAVED", few * 25.5)
    assert chunks.chunks(subject_of((model, (x, y), L))) == [(0, 25), (25, 50), (50, 75), (75, 100)]
    sizes = seen_sizes(model)
    check_model(model, x, y, L, claims=FEW)
    assert max(sizes) == chunks.SAMPLED  # the pass that measures; then 25 at a time
    # no room at all: still two samples, for BatchNorm
    monkeypatch.setattr(chunks, "MOST_SAVED", 1.0)
    assert chunks.at_once(subject_of((model, (x, y), L))) == 2
    assert chunks.at_once(subject_of((model, (x, y), L, {"batch_size": 20}))) == 20
    assert chunks.at_once(subject_of((model, batch(4), L))) == 2, "few samples may be large ones"
    assert chunks.at_once(subject_of((model, batch(3), L))) is None
    many, labels = batch(2 * chunks.MOST_SAMPLES + 1)
    monkeypatch.undo()
    pieces = chunks.chunks(subject_of((model, (many, labels), L)))
    assert [end - first for first, end in pieces] == [683, 683, 683]


@pytest.mark.slow
def test_what_is_looked_at_on_the_first_samples_alone_is_looked_at_once(monkeypatch):
    from theorems.own.places import features, noise, weights

    for module, name, most in (
        (features, "LARGEST_ROWS", 1),
        (features, "FEWEST_ROWS", 4),
        (noise, "LARGEST_BATCH", 4),
        (weights, "MOST_ROWS", 12),
    ):
        monkeypatch.setattr(module, name, most)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6, bias=False), nn.ReLU(), nn.Linear(6, 3)).double()
    results = check_model(model, *batch(), L, chunk=8)
    few = [r for r in results if "first 4 samples" in r.where]
    names = {r.claim.name for r in few}
    assert {
        "surrogate_grows_over_the_ensemble",
        "sgd_kernel_noise_is_low_rank",
        "layerwise_kernel",
    } <= names
    assert {r.samples for r in few} == {(0, 8)}
    assert [r for r in results if r.claim.name in names and r not in few and not r.where] == []
    others = [r.samples for r in results if r.claim.name == "feature_learning_equation"]
    assert set(others) <= {(0, 8), (8, 16), (16, 24)}
    assert Outcome.REFUTED not in {r.verdict.outcome for r in results}


class Graph(nn.Module):
    """Mixes its features by a sparse matrix."""

    def __init__(self):
        super().__init__()
        self.net = net()
        self.register_buffer("mixing", torch.eye(4, dtype=F64).roll(1, 0).to_sparse())

    def forward(self, x):
        return self.net(torch.sparse.mm(self.mixing, x.mT).mT)


@pytest.mark.parametrize("count", [8, 100])
def test_a_network_with_a_sparse_buffer_is_measured_like_any(count):
    x, y = batch(count)
    subject = subject_of((Graph(), (x, y), L))
    assert chunks.chunks(subject) == [None]
    assert chunks.saved_bytes(subject) > 0
    results = check_subject(subject, claims=FEW[:2])
    assert {r.verdict.outcome for r in results} == {Outcome.HOLDS}


class Fixed(nn.Module):
    """Wants the whole batch."""

    def __init__(self):
        super().__init__()
        self.net = net()

    def forward(self, x):
        return self.net(x.reshape(50, 4))


def test_a_network_or_a_loss_that_wants_the_whole_batch_gets_it(monkeypatch):
    monkeypatch.setattr(chunks, "MOST_SAVED", 1.0)
    x, y = batch(50)
    weights = torch.rand(50, dtype=F64)

    def weighted(outputs, labels):
        return (weights * L(outputs, labels, reduction="none")).mean()

    for model, loss in ((Fixed(), L), (net(), weighted)):
        assert chunks.chunks(subject_of((model, (x, y), loss))) == [None]
        assert any(r.verdict for r in check_model(model, x, y, loss, claims=FEW))
        with pytest.raises(InputError):
            check_model(model, x, y, loss, claims=FEW, chunk=25)


class Step(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net()

    def training_step(self, batch, _index):
        return L(self.net(batch["x"]), batch["y"])


class Attending(nn.Module):
    """Tokens, a mask of samples, and positions that every sample shares."""

    def __init__(self):
        super().__init__()
        self.net = net()

    def forward(self, x, mask, positions):
        assert len(x) == len(mask)
        assert len(positions) == 5
        return self.net(((x + positions[:, None]) * mask[..., None]).mean(1))


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["training_step", "mapping", "labels in a tuple", "own loss"])
def test_batches_of_any_usual_shape_are_cut(shape):
    x, y = batch(12)
    tokens, mask = torch.randn(12, 5, 4, dtype=F64), (torch.rand(12, 5) > 0.3).double()
    positions = torch.randn(5, dtype=F64)
    made = {
        "training_step": (Step(), {"x": x, "y": y}),
        "mapping": (Attending(), {"x": tokens, "mask": mask, "positions": positions}, y, L),
        "labels in a tuple": (
            net(),
            x,
            (y, y),
            lambda outputs, two: L(outputs, two[0]) + L(outputs, two[1]),
        ),
        "own loss": (nn.Sequential(net(), nn.Flatten(0), nn.Softplus(), Mean()), x),
    }[shape]
    results = check_subject(subject_of(made), claims=FEW, chunk=4)
    held = [r for r in results if r.claim is feature_learning_equation]
    assert all(r.verdict for r in held)
    assert {r.samples[1] - r.samples[0] for r in held} == {4}


class Mean(nn.Module):
    def forward(self, x):
        return x.mean()


def packed():
    return pack_padded_sequence(torch.randn(24, 3, 4, dtype=F64), [3] * 24, batch_first=True)


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (
            None,
            {"chunk": 0},
            "expected a chunk of a whole number of samples, at least 1, got chunk=0",
        ),
        (None, {"chunk": True}, "at least 1, got chunk=True"),
        (None, {"chunk": 2.0}, "at least 1, got chunk=2.0"),
        (None, {"chunk": 4, "batch_size": 8}, "at least the batch size, 8 samples, got chunk=4"),
        (
            torch.randn(5, 24, 4, dtype=F64),
            {"chunk": 4},
            (
                r"leading dimension of samples.*\[\(5, "
                r"24, 4\)\] and targets \[\(24,\)\]"
            ),
        ),
        (torch.randn(24, 4, dtype=F64).to_sparse(), {"chunk": 4}, "leading dimension of samples"),
        ((packed(),), {"chunk": 4}, "leading dimension of samples"),
    ],
)
def test_chunks_that_make_no_sense(inputs, options, message):
    x, y = batch()
    with pytest.raises(InputError, match=message):
        check_model(net(), x if inputs is None else inputs, y, L, claims=FEW, **options)


MINE = """
import torch
from torch import nn

def made():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    return model, torch.randn(10, 4).double(), torch.arange(10) % 3, nn.CrossEntropyLoss()
"""


def test_the_command(run, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    names = ("feature_learning_equation", "gram_flow")
    code, out, _ = run(
        "check", *names, "--model", "mine.py:made", "--chunk", "4", "--json", "e.json"
    )
    assert code == 0, out
    assert "in chunks of up to 4 samples" in out
    places = json.loads((tmp_path / "e.json").read_text())["claims"][0]["places"]
    assert [place["outcome"] for place in places] == ["HOLDS", "HOLDS"]
    code, _, err = run("check", *names, "--chunk", "4")
    assert code != 0
    assert "--chunk" in err
    assert "with --model" in err


def test_chance_is_shared_out_between_the_chunks():
    """The worst of three verdicts is refuted by chance as often as one of a third of the alarm,
    three times.
    """
    torch.manual_seed(0)
    x = torch.randn(24, 4, dtype=F64)
    y = x @ torch.randn(4, 3, dtype=F64) + 0.1 * torch.randn(24, 3, dtype=F64)
    model = nn.Sequential(nn.Linear(4, 6, bias=False), nn.Linear(6, 3, bias=False)).double()
    key, chance = "false-alarm probability", surrogate_grows_in_expectation.relation.alarm
    for chunk, parts in ((24, 1), (8, 3)):
        found = check_model(
            model, x, y, functional.mse_loss, chunk=chunk, claims=[surrogate_grows_in_expectation]
        )
        told = [r.verdict.context[key] for r in found if key in r.verdict.context]
        assert told, found
        assert told == pytest.approx([chance / parts] * len(told))
        assert all(r.claim is surrogate_grows_in_expectation for r in found)
