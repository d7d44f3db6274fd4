"""What a run of the plugin leaves of a refutation, and what it says of chance: the same as the
command does.
"""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import strategies as st
from inner import AS_STATED, HOLDS, WRONG, quick
from typer.testing import CliRunner

from theorems import surrogate_grows_in_expectation
from theorems.checking.alarms import FAMILY, alarm_of
from theorems.checking.check import check
from theorems.checking.drawing import draws
from theorems.cli import app
from theorems.evidence import file as evidence

pytest_plugins = "pytester"

CONJECTURES = Path(__file__).parents[2] / "examples" / "conjectures.py"
CHANCE = quick(
    surrogate_grows_in_expectation,
    next(iter(draws(surrogate_grows_in_expectation.instances(), examples=1, seed=0))),
)
LOOSE = dataclasses.replace(CHANCE, relation=dataclasses.replace(CHANCE.relation, alarm=0.03))


@pytest.mark.slow
def test_a_conjecture_of_theirs_has_script_file_and_badge(evidence_of, pytester):
    spec = f"{CONJECTURES}:weights_scale_like_outputs"
    options = (
        "--theorems-examples",
        "20",
        "--theorems-badges",
        "b",
        "--theorems-counterexamples",
        "new/found",
    )
    result, seen = evidence_of("--claim", spec, *options)
    result.assert_outcomes(failed=1)
    entry = seen["weights_scale_like_outputs"]
    example = entry["counterexample"]
    assert example["file"].startswith("new/found/weights_scale_like_outputs-")
    result.stdout.fnmatch_lines(
        [
            f"*script: {example['file']} (run it with python or theorems replay)",
            "again: pytest --claim *",
        ]
    )
    assert example["script"] == (pytester.path / example["file"]).read_text()
    run = CliRunner().invoke(
        app,
        ["check", spec, "--examples", "20", "--counterexamples", "checked", "--json", "check.json"],
    )
    assert run.exit_code == 1
    (checked,) = evidence.read(pytester.path / "check.json")["claims"]
    assert checked["counterexample"]["script"] == example["script"]
    assert CliRunner().invoke(app, ["replay", example["file"]]).exit_code == 0
    for folder, file in (("b", "e.json"), ("again", "check.json")):
        if folder == "again":
            assert CliRunner().invoke(app, ["badges", file, "-o", folder]).exit_code == 0
        for name, message in (
            ("weights_scale_like_outputs", "refuted, exact"),
            ("conjectures", "1 of 1 refuted"),
        ):
            endpoint = json.loads((pytester.path / folder / f"{name}.json").read_text())
            assert (endpoint["message"], endpoint["isError"]) == (message, True)
            assert message in (pytester.path / folder / f"{name}.svg").read_text()
    again = next(line for line in result.outlines if line.startswith("again: pytest "))
    pytester.runpytest_inprocess(*again.split()[2:], "-p", "no:benchmark").assert_outcomes(failed=1)


@pytest.mark.slow
def test_without_a_folder_nothing_is_written_and_the_evidence_has_the_script(
    evidence_of, pytester, catalogue
):
    catalogue(AS_STATED, WRONG)
    result, seen = evidence_of("--theorems", "--theorems-examples", "4")
    assert seen[AS_STATED.name]["counterexample"]["script"].startswith('"""Counterexample to')
    assert seen[AS_STATED.name]["counterexample"]["file"] is None
    # that claim is true under its name
    result.stdout.fnmatch_lines(["*no script: its script says HOLDS"])
    assert [
        path.name for path in pytester.path.iterdir() if path.is_dir() and "cache" not in path.name
    ] == []


@pytest.mark.slow
def test_a_folder_in_the_ini_file_takes_expected_ones_too(evidence_of, pytester, catalogue):
    catalogue(AS_STATED, HOLDS)
    pytester.makeini("[pytest]\ntheorems_counterexamples = out/found\n")
    result, seen = evidence_of("--theorems", "--theorems-examples", "4")
    result.assert_outcomes(passed=2)
    (file,) = (pytester.path / "out" / "found").iterdir()
    assert seen[AS_STATED.name]["counterexample"]["file"] == f"out/found/{file.name}"


