"""The command: tables, JSON, exit codes, and one line for every mistake."""

import dataclasses
import json
from pathlib import Path

import pytest

from impl import InputError
from theorems import CLAIMS, Outcome, feature_learning
from theorems.commands.console import exit_code

ROOT = Path(__file__).parents[2]
DIGITS = str(ROOT / "examples" / "digits.py")


@pytest.mark.slow
def test_check_holds_and_writes_evidence(run, tmp_path):
    file = tmp_path / "evidence.json"
    code, out, _ = run(
        "check", "gram_flow", "feature_*", "--examples", "60", "--seed", "7", "--json", str(file)
    )
    assert code == 0, out
    assert "seed 7" in out
    assert "torch" in out
    content = json.loads(file.read_text())
    assert content["schema"] == 1
    assert content["seed"] == 7
    assert {"python", "torch", "hypothesis"} <= set(content["versions"])
    first = content["claims"][0]
    assert first["name"] == "gram_flow"
    assert first["outcome"] == first["expected"] == "HOLDS"
    assert first["grade"] == "PROVED"
    assert first["instances"] == 60
    assert (first["mutants"]["refuted"], first["mutants"]["total"]) == (4, 4)
    assert [mutant["instances"] for mutant in first["mutants"]["each"]].count(0) == 0
    assert first["hypotheses"]["bite"] >= 3
    assert 0 < first["measured"] <= first["bound"]
    assert set(first) >= {"arxiv", "tag", "inapplicable", "seconds"}


@pytest.mark.slow
def test_equal_seeds_give_equal_evidence(run, tmp_path):
    records = []
    for name in ("a", "b"):
        run("check", "gram_flow", "--examples", "30", "--seed", "3", "--json", str(tmp_path / name))
        record = json.loads((tmp_path / name).read_text())["claims"][0]
        records.append({key: value for key, value in record.items() if key != "seconds"})
    assert records[0] == records[1]


def wrong(claim, **changes):
    return dataclasses.replace(claim, changes={}, **changes)


@pytest.mark.slow
def test_a_wrong_theorem_is_refuted_with_a_small_counterexample(run, monkeypatch):
    claim = feature_learning.feature_learning_equation
    half = wrong(claim, predict=lambda layer: claim.predict(layer) * 2)
    monkeypatch.setattr("theorems.catalogue.CLAIMS", (half,))
    code, out, _ = run("check", "--examples", "50")
    assert code == 1
    assert "REFUTED" in out
    assert "instance: LayerTrace(" in out
    assert "weight=[[1]]" in out.replace("-1", "1"), "shrunk to one weight of one"


@pytest.mark.slow
def test_a_theorem_that_should_fail_but_holds_is_unexpected(run, monkeypatch):
    monkeypatch.setattr(
        "theorems.catalogue.CLAIMS", (wrong(feature_learning.gram_flow, expected=Outcome.REFUTED),)
    )
    assert run("check", "--examples", "20")[0] == 1


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([("HOLDS", "HOLDS"), ("REFUTED", "REFUTED")], 0),
        ([("HOLDS", "HOLDS"), ("INAPPLICABLE", "HOLDS")], 0),
        ([("REFUTED", "HOLDS"), ("UNDECIDED", "HOLDS")], 1),
        ([("HOLDS", "REFUTED")], 1),
        ([("HOLDS", "HOLDS"), ("UNDECIDED", "HOLDS")], 3),
        ([("INAPPLICABLE", "HOLDS")], 3),
    ],
)
def test_exit_codes(pairs, code):
    assert exit_code([(Outcome[a], Outcome[b]) for a, b in pairs]) == code


@pytest.mark.slow
@pytest.mark.parametrize("factory", ["trained", "trained_float32"])
def test_a_network_trained_on_digits(run, tmp_path, factory):
    pytest.importorskip("sklearn")
    file = tmp_path / "digits.json"
    code, out, _ = run("check", "--model", f"{DIGITS}:{factory}", "--json", str(file))
    assert code == 0, out
    assert "worst residual/bound" in out
    claims = {c["name"]: c for c in json.loads(file.read_text())["claims"]}
    held = {name for name, claim in claims.items() if claim["outcome"] == "HOLDS"}
    assert held >= {c.name for c in CLAIMS if c.source.arxiv == "2606.09744"} - {
        "single_layer_residual_dynamics"
    }
    assert held >= {claim.name for claim in CLAIMS if claim.name.startswith("sgd_")}
    assert held >= {"feature_learning_equation", "gram_flow", "target_linearity_laws"}
    assert claims["single_layer_residual_dynamics"]["outcome"] == "INAPPLICABLE"
    # their bounds are honest, but wide where a network is well trained: p rounds relative to 1 and
    # G = p − t is small; weak rows turn freely
    wide = {name for name in held if name.startswith("sgd_")} | {
        "gram_whitening_keeps_the_gram",
        "rotation_is_orthogonal_to_learning",
    }
    for name in held:
        ratio = (
            claims[name]["measured"] / claims[name]["bound"] if claims[name]["measured"] else None
        )
        assert ratio is None or ratio <= 1, f"{name}: {ratio}"
        assert ratio is None or ratio > (0 if name in wide else 1e-6), f"{name}: {ratio}"


def test_list_and_show(run):
    code, out, _ = run("list")
    assert code == 0
    assert all(claim.name in out for claim in CLAIMS)
    code, out, _ = run("show", "backward_pullback_recursion")
    assert code == 0
    for text in (
        "2606.09744",
        "mutants",
        "Δ I left out",
        "no pre-activation on a switch",
        "M^{l-1}",
    ):
        assert text in out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("check", "--examples", "0"),
        ("check", "--seed", "x"),
        ("check", "--examples"),
        ("show",),
    ],
)
def test_bad_usage_exits_2(run, arguments):
    assert run(*arguments)[0] == 2


def test_unknown_claims_get_a_suggestion(run):
    code, out, err = run("check", "gram_flaw")
    assert code == 2
    assert "did you mean gram_flow" in err
    assert "HOLDS" not in out


def test_json_into_a_missing_folder_fails_before_the_work(run, tmp_path):
    code, _, err = run("check", "gram_flow", "--json", str(tmp_path / "no" / "file.json"))
    assert code == 2
    assert "existing folder" in err


def test_calling_a_claim_on_something_else():
    with pytest.raises(
        InputError,
        match=r"expected gram_flow to be called with a LayerTrace, got int; use impl\.trace",
    ):
        feature_learning.gram_flow(3)


NETWORK = """
import torch
from torch import nn

def made():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    return model, torch.randn(10, 4).double(), torch.arange(10) % 3, nn.CrossEntropyLoss()
"""


def test_wrong_variants_and_false_statements_on_a_network(run, tmp_path):
    (tmp_path / "mine.py").write_text(NETWORK)
    wrong = (
        "check",
        "feature_learning_equation",
        "--mutant",
        "outer product transposed",
        "--model",
        "mine.py:made",
    )
    code, out, _ = run(*wrong)
    assert code == 0, "it is refuted, as it must be"
    assert "REFUTED" in out
    assert list((tmp_path / "counterexamples").glob("*.py"))
    code, _, err = run("check", "*_as_stated", "--model", "mine.py:made")
    assert code == 2
    assert (
        "expected a claim that can be checked on a network, got only statements that are "
        "kept as printed" in err
    )
