"""What is not proved: no false conjecture about a family with relations, and no wrong variant of a
proved claim, by its forms alone.
"""

from pathlib import Path

import pytest

from theorems.loading import load_claims
from theorems.proving.deciding import _case, symbolic
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


@pytest.mark.slow
@pytest.mark.parametrize("name", FALSE)
def test_no_false_conjecture_about_a_family_is_proved(name):
    claim = FALSE[name]
    found = cases(claim)
    forms = [proof for proof in found if isinstance(proof, CaseProof)]
    assert forms, found  # it is not for want of a form that it is not proved
    assert not all(
        part.proved for proof in found if isinstance(proof, CaseProof) for part in proof.parts
    ), found
