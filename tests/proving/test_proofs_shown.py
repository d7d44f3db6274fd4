"""What evidence keeps of a proof, and what ``theorems prove`` prints of it."""

from pathlib import Path

import pytest

from theorems import Outcome
from theorems.checking.check import check
from theorems.evidence import file as evidence
from theorems.evidence.badges import wording
from theorems.loading import load_claims
from theorems.verdict import Grade

HERE = Path(__file__).parents[1]


def stated(path):
    return {claim.name: claim for claim in load_claims(str(HERE / path))}


FIVE = stated("proofs/five.py")


# -- evidence --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_evidence_keeps_the_proof_and_what_was_drawn():
    claim = FIVE["every_layer_gains_alike"]
    seen = check(claim, examples=20)
    assert seen.grade is Grade.PROVED
    entry = evidence.record(seen)
    assert entry["grade"] == "PROVED"
    assert entry["grades"].get("EXACT")
    assert entry["proof"]["status"] == "proved"
    assert "every width" in entry["proof"]["words"]
    assert "proved for depth 1 to 4" in seen.earned
    assert wording(entry)[0] == "holds, proved"
    content = evidence.document([entry], seed=0, profile="drawn", false_alarm=None)
    assert evidence.first_problem(content) is None


def test_a_refutation_outweighs_a_proof():
    """Drawn instances test the code: where they refute, no proof makes that good."""
    claim = FIVE["every_layer_gains_alike"]
    seen = check(claim, examples=20)
    seen.outcomes[Outcome.REFUTED] += 1
    assert seen.grade is not Grade.PROVED


@pytest.mark.slow
def test_false_conjectures_keep_their_refutation():
    seen = check(FIVE["gradients_pass_twice"], examples=20)
    assert seen.outcome is Outcome.REFUTED
    assert seen.grade is Grade.EXACT
    assert evidence.record(seen)["proof"]["status"] == "differs"


def test_proved_is_the_strongest_grade():
    assert max(Grade) is Grade.PROVED
    assert tuple(grade.name for grade in sorted(Grade)) == evidence.GRADES


# -- the command -----------------------------------------------------------------------------------


def test_prove_prints_forms_rules_and_time(run):
    code, out, _ = run("prove", "feature_learning_equation", "--show")
    assert code == 0
    assert "PROVED" in out
    assert " ms" in out
    assert "observed = weight[k,i]·inputs[l,j]·output_grad[l,k]" in out
    assert r"\mathrm{inputs}_{l j}" in out
    assert "by equal normal forms" in out


def test_prove_shows_where_the_sides_differ_and_a_small_instance(run):
    code, out, _ = run("prove", f"{HERE / 'proofs' / 'five.py'}:gradients_pass_twice")
    assert code == 1
    assert "only predicted: output_grad[j,i]" in out
    assert "refuted at sizes 1, 1, 1" in out


def test_prove_says_what_is_not_of_this_form(run):
    code, out, _ = run("prove", "kernel_views_agree")
    assert code == 3
    assert "no identity for all sizes, but roots and arccosines" in out


def test_prove_writes_json(run):
    code, out, _ = run("prove", "gram_flow", "--json", "-")
    assert code == 0
    assert '"status": "proved"' in out
