"""Experiments as test items: only where they are asked for, trained small, with the same evidence
and failures of their own.
"""

import dataclasses

import pytest

from theorems import experiments

pytest_plugins = "pytester"
NAME = "top_eigenfunction_mixes_the_quadratic_harmonic"


def test_an_experiment_is_an_item_beside_other_tests(evidence_of, pytester):
    pytest.importorskip("sklearn")
    pytester.makepyfile("def test_a(): pass")
    result, claims = evidence_of("--experiment", "top_eigen*", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["theorems::" + NAME + " PASSED*", NAME + " * HOLDS *"])
    entry = claims[NAME]
    assert (entry["outcome"], entry["grade"]) == ("HOLDS", "STATISTICAL")
    assert entry["experiment"]["scale"] == "smoke"
    assert not any(
        other["outcome"] for name, other in claims.items() if name != NAME
    )  # no claim of the catalogue was asked for


def test_an_effect_that_is_not_there_fails(pytester, monkeypatch):
    found = next(one for one in experiments.EXPERIMENTS if one.name == NAME)
    swapped = dataclasses.replace(found, claim=found.claim.mutants["arms swapped"])
    swapped = dataclasses.replace(
        swapped, claim=dataclasses.replace(swapped.claim, name=NAME, expected=found.claim.expected)
    )
    monkeypatch.setattr(experiments, "EXPERIMENTS", (swapped,))
    result = pytester.runpytest_inprocess("--experiment", NAME, "-p", "no:benchmark")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        f"*{NAME} came out REFUTED, expected HOLDS",
        f"again: pytest --experiment {NAME} --theorems-seed 0",
    ])  # fmt: skip


def test_a_name_of_none_is_refused(pytester):
    result = pytester.runpytest_inprocess("--experiment", "top_eigenfuncton", "-p", "no:benchmark")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*expected the name of an experiment*"])
