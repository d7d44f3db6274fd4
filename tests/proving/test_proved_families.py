"""What is not proved: no false conjecture about a family with relations, and no wrong variant of a
proved claim, by its forms alone.
"""

from pathlib import Path

import pytest

import theorems
from theorems import CLAIMS
from theorems.loading import load_claims
from theorems.proving.deciding import _case, decide, symbolic
from theorems.proving.domains import domain_of
from theorems.proving.proof import CaseProof

HERE = Path(__file__).parents[1] / "proofs"
FALSE = {
    claim.name: claim
    for file in ("false_families.py", "false_training.py", "false_corners.py")
    for claim in load_claims(str(HERE / file))
}


def cases(claim):
    """What each case comes to, up to the first that is not proved, whether or not the claim states
    what the symbols build in.
    """
    found = []
    for case in domain_of(claim).cases:
        found.append(_case(claim, case, symbolic(case)))
        if isinstance(found[-1], str) or not all(part.proved for part in found[-1].parts):
            break
    return found


PROVED = [claim.name for claim in CLAIMS if claim.mutants and decide(claim).proved]


@pytest.mark.parametrize("name", PROVED)
def test_every_wrong_variant_has_another_form_or_says_what_it_asks_for(name):
    """Of each mutant some part differs or is open in some case; or its code asks for what has no
    one answer, and on which line.
    """
    for title, mutant in getattr(theorems, name).mutants.items():
        found = cases(mutant)
        parts = [part for proof in found if isinstance(proof, CaseProof) for part in proof.parts]
        said = [reason for reason in found if isinstance(reason, str)]
        assert said or any(not part.proved for part in parts), title
        assert all(
            ".py:" in reason or "relation" in reason or "parts" in reason for reason in said
        ), (title, said)


@pytest.mark.parametrize("name", FALSE)
def test_no_false_conjecture_about_a_family_is_proved(name):
    claim = FALSE[name]
    found = cases(claim)
    forms = [proof for proof in found if isinstance(proof, CaseProof)]
    assert forms, found  # it is not for want of a form that it is not proved
    assert not all(
        part.proved for proof in found if isinstance(proof, CaseProof) for part in proof.parts
    ), found
