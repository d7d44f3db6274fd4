"""The pytest plugin: in somebody else's repository, with their own tests, on workers, and silent
unless asked.
"""

import pytest
from inner import AS_STATED, HOLDS, OTHER, WRONG, quick

import theorems
from theorems import Outcome, feature_learning
from theorems.evidence import file as evidence

pytest_plugins = "pytester"

FEW = ("--theorems", "--theorems-examples", "4")


@pytest.mark.slow
def test_claims_are_items_where_there_are_no_tests(evidence_of, catalogue):
    catalogue(HOLDS, OTHER, AS_STATED)
    result, claims = evidence_of(
        *FEW, "--claim", "gram_f*", "--claim", "spiked_covariance_series_as_stated", "-v"
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([
        "theorems: seed 0, profile default, 4 instances per claim; *torch*",
        "*collected 2 items",
        "theorems::gram_flow PASSED*",
        "gram_flow * HOLDS *",
        "1 of 3 claims not run",
    ])  # fmt: skip
    assert [(name, entry["outcome"]) for name, entry in claims.items()] == [
        ("gram_flow", "HOLDS"),
        ("feature_learning_equation", None),
        ("spiked_covariance_series_as_stated", "REFUTED"),
    ]
    assert claims["gram_flow"]["instances"] == 1
    assert claims["gram_flow"]["mutants"]["total"] == len(feature_learning.gram_flow.mutants)


def test_nothing_happens_unless_asked(pytester):
    pytester.makepyfile("def test_a(): pass")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*theorems*seed*")
    result.stdout.no_fnmatch_line("*HOLDS*")
    assert (
        pytester.runpytest_inprocess("--markers")
        .stdout.str()
        .count("@pytest.mark.claim(name, ...)")
        == 1
    )


@pytest.mark.slow
def test_startup_imports_nothing_heavy(pytester):
    pytester.makepyfile("""
        import sys
        def test_light():
            assert "theorems.pytest_plugin" in sys.modules
            assert not {"torch", "numpy", "hypothesis", "rich", "jsonschema", "badgepy"} & set(sys.modules)
    """)  # noqa: E501
    pytester.runpytest_subprocess("-p", "no:benchmark").assert_outcomes(passed=1)


@pytest.mark.slow
def test_a_wrong_claim_fails_with_its_counterexample_and_no_traceback(
    evidence_of, catalogue, pytester
):
    catalogue(WRONG, HOLDS)
    result, claims = evidence_of(
        "--theorems",
        "--theorems-examples",
        "30",
        "--theorems-badges",
        "b",
        "--theorems-markdown",
        "s.md",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "feature_learning_equation came out REFUTED, expected HOLDS",
            "feature_learning_equation: REFUTED (*",
            "*residual *",
            "*instance: LayerTrace(*",
            (
                "again: pytest theorems::feature_learning_equation --theorems-seed 0 "
                "--theorems-examples 30"
            ),
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*.py:*: in *")
    assert result.ret == 1
    assert claims["feature_learning_equation"]["outcome"] == "REFUTED"
    assert "instance" in claims["feature_learning_equation"]["counterexample"]
    assert "refuted" in (pytester.path / "b" / "feature_learning_equation.svg").read_text()
    assert "Counterexample to feature_learning_equation" in (pytester.path / "s.md").read_text()


@pytest.mark.slow
def test_a_statement_that_should_fail_but_holds_fails(evidence_of, catalogue):
    catalogue(quick(feature_learning.gram_flow, expected=Outcome.REFUTED))
    result, _ = evidence_of(*FEW)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["gram_flow came out HOLDS, expected REFUTED"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outcome", "wanted"), [("UNDECIDED", {"failed": 1}), ("INAPPLICABLE", {"skipped": 1})]
)
def test_the_other_answers_are_no_passes(evidence_of, catalogue, monkeypatch, outcome, wanted):
    claim = HOLDS
    catalogue(claim)
    verdict = theorems.Verdict(claim.name, Outcome[outcome], context={"reason": "because"})
    monkeypatch.setattr(theorems.Claim, "__call__", lambda _, __: verdict)
    result, claims = evidence_of(*FEW)
    result.assert_outcomes(**wanted)
    assert claims["gram_flow"]["outcome"] == outcome
    assert claims["gram_flow"]["grade"] is None


@pytest.mark.slow
def test_a_claim_that_breaks_has_not_run(evidence_of, catalogue):
    def broken(_):
        raise ZeroDivisionError

    catalogue(quick(feature_learning.gram_flow, observe=broken), OTHER)
    result, claims = evidence_of(*FEW, "--theorems-fail-under", "statistical")
    result.assert_outcomes(failed=1, passed=1)
    assert claims["gram_flow"]["outcome"] is None
    result.stdout.fnmatch_lines([
        "gram_flow: not run; theorems::gram_flow: failed without a verdict",
        "theorems: expected gram_flow to earn STATISTICAL or better, got no verdict",
    ])  # fmt: skip


@pytest.mark.slow
def test_the_usual_options_choose(evidence_of, pytester, catalogue):
    catalogue(HOLDS, OTHER, AS_STATED)
    pytester.makepyfile(test_mine="def test_mine(): pass")
    result, claims = evidence_of(*FEW, "-k", "gram_flow or mine", "-v")
    result.assert_outcomes(passed=2, deselected=2)
    assert sum(entry["outcome"] is not None for entry in claims.values()) == 1
    result = pytester.runpytest_inprocess(*FEW, "--collect-only", "-q", "-k", "function_space")
    assert "theorems::spiked_covariance_series_as_stated" in result.outlines
    assert "theorems::gram_flow" not in result.outlines
    before = (pytester.path / "e.json").read_bytes()
    evidence_of(*FEW, "test_mine.py", "-k", "mine")
    assert (pytester.path / "e.json").read_bytes() == before, "no claim was tried"


@pytest.mark.slow
def test_exitfirst_leaves_the_rest_not_run(evidence_of, catalogue):
    catalogue(WRONG, HOLDS)
    result, claims = evidence_of("--theorems", "--theorems-examples", "20", "-x")
    result.assert_outcomes(failed=1)
    assert claims["gram_flow"]["outcome"] is None


@pytest.mark.slow
def test_node_ids_run_again(pytester, catalogue):
    catalogue(HOLDS, OTHER)
    pytester.makepyfile(test_mine="def test_mine(): assert False")
    result = pytester.runpytest_inprocess("theorems::gram_flow", "--theorems-examples", "3", "-v")
    result.assert_outcomes(passed=1)
    pytester.mkdir("below")
    result = pytester.runpytest_inprocess(
        "../theorems::gram_flow", "test_mine.py", "--theorems-examples", "3"
    )
    result.assert_outcomes(passed=1, failed=1)


@pytest.mark.slow
def test_last_failed_runs_the_claim_again(pytester, catalogue):
    catalogue(WRONG, HOLDS)
    pytester.runpytest_inprocess(*FEW).assert_outcomes(failed=1, passed=1)
    pytester.runpytest_inprocess(*FEW, "--lf").assert_outcomes(failed=1, deselected=1)


@pytest.mark.slow
def test_ini_twins(pytester, catalogue):
    catalogue(HOLDS, OTHER, AS_STATED)
    pytester.makeini("""
        [pytest]
        theorems = true
        theorems_claims = gram_flow feature_learning_e*
        theorems_examples = 3
        theorems_seed = 5
        theorems_json = out/e.json
        theorems_badges = out/badges
        theorems_markdown = out/s.md
        theorems_fail_under = numerical
    """)
    pytester.mkdir("out")
    pytester.makepyfile(test_mine="def test_mine(): pass")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=3)
    content = evidence.read(pytester.path / "out" / "e.json")
    assert content["seed"] == 5
    assert [e["instances"] for e in content["claims"] if e["outcome"]] == [1, 1]
    assert (pytester.path / "out" / "badges" / "gram_flow.svg").is_file()
    # a path asks for that path
    pytester.runpytest_inprocess("test_mine.py").assert_outcomes(passed=1)
    pytester.runpytest_inprocess("--theorems-seed", "6").assert_outcomes(passed=3)
    assert evidence.read(pytester.path / "out" / "e.json")["seed"] == 6


@pytest.mark.slow
def test_summary_goes_to_github(evidence_of, catalogue, monkeypatch, tmp_path):
    catalogue(HOLDS)
    summary = tmp_path / "summary"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    evidence_of(*FEW, "--claim", "gram_flow")
    assert summary.read_text() == "before\n", "nobody asked for Markdown"
    evidence_of(*FEW, "--claim", "gram_flow", "--theorems-markdown", "s.md")
    assert summary.read_text().startswith("before\n## theorems: ")


@pytest.mark.slow
@pytest.mark.parametrize(("grade", "code"), [("statistical", 0), ("CERTIFIED", 0), ("EXACT", 1)])
def test_fail_under(evidence_of, catalogue, grade, code):
    catalogue(AS_STATED)
    result, _ = evidence_of("--theorems", "--theorems-fail-under", grade)
    assert result.ret == code
    result.assert_outcomes(passed=1)
    if code:
        result.stdout.fnmatch_lines(
            [f"theorems: expected {AS_STATED.name} to earn EXACT or better, got CERTIFIED"]
        )


def test_fail_under_with_nothing_judged(evidence_of, pytester):
    pytester.makepyfile("def test_mine(): pass")
    result = pytester.runpytest_inprocess(
        "--theorems-fail-under", "STATISTICAL", "--theorems-json", "e.json"
    )
    assert result.ret == 1
    assert not (pytester.path / "e.json").exists(), "nothing was tried"
    result.stdout.fnmatch_lines(["*but no claim was judged*"])


IN_PROCESS = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
"""Of a pytest within pytest alone: a fresh process has imported nothing yet."""


@pytest.mark.slow
def test_warnings_of_torch_are_no_errors_of_theirs(pytester, catalogue):
    catalogue(HOLDS)
    result = pytester.runpytest_inprocess(
        *FEW, "-W", "error", "-W", IN_PROCESS, "--theorems-badges", "b", "-p", "no:benchmark"
    )
    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_it_can_be_switched_off(pytester):
    assert pytester.runpytest_subprocess("-p", "no:theorems", "--theorems").ret == 4
