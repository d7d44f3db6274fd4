"""How a network is trained, said by its factory, on the command line or in Python."""

import json
import math

import pytest
from test_places import NOISE, RANKS, gaussian, labels, linear_end
from torch.nn import functional
from typer.testing import CliRunner

from impl import InputError
from theorems.cli import app
from theorems.own.models import check_model, load

FACTORY = """
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 4), nn.Linear(4, 2)).double()
batch = torch.randn(12, 4).double(), torch.arange(12) % 2
loss = nn.functional.cross_entropy
def mapping(): return {"model": model, "inputs": batch[0], "targets": batch[1], "loss": loss, "decay": 0.5, "batch_size": 3}
def longer(): return model, batch, loss, {"decay": 0.5, "batch_size": 3}
def plain(): return model, batch, loss
def typo(): return model, batch, loss, {"weight_decay": 0.5}
def negative(): return model, batch, loss, {"decay": -1.0}
def odd(): return model, *batch, loss, {"batch_size": 2.5}
"""  # noqa: E501


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "factories.py"
    path.write_text(FACTORY)
    return path


@pytest.mark.parametrize("factory", ["mapping", "longer"])
def test_a_factory_says_how_its_network_is_trained(file, factory):
    subject = load(f"{file}:{factory}")
    assert (subject.decay, subject.batch_size) == (0.5, 3)


@pytest.mark.parametrize(
    ("factory", "message"),
    [("typo", "decay and batch_size"), ("negative", "at least 0"), ("odd", "whole batch_size")],
)
def test_a_factory_that_says_it_wrong(file, factory, message):
    with pytest.raises(InputError, match=message):
        load(f"{file}:{factory}")


def test_the_command_takes_decay_and_batch_size(file, tmp_path):
    out = tmp_path / "evidence.json"
    run = CliRunner().invoke(
        app,
        [
            "check",
            *RANKS,
            *NOISE,
            "--model",
            f"{file}:plain",
            "--decay",
            "0.25",
            "--batch-size",
            "4",
            "--json",
            str(out),
        ],
    )
    assert run.exit_code == 0, run.output
    assert "λ = 0.25" in run.output
    assert "batches of 4" in run.output
    found = {claim["name"]: claim["outcome"] for claim in json.loads(out.read_text())["claims"]}
    assert set(found) == {*RANKS, *NOISE}
    assert set(found.values()) == {"HOLDS"}


def test_decay_without_a_model_is_refused():
    run = CliRunner().invoke(app, ["check", "kernel_ode", "--decay", "0.25"])
    assert run.exit_code != 0


@pytest.mark.parametrize(
    "options", [{"decay": math.nan}, {"decay": "much"}, {"batch_size": 0}, {"batch_size": True}]
)
def test_bad_options(options):
    with pytest.raises(InputError, match=next(iter(options))):
        check_model(linear_end(), gaussian(9, 6), labels(9), functional.cross_entropy, **options)
