"""What a factory may return, what a network of any usual kind gets for an answer, and the table of
it.
"""

import dataclasses
import io
import json
from collections import UserDict
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import jsonschema
import pytest
import torch
from rich.console import Console
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import theorems
from impl import InputError
from theorems import (
    CLAIMS,
    Outcome,
    feature_learning_equation,
    gram_flow,
    gram_sufficiency_in_training,
)
from theorems.cli import main
from theorems.evidence.model_table import result_summary, result_table
from theorems.own.factories import subject_of
from theorems.own.models import Result, check_model, check_subject
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.verdict import Verdict

F64 = torch.float64
X, Y, L = torch.randn(12, 4, dtype=F64), torch.arange(12) % 3, functional.cross_entropy
CHECKED = [autograd_gives_the_gradient, feature_learning_equation]


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()


@dataclasses.dataclass
class Setup:
    model: nn.Module
    inputs: object
    targets: object
    loss: object
    decay: float = 0.5


class Named(NamedTuple):
    model: nn.Module
    batch: tuple
    loss: object


class Lightning(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net()

    def training_step(self, batch, _index):
        x, y = batch
        return {"loss": L(self.net(x), y)}


@dataclasses.dataclass
class Output:
    loss: torch.Tensor
    logits: torch.Tensor


class Hub(nn.Module):
    """Takes keyword arguments and labels, returns an object with its loss."""

    def __init__(self, kind=Output):
        super().__init__()
        self.net, self.kind = net(), kind

    def forward(self, values, labels):
        logits = self.net(values)
        return self.kind(loss=L(logits, labels), logits=logits)


def loader():
    return DataLoader(TensorDataset(X, Y), batch_size=6)


SHAPES = {
    "four": lambda: (net(), X, Y, L),
    "pair": lambda: (net(), (X, Y), L),
    "list": lambda: [net(), [X, Y], L],
    "options": lambda: (net(), (X, Y), L, {"batch_size": 3}),
    "mapping": lambda: {"model": net(), "inputs": X, "targets": Y, "loss": L},
    "mapping with a batch": lambda: {"model": net(), "batch": (X, Y), "loss": L, "decay": 0.1},
    "dataclass": lambda: Setup(net(), X, Y, L),
    "named tuple": lambda: Named(net(), (X, Y), L),
    "namespace": lambda: SimpleNamespace(model=net(), inputs=X, targets=Y, loss=L),
    "loader": lambda: (net(), loader(), L),
    "loss of outputs": lambda: (net(), X, None, lambda f: f.square().mean()),
    "loss of outputs, pair": lambda: (net(), (X, None), lambda f: f.square().mean()),
    "arguments": lambda: (net(), (X,), Y, L),
    "training step": lambda: (Lightning(), (X, Y)),
    "training step, loader": lambda: (Lightning(), loader()),
    "object with loss": lambda: (Hub(), {"values": X, "labels": Y}),
    "mapping with loss": lambda: (Hub(dict), {"values": X, "labels": Y}, None),
    "own loss": lambda: (
        nn.Sequential(net(), nn.Flatten(0), nn.AvgPool1d(1), nn.Linear(36, 1).double()),
        X,
        None,
        None,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_every_usual_shape_is_understood(shape):
    made = SHAPES[shape]()
    if shape == "own loss":
        made = (nn.Sequential(net(), Mean()), X, None, None)
    results = check_subject(subject_of(made), claims=CHECKED)
    assert {r.verdict.outcome for r in results} == {Outcome.HOLDS}, results
    assert len(results) >= 3


class Mean(nn.Module):
    def forward(self, x):
        return x.square().mean()


def test_options_arrive():
    assert subject_of(Setup(net(), X, Y, L)).decay == 0.5
    assert subject_of(SHAPES["options"]()).batch_size == 3


def test_a_batch_and_a_loss_are_enough_for_the_function():
    for arguments in ((X, Y, L), ((X, Y), L), (loader(), L)):
        assert all(r.verdict for r in check_model(net(), *arguments, claims=CHECKED))


class Tied(nn.Module):
    """A transformer encoder whose readout is its embedding."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.out = nn.Linear(8, 11, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, tokens):
        return self.out(self.encoder(self.embed(tokens))).flatten(0, 1)


class Residual(nn.Module):
    def __init__(self, wide=4):
        super().__init__()
        self.a, self.na = nn.Conv2d(3, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide)
        self.b, self.nb = nn.Conv2d(wide, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide)
        self.out = nn.Linear(wide, 3)

    def forward(self, x):
        z = functional.relu(self.na(self.a(x)))
        return self.out(functional.relu(self.nb(self.b(z)) + z).mean((2, 3)))


class Branching(nn.Module):
    """Another path for each batch, and a layer called as often as the inputs say."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        for _ in range(1 + int(x.mean() > -9) * 2):
            x = torch.tanh(self.a(x))
        return self.out(x if x.sum() > 1e9 else self.b(x))


TOKENS, IMAGES = torch.randint(11, (3, 5)), torch.randn(4, 3, 6, 6)
KINDS = {
    "encoder": lambda: (Tied(), TOKENS, TOKENS.flatten(), L),
    "encoder, eval": lambda: (Tied().eval(), TOKENS, TOKENS.flatten(), L),
    "residual": lambda: (Residual(), IMAGES, Y[:4], L),
    "residual, eval": lambda: (Residual().eval(), IMAGES, Y[:4], L),
    "control flow": lambda: (Branching(), X.float(), Y, L),
    "parallel": lambda: (nn.DataParallel(net().float()), X.float(), Y, L),
    "compiled": lambda: (torch.compile(net().float()), X.float(), Y, L),
    "half frozen": lambda: (_half_frozen(), X.float(), Y, L),
    "bfloat16": lambda: (net().bfloat16(), X.bfloat16(), Y, L),
    "float16": lambda: (net().half(), X.half(), Y, L),
}


def _half_frozen():
    model = net().float()
    model[0].requires_grad_(False)
    return model


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_networks_of_every_kind(kind):
    torch.manual_seed(0)
    model, inputs, targets, loss = KINDS[kind]()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    results = check_model(model, inputs, targets, loss, claims=[*CHECKED, gram_flow])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not [r for r in results if r.verdict.outcome is Outcome.REFUTED], results
    assert any(r.verdict for r in results if r.claim is gram_flow)
    assert results[0].verdict, results[0].verdict
    if kind == "encoder":
        seen = {r.where for r in results if r.claim is gram_flow and r.verdict}
        assert {
            f"encoder.layers.0.self_attn.{name}" for name in ("in_proj_weight", "out_proj.weight")
        } <= seen


def shown(renderable):
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(renderable)
    return console.export_text()


@pytest.mark.slow
def test_the_summary_has_a_line_per_claim_and_a_line_per_reason():
    results = check_model(net(), X, Y, L)
    text = shown(result_summary(results))
    rows = [
        line
        for line in text.split("Does not apply")[0].splitlines()
        if line.startswith("feature_learning_equation")
    ]
    assert len(rows) == 1
    assert "2 hold" in rows[0]
    assert text.count("drawn instances only") == 1
    full = shown(result_table(results))
    assert full.count("drawn instances only") == 1
    assert len(full.splitlines()) > len(text.split("Does not apply")[0].splitlines())


@pytest.mark.slow
def test_the_summary_says_where_and_by_how_much():
    model = net()
    model[1].register_full_backward_hook(lambda _m, grads, _o: tuple(2 * g for g in grads))
    text = shown(result_summary(check_model(model, X, Y, L, claims=CHECKED)))
    assert "REFUTED autograd_gives_the_gradient" in text
    assert "at parameters of 0: residual" in text
    assert "parameters of 2" not in text


@pytest.mark.slow
def test_the_command_writes_places(tmp_path, monkeypatch, capsys):
    file, out = tmp_path / "mine.py", tmp_path / "evidence.json"
    file.write_text(
        "import torch\nfrom torch import nn\ndef make():\n    torch.manual_seed(0)\n    m "
        "= nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3))\n"
        "    m[0].weight.register_hook(lambda g: 2 * g)\n    return m, torch.randn(6, 4), "
        "torch.arange(6) % 3, nn.CrossEntropyLoss()\n"
    )
    arguments = [
        "theorems",
        "check",
        "--model",
        f"{file}:make",
        "--double",
        "--threads",
        "1",
        "--json",
        str(out),
    ]
    monkeypatch.setattr("sys.argv", arguments)
    monkeypatch.chdir(tmp_path)  # counterexamples are written where the command runs
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 1
    assert "REFUTED" in capsys.readouterr().out
    evidence = json.loads(out.read_text())
    jsonschema.validate(
        evidence,
        json.loads((Path(theorems.__file__).parent / "evidence" / "schema.json").read_text()),
    )
    claims = {claim["name"]: claim for claim in evidence["claims"]}
    places = {place["where"]: place for place in claims["feature_learning_equation"]["places"]}
    assert places["0"]["outcome"] == "REFUTED"
    assert places["0"]["measured"] > places["0"]["bound"]
    assert places["1"]["outcome"] == "HOLDS"
    assert claims["autograd_gives_the_gradient"]["outcome"] == "REFUTED"
    assert set(claims) >= {claim.name for claim in CLAIMS if claim.expected is Outcome.HOLDS}


def test_a_reason_that_claims_share_names_three_of_them_and_counts_the_rest():
    reason = {"reason": "no ReLU anywhere"}
    names = [f"claim_{letter}" for letter in "abcde"]
    results = [
        Result(
            dataclasses.replace(gram_flow, name=name),
            "",
            Verdict(name, Outcome.INAPPLICABLE, context=reason),
        )
        for name in names
    ]
    page = Console(file=io.StringIO(), width=200)
    page.print(result_summary(results))
    assert "claim_a, claim_b, claim_c and 2 more claims: no ReLU anywhere" in page.file.getvalue()


class Attributes(UserDict):
    """What a tokenizer returns: a mapping that is read by attribute too."""

    def __getattr__(self, name):
        if name == "data":
            raise AttributeError(name)
        return self.data[name]


class Reading(nn.Module):
    """Its training step reads its batch by attribute, and changes it."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))

    def training_step(self, batch, _index):
        batch.x.mul_(2)
        return L(self.net(batch.x), batch.y)


def test_the_batch_of_a_training_step_is_widened_copied_and_hidden_like_any_inputs():
    torch.manual_seed(0)
    batch = Attributes(x=torch.randn(9, 4), y=torch.arange(9) % 3)
    before = batch.x.clone()
    claims = [autograd_gives_the_gradient, feature_learning_equation, gram_sufficiency_in_training]
    results = check_model(Reading(), batch, None, claims=claims, double=True)
    assert torch.equal(batch.x, before)
    assert {r.verdict.outcome for r in results} == {Outcome.HOLDS}, results
    assert {r.claim.name for r in results} == {claim.name for claim in claims}


class Leaking(Reading):
    """Reads its inputs a second time, past the first layer."""

    def training_step(self, batch, _index):
        return L(self.net(batch.x) + batch.x[:, :3], batch.y)


def test_a_training_step_that_reads_its_inputs_elsewhere_is_seen():
    batch = Attributes(x=torch.randn(9, 4), y=torch.arange(9) % 3)
    results = check_model(Leaking(), batch, None, claims=[gram_sufficiency_in_training])
    assert [r.verdict.outcome for r in results] == [Outcome.INAPPLICABLE]
    assert "used elsewhere" in results[0].verdict.context["reason"]


@pytest.mark.parametrize("nothing", [(), [], {}])
def test_no_inputs_at_all_are_refused_by_name(nothing):
    with pytest.raises(
        InputError,
        match="inputs as a tensor, a tuple of arguments or a mapping of keyword arguments",
    ):
        check_model(net(), nothing, Y, L)
