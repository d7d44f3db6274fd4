"""Errata: every false statement has one, its counterexample runs as printed, and the command shows
both forms.
"""

import contextlib
import dataclasses
import io
import json

import pytest

from theorems import CLAIMS, Outcome, errata
from theorems.catalogue import CORRECTED, MISPRINTS
from theorems.errata import ERRATA

BY_NAME = {claim.name: claim for claim in CLAIMS}
QUICK = "spiked_covariance_series_as_stated"


def test_every_false_statement_has_a_corrected_form_and_an_erratum():
    assert [c.name for c in CLAIMS if c.expected is Outcome.REFUTED] == list(CORRECTED)
    for stated, corrected in CORRECTED.items():
        assert BY_NAME[corrected].expected is Outcome.HOLDS
        assert f"`{corrected}`" in BY_NAME[stated].statement, (
            "the statement names what holds in its place"
        )
    for name, mutant in MISPRINTS.items():
        assert mutant in BY_NAME[name].mutants
        assert BY_NAME[name].expected is Outcome.HOLDS
    assert [e.name for e in ERRATA] == [
        c.name for c in CLAIMS if c.name in CORRECTED or c.name in MISPRINTS
    ]


@pytest.mark.slow
@pytest.mark.parametrize("erratum", ERRATA, ids=lambda e: e.name)
def test_the_printed_lines_refute_the_statement_and_spare_the_corrected_form(erratum):
    """What a reader is told to run is run, and nothing else: the first verdict is REFUTED, the
    second is not.
    """
    with contextlib.redirect_stdout(io.StringIO()) as told:
        exec(erratum.script, {})
    verdicts = [
        line
        for line in told.getvalue().splitlines()
        if line.startswith((erratum.name, erratum.corrected.name))
    ]
    assert len(verdicts) == 2
    assert verdicts[0].startswith(f"{erratum.stated.name}: REFUTED")
    assert verdicts[1].startswith(
        (f"{erratum.corrected.name}: HOLDS", f"{erratum.corrected.name}: INAPPLICABLE")
    )


@pytest.mark.parametrize("name", [QUICK, "spiked_covariance_series", "spiked_cov*"])
def test_the_command_shows_statement_counterexample_and_corrected_form(run, name, tmp_path):
    file = tmp_path / "errata.json"
    code, out, _ = run("errata", name, "--json", str(file))
    assert code == 0
    for text in (
        QUICK,
        "as stated",
        "corrected",
        "REFUTED (CERTIFIED)",
        "INAPPLICABLE",
        "1.38197659",
        "-6.49988e+8",
        f"theorems check {QUICK}",
        "SpikedSeries(bulk=Fraction(1), spike=Fraction(2)",
    ):
        assert text in out
    (record,) = json.loads(file.read_text())["errata"]
    assert record["name"] == QUICK
    assert record["corrected_by"] == CORRECTED[QUICK]
    assert record["stated"]["outcome"] == "REFUTED"


def test_unknown_names_get_a_suggestion(run):
    code, _, err = run("errata", "spiked_covariance_serie")
    assert code == 2
    assert "did you mean spiked_covariance_series" in err
    code, _, err = run("errata", "feature_learning_equation")
    assert code == 2
    assert "got 'feature_learning_equation'" in err


def test_an_erratum_that_is_none_is_told_by_the_exit_code(run, monkeypatch):
    """γ₂ < γ₁ is no counterexample: the statement holds there."""

    def inside():
        """Inside the radius."""
        from fractions import Fraction

        from impl import SpikedSeries

        return SpikedSeries(bulk=Fraction(1), spike=Fraction(1, 10))

    wrong = dataclasses.replace(ERRATA[-1], counterexample=inside)
    monkeypatch.setattr(errata, "ERRATA", (wrong,))
    assert run("errata")[0] == 1


def test_show_points_from_a_false_statement_to_what_holds(run):
    assert "corrected by spiked_covariance_series;" in run("show", QUICK)[1]
