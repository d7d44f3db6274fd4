"""A hundred conjectures as users write them, each in a file of its own: no true one is refuted, every false one is."""

from __future__ import annotations

from pathlib import Path

import pytest

from theorems import Outcome
from theorems.checking import check
from theorems.loading import load_claims

FOLDER = Path(__file__).parent / "conjectures"
TRUE = sorted((FOLDER / "true").glob("*.py"))
FALSE = sorted((FOLDER / "false").glob("*.py"))


def checked(file):
    (claim,) = load_claims(str(file))
    return check(claim, examples=30, seed=0)


@pytest.mark.parametrize("file", TRUE, ids=lambda file: file.stem)
def test_true_conjectures_are_not_refuted(file):
    evidence = checked(file)
    assert evidence.outcome in {Outcome.HOLDS, Outcome.UNDECIDED}, evidence.worst
    print(evidence.outcome, vars(evidence).keys())


@pytest.mark.parametrize("file", FALSE, ids=lambda file: file.stem)
def test_false_conjectures_are_refuted(file):
    assert checked(file).outcome is Outcome.REFUTED
