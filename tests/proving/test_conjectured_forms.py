"""Conjectures of a hostile user: no false one is proved, whatever its code does; of true ones none
is refuted by its form, and most are proved.
"""

import sys
from pathlib import Path

import pytest

from theorems.loading import load_claims
from theorems.proving.counterexamples import counterexample
from theorems.proving.deciding import _case, decide, symbolic
from theorems.proving.domains import domain_of
from theorems.proving.watching import exceptions

HERE = Path(__file__).parents[1] / "proofs"


def stated(*files):
    return [claim for file in files for claim in load_claims(str(HERE / f"{file}.py"))]


FALSE = stated("false_sizes", "false_kinds", "false_forms")
TRUE = stated("true_forms")
OPEN = {claim.name for claim in sys.modules["theorems_file_true_forms"].OPEN}


@pytest.mark.slow
@pytest.mark.parametrize("claim", FALSE, ids=lambda claim: claim.name)
def test_no_false_conjecture_of_a_hostile_user_is_proved(claim):
    assert not decide(claim).proved


@pytest.mark.slow
@pytest.mark.parametrize("claim", stated("false_forms"), ids=lambda claim: claim.name)
def test_nor_is_it_by_its_forms_alone(claim):
    """In some case it is not, whether or not the claim states what symbols build in."""
    for case in domain_of(claim).cases:
        proof = _case(claim, case, symbolic(case))
        if isinstance(proof, str) or not all(part.proved for part in proof.parts):
            return
    pytest.fail("all cases are proved")


@pytest.mark.slow
@pytest.mark.parametrize("claim", TRUE, ids=lambda claim: claim.name)
def test_no_true_conjecture_is_refuted(claim):
    proof = decide(claim)
    assert proof.status != "differs"
    assert proof.proved == (claim.name not in OPEN), proof.sentence
    assert counterexample(claim, proof) is None or not proof.refutable


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a_size_that_is_a_formula", "a comparison of sizes"),
        ("a_size_that_is_numpys", "a comparison of sizes"),
        ("a_size_by_its_parity", "the value of the size n2 is asked for"),
        ("an_identity_of_given_size", "an axis of given length 2"),
        ("the_gradient_of_one_row", "the gradient of entries at a fixed place"),
        ("grams_of_both_sides", "which differ at some sizes (with a bias)"),
        ("torch_knows_its_tensors", "a branch on the kind of number, at false_kinds.py"),
        ("a_neighbour_knows_tensors", "a branch on the kind of number, at helping.py"),
        ("dispatch_knows_tensors", "a branch on the kind of number, at false_kinds.py"),
        ("a_paper_knows_tensors", "a branch on the kind of number"),
        ("suppressed_functions_differ", "its code catches an exception, NotCarriedError"),
        ("where_is_not_seen", "it cannot be seen which instances meet 'any'"),
        ("fields_that_are_changed", "write x = x + y for x += y"),
        ("changes_in_place_within_a_gradient", "an operation in place"),
        ("one_network_of_each_depth", "answers differently when it is asked again"),
        ("remembered_by_depth", "answers differently when it is asked again"),
        ("measured_layers_differ", "a branch on 'output_error'"),
        ("coarse_layers_differ", "a branch on 'coarseness'"),
        ("extents_differ", "a branch on 'extents'"),
        ("shapes_that_count_differ", "by its attribute 'numel'"),
        ("fields_read_at_once_differ", "a branch on 'all fields at once'"),
        ("squares_outgrow_sums", "no sum of squares was found"),
        ("one_sample_less", "no axes so few"),
    ],
)
def test_the_reason_says_what_to_change(name, said):
    (claim,) = [claim for claim in FALSE if claim.name == name]
    assert said in decide(claim).sentence


def test_a_trace_of_somebody_elses_goes_on():
    """A debugger that was there before is there afterwards."""
    before = sys.gettrace()
    with exceptions(__file__) as raised:
        assert next(iter([1]), None) == 1
        assert sys.gettrace() is not before
    assert not raised
    assert sys.gettrace() is before


def test_exceptions_are_seen_where_they_pass():
    def swallowed():
        try:
            return {}["missing"]
        except KeyError:
            return None

    with exceptions(__file__) as raised:
        swallowed()
    assert "KeyError at test_conjectured_forms.py" in raised[0]
    with exceptions(None) as raised:
        swallowed()
    assert not raised
