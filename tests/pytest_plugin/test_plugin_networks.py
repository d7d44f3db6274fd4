"""The plugin on somebody's network: where it applies, and which bugs it finds and names."""

import json

import pytest
from inner import HOLDS, OTHER
from typer.testing import CliRunner

from theorems import feature_learning_equation
from theorems.cli import app
from theorems.own.models import check_model, load
from theorems.own.places.chunks import cut

pytest_plugins = "pytester"

MODEL = """
import torch
from torch.nn import functional

class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w.T
    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w, GAIN * g.T @ x

class Odd(torch.nn.Linear):
    def forward(self, x):
        return Doubled.apply(x, self.weight)

def factory(gain=1.0):
    global GAIN
    GAIN = gain
    torch.manual_seed(0)
    model = torch.nn.Sequential(Odd(6, 5, bias=False), torch.nn.ReLU(), torch.nn.Linear(5, 3, bias=False)).double()
    return model, torch.randn(7, 6).double(), torch.randint(3, (7,)), functional.cross_entropy

def broken(rows=7):
    model, inputs, targets, loss = factory(1.5)
    return model, inputs.repeat(rows // 7, 1), targets.repeat(rows // 7), loss

def many_broken():
    return broken(21)

def many():
    model, _, _, loss = factory()
    return model, torch.randn(21, 6).double(), torch.randint(3, (21,)), loss

class Bent(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.tanh()
    @staticmethod
    def backward(ctx, g):
        return g * (1 - ctx.saved_tensors[0].tanh() ** 2) * 0.9

class Act(torch.nn.Module):
    def forward(self, x):
        return Bent.apply(x)

def bent():
    model, *rest = factory()
    model[1] = Act()
    return model, *rest
"""  # noqa: E501


def test_a_network_of_theirs(evidence_of, pytester):
    pytester.makepyfile(net=MODEL)
    claims = (
        "--claim",
        "feature_learning_equation",
        "--claim",
        "gram_flow",
        "--claim",
        "spike_moments",
    )
    result, seen = evidence_of("--theorems-model", "net.py:factory", *claims, "-rs")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["*does not apply: the claim is about drawn instances only*"])
    assert [place["where"] for place in seen["gram_flow"]["places"]] == ["0", "2"]
    assert seen["spike_moments"]["outcome"] == "INAPPLICABLE"


def test_a_wrong_backward_is_found_and_named(evidence_of, pytester):
    pytester.makepyfile(net=MODEL)
    result, seen = evidence_of(
        "--theorems-model", "net.py:broken", "--claim", "feature_learning_equation"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["feature_learning_equation came out REFUTED*", "*at 0: REFUTED residual*"]
    )
    outcomes = {
        place["where"]: place["outcome"] for place in seen["feature_learning_equation"]["places"]
    }
    assert outcomes == {"0": "REFUTED", "2": "HOLDS"}


def without_seconds(entries):
    return [entry | {"seconds": 0} for entry in entries]


@pytest.mark.slow
def test_a_wrong_activation_is_found_by_what_all_claims_presuppose(
    evidence_of, pytester, catalogue
):
    """Every layer is right: no claim about layers can see it."""
    catalogue(HOLDS, OTHER)
    pytester.makepyfile(net=MODEL)
    result, seen = evidence_of("--theorems-model", "net.py:bent", "--theorems-badges", "b", "-v")
    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(
        [
            "theorems::autograd_gives_the_gradient FAILED*",
            "theorems::gram_flow PASSED*",
            "autograd_gives_the_gradient came out REFUTED, expected HOLDS",
            "*at parameters of 0: REFUTED residual*",
            (
                "again: pytest theorems::autograd_gives_the_gradient --theorems-seed 0 "
                "--theorems-model net.py:bent"
            ),
        ]
    )
    assert next(iter(seen)) == "autograd_gives_the_gradient"
    assert not (pytester.path / "b" / "conjectures.svg").exists(), (
        "a precondition is nobody's conjecture"
    )
    run = CliRunner().invoke(app, ["check", "--model", "net.py:bent", "--json", "check.json"])
    assert run.exit_code == 1
    written = json.loads((pytester.path / "check.json").read_text())
    for entry in written["claims"]:
        if (entry["counterexample"] or {}).get("file"):
            entry["counterexample"]["file"] = (
                None  # the command writes unexpected ones also where nobody asks for files
            )
    here = json.loads((pytester.path / "e.json").read_text())
    assert without_seconds(here["claims"]) == without_seconds(written["claims"])
    assert [here[key] for key in ("profile", "model", "false_alarm")] == [
        written[key] for key in ("profile", "model", "false_alarm")
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), ["autograd_gives_the_gradient", "gram_flow", "feature_learning_equation"]),
        (("--claim", "gram_flow"), ["gram_flow"]),
        (("theorems::autograd_gives_the_gradient",), ["autograd_gives_the_gradient"]),
        (("--claim", "*gra*"), ["autograd_gives_the_gradient", "gram_flow"]),
    ],
)
def test_what_is_named_is_what_is_checked(pytester, catalogue, arguments, names):
    catalogue(HOLDS, OTHER)
    pytester.makepyfile(net=MODEL)
    plugin = pytester.runpytest_inprocess(
        "--theorems-model",
        "net.py:factory",
        "-p",
        "no:benchmark",
        "-q",
        "--collect-only",
        *arguments,
    )
    assert [line for line in plugin.outlines if line.startswith("theorems::")] == [
        f"theorems::{name}" for name in names
    ]
    asked = [part.removeprefix("theorems::") for part in arguments if part != "--claim"]
    run = CliRunner().invoke(
        app, ["check", *asked, "--model", "net.py:factory", "--json", "check.json"]
    )
    assert run.exit_code == 0, run.output
    assert [
        entry["name"] for entry in json.loads((pytester.path / "check.json").read_text())["claims"]
    ] == names