@pytest.mark.slow
@pytest.mark.parametrize("when", ["while it is searched", "afterwards"])
def test_a_claim_that_changes_its_mind_is_one_line(evidence_of, catalogue, monkeypatch, when):
    """Hypothesis sees it while it shrinks; what happens afterwards somebody has to look at."""
    calls, over = [], []

    def predict(layer):
        calls.append(1)
        right = over if when == "afterwards" else len(calls) >= 10
        return HOLDS.predict(layer) * (1 if right else 2)

    def search(*arguments, **options):
        seen = check(*arguments, **options)
        over.append(1)
        return seen

    monkeypatch.setattr("theorems.checking.check.check", search)
    catalogue(quick(HOLDS, predict=predict, changes={}))
    result, seen = evidence_of("--theorems", "--theorems-examples", "2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["expected gram_flow to answer alike on equal instances*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert seen["gram_flow"]["outcome"] is None


@pytest.mark.slow
def test_a_strategy_that_raises_is_one_line_unless_a_traceback_is_asked_for(evidence_of, catalogue):
    def broken(_):
        raise ZeroDivisionError

    catalogue(dataclasses.replace(HOLDS, instances=lambda: st.integers().map(broken)))
    result, _ = evidence_of("--theorems", "--theorems-examples", "2")
    result.stdout.fnmatch_lines(["expected gram_flow to be checked, but *ZeroDivisionError*"])
    result.stdout.no_fnmatch_line("*raise ZeroDivisionError*")
    result, _ = evidence_of("--theorems", "--theorems-examples", "2", "--full-trace")
    result.stdout.fnmatch_lines(["*raise ZeroDivisionError*"])


def alarm_in(pytester):
    return evidence.read(pytester.path / "e.json")["false_alarm"]


@pytest.mark.slow
def test_what_is_left_to_chance_is_what_ran(evidence_of, pytester, catalogue):
    catalogue(HOLDS, CHANCE, dataclasses.replace(CHANCE, name="another"))
    pytester.makepyfile("""
        import pytest, inner
        @pytest.mark.claim("gram_flow")
        def test_it(): pass
    """)
    options = ("--theorems", "--theorems-examples", "3")
    result, seen = evidence_of(*options)
    one = alarm_of(CHANCE) * seen[CHANCE.name]["instances"]
    assert alarm_in(pytester) == pytest.approx(2 * one)
    result.stdout.fnmatch_lines(
        [
            (
                "chance alone refutes a true claim in this run with probability at most *e-09 "
                "(* statistical verdicts)"
            )
        ]
    )
    run = CliRunner().invoke(app, ["check", "--examples", "3", "--json", "check.json"])
    assert run.exit_code == 0
    assert evidence.read(pytester.path / "check.json")["false_alarm"] == pytest.approx(2 * one)
    evidence_of(*options, "-k", "another")
    assert alarm_in(pytester) == pytest.approx(2 * one), "the other one's is kept with its entry"
    (pytester.path / "e.json").unlink()
    evidence_of(*options, "-k", "another")
    assert alarm_in(pytester) == pytest.approx(one)
    (pytester.path / "e.json").unlink()
    result, _ = evidence_of(*options, "-k", "gram_flow")
    assert alarm_in(pytester) is None
    result.stdout.no_fnmatch_line("*chance alone*")


def test_alarms_are_shared_out_before_anything_runs(evidence_of, pytester, catalogue):
    catalogue(LOOSE)
    evidence_of("--theorems", "--theorems-examples", "40")
    assert alarm_in(pytester) == pytest.approx(FAMILY / 40), (
        "one instance of the forty that were asked for"
    )


@pytest.mark.slow
def test_chance_in_tests_of_theirs_counts_and_is_a_probability(
    evidence_of, pytester, catalogue, monkeypatch
):
    catalogue(LOOSE)
    monkeypatch.setattr("theorems.loose", LOOSE, raising=False)
    pytester.makepyfile(f"""
        import pytest, theorems
        from hypothesis import strategies
        @pytest.mark.parametrize("times", [1, 2, 100])
        @pytest.mark.claim({LOOSE.name!r})
        def test_it(times):
            instance = theorems.loose.instances().value if hasattr(theorems.loose.instances(), "value") else None
            for _ in range(times):
                assert theorems.loose(instance)
    """)  # noqa: E501
    evidence_of("-k", "1-0 or 2", "-p", "no:xdist")
    evidence_of("-k", "test_it and not 100")
    assert alarm_in(pytester) == pytest.approx(3 * 0.03)
    evidence_of()
    assert alarm_in(pytester) == 1