@pytest.mark.slow
def test_a_refutation_on_a_network_has_its_script(evidence_of, pytester):
    pytester.makepyfile(net=MODEL)
    claims = ("--claim", "gram_flow", "--claim", "autograd_gives_the_gradient")
    options = ("--theorems-model", "net.py:broken", *claims, "--theorems-counterexamples", "found")
    result, seen = evidence_of(*options)
    result.assert_outcomes(failed=2)
    names = [part for part in claims if part != "--claim"]
    run = CliRunner().invoke(
        app, ["check", *names, "--model", "net.py:broken", "--counterexamples", "checked"]
    )
    assert run.exit_code == 1
    for name in names:
        example = seen[name]["counterexample"]
        result.stdout.fnmatch_lines(
            [f"*script: {example['file']} (run it with python or theorems replay)"]
        )
        file = pytester.path / example["file"]
        assert file.parent.name == "found"
        assert (
            example["script"]
            == file.read_text()
            == (pytester.path / "checked" / file.name).read_text()
        )


@pytest.mark.slow
def test_a_large_batch_is_judged_in_chunks(evidence_of, pytester, monkeypatch):
    pytester.makepyfile(net=MODEL)
    claims = (
        "--claim",
        "feature_learning_equation",
        "--claim",
        "gram_flow",
        "--claim",
        "gram_whitening_keeps_the_gram",
    )
    monkeypatch.setattr("theorems.own.places.chunks.SAMPLED", 4)
    monkeypatch.setattr("theorems.own.places.chunks.MOST_SAMPLES", 8)
    seen_by = []
    monkeypatch.setattr(
        "theorems.own.models.cut",
        lambda subject, *ends: seen_by.append(ends) or cut(subject, *ends),
    )
    result, seen = evidence_of("--theorems-model", "net.py:many", *claims)
    result.assert_outcomes(passed=3)
    # two types of instances: layers, and their steps
    assert seen_by == 2 * [
        (0, 7),
        (7, 14),
        (14, 21),
    ]
    whole = check_model(*load_factory(pytester), chunk=8, claims=[feature_learning_equation])
    measured = [result.verdict.measured for result in whole]
    assert [place["measured"] for place in seen["feature_learning_equation"]["places"]] == measured
    assert [place["where"] for place in seen["gram_flow"]["places"]] == ["0", "2"]
    result, seen = evidence_of(
        "--theorems-model", "net.py:many_broken", "--claim", "feature_learning_equation"
    )
    result.assert_outcomes(failed=1)
    assert seen["feature_learning_equation"]["counterexample"]["script"]
    result, seen = evidence_of(
        "--theorems-model", "net.py:many", *claims, "-k", "gram_flow or catalogue"
    )
    result.assert_outcomes(passed=1)


def load_factory(pytester):
    subject = load(f"{pytester.path}/net.py:many")
    return subject.model, subject.inputs, subject.targets, subject.loss


HOPELESS = """
import torch
from torch.nn import functional

def nan():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 3)).double()
    loss = lambda o, y: torch.where(y > 5, o.detach().sqrt() * (0 * o).sqrt(), o).sum()  # 0 times infinity
    return model, torch.randn(7, 6).double(), torch.zeros(7, 3).double(), loss
"""  # noqa: E501


@pytest.mark.slow
def test_a_nan_gradient_is_a_row(evidence_of, pytester, catalogue):
    catalogue(HOLDS, OTHER)
    pytester.makepyfile(net=HOPELESS)
    result, seen = evidence_of("--theorems-model", "net.py:nan", "-rs")
    result.assert_outcomes(failed=1, skipped=2)
    assert "NaN" in str(seen["autograd_gives_the_gradient"]["places"])
