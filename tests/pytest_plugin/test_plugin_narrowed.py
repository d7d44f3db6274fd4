"""A part of a pytest run: it joins what a whole run has left, or leaves it alone, and says so."""

import json

import pytest
from inner import HOLDS, OTHER, quick

from theorems import kernel_cut_identity, layerwise_kernel
from theorems.evidence import badges
from theorems.evidence import file as evidence

pytest_plugins = "pytester"

OUTPUTS = ("json = e.json", "html = r.html", "badges = b", "markdown = s.md")


@pytest.fixture
def whole(pytester, catalogue):
    """A repository in which all claims have run, with everything that a run leaves."""
    catalogue(HOLDS, OTHER)
    outputs = "\n".join(f"theorems_{line}" for line in OUTPUTS)
    pytester.makeini(f"[pytest]\ntheorems = true\ntheorems_examples = 2\n{outputs}\n")
    pytester.makepyfile(test_mine="def test_mine(): pass\ndef test_other(): pass\n")
    pytester.runpytest_inprocess("-p", "no:benchmark").assert_outcomes(passed=4)
    assert badge(pytester, "theorems") == ("all 2 hold, proved", badges.GREENS["PROVED"])
    return pytester


def badge(pytester, name, folder="b"):
    content = json.loads((pytester.path / folder / f"{name}.json").read_text())
    return content["message"], content["color"]


def left(pytester):
    """Everything that a run leaves, byte by byte."""
    files = [pytester.path / name for name in ("e.json", "r.html", "s.md")] + list(
        (pytester.path / "b").iterdir()
    )
    return {str(file): file.read_bytes() for file in files}


NOTHING = {
    "one test file": ["test_mine.py"],
    "one test": ["test_mine.py::test_mine"],
    "-k": ["-k", "test_mine"],
    "-m": ["-m", "not claim"],
    "--collect-only": ["--collect-only"],
    "--no-theorems": ["--no-theorems"],
    "--deselect": [
        "--deselect",
        "theorems::gram_flow",
        "--deselect",
        "theorems::feature_learning_equation",
    ],
    "on workers": ["-k", "test_mine", "-n", "1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("narrowing", NOTHING)
def test_where_no_claim_runs_nothing_is_written(whole, narrowing):
    before = left(whole)
    result = whole.runpytest_inprocess("-p", "no:benchmark", *NOTHING[narrowing])
    assert result.ret == 0
    assert left(whole) == before
    if "--collect-only" not in NOTHING[narrowing] and "--no-theorems" not in NOTHING[narrowing]:
        result.stdout.fnmatch_lines(
            [
                (
                    "no claim was tried: nothing is written, e.json and r.html and b and s.md "
                    "are as before"
                )
            ]
        )


PARTS = {
    "-k": ["-k", "gram_flow"],
    "a node id": ["theorems::gram_flow"],
    "--claim": ["--claim", "gram_flow"],
    "--deselect": ["--deselect", "theorems::feature_learning_equation"],
    "on workers": ["-k", "gram_flow", "-n", "1"],
    "a node id on workers": ["theorems::gram_flow", "-n", "1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("narrowing", PARTS)
def test_a_part_joins_the_last_whole_run_and_says_so(whole, narrowing):
    before = evidence.read(whole.path / "e.json")
    result = whole.runpytest_inprocess("-p", "no:benchmark", *PARTS[narrowing])
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            (
                "partial run (narrowed): 1 of 2 claims tried; 1 entries are kept from the run of "
                f"{before['started']}"
            ),
            "wrote e.json",
        ]
    )
    after = evidence.read(whole.path / "e.json")
    assert after["partial"] == {"reason": "narrowed", "judged": 1, "of": 2, "kept": 1}
    entries = {entry["name"]: entry for entry in after["claims"]}
    assert [entry["outcome"] for entry in entries.values()] == ["HOLDS", "HOLDS"]
    assert entries["feature_learning_equation"]["kept_from"] == before["started"]
    assert "kept_from" not in entries["gram_flow"]
    assert badge(whole, "theorems")[0] == "all 2 hold, proved"
    assert "partial run (narrowed)" in (whole.path / "r.html").read_text()
    assert "partial run (narrowed)" in (whole.path / "s.md").read_text()


@pytest.mark.slow
def test_last_failed_joins_too(whole, catalogue):
    catalogue(HOLDS, quick(OTHER, predict=lambda layer: OTHER.predict(layer) * 2, changes={}))
    whole.runpytest_inprocess("-p", "no:benchmark").assert_outcomes(passed=3, failed=1)
    whole.runpytest_inprocess("-p", "no:benchmark", "--lf").assert_outcomes(failed=1, deselected=3)
    outcomes = [entry["outcome"] for entry in evidence.read(whole.path / "e.json")["claims"]]
    assert outcomes == ["HOLDS", "REFUTED"]


@pytest.mark.slow
def test_a_part_of_another_kind_leaves_everything_alone(whole):
    before = left(whole)
    result = whole.runpytest_inprocess(
        "-p", "no:benchmark", "-k", "gram_flow", "--theorems-seed", "9"
    )
    assert left(whole) == before
    result.stdout.fnmatch_lines(
        [
            (
                "left e.json and r.html and b and s.md are as before, since this run is a "
                "part: e.json is of a run with other seed"
            )
        ]
    )


@pytest.mark.slow
def test_a_part_without_an_evidence_file_leaves_report_and_badges_alone(whole):
    whole.makeini(
        "[pytest]\ntheorems = true\ntheorems_examples = 2\ntheorems_html = "
        "r.html\ntheorems_badges = b\n"
    )
    before = left(whole)
    result = whole.runpytest_inprocess("-p", "no:benchmark", "-k", "gram_flow")
    assert left(whole) == before
    result.stdout.fnmatch_lines(
        ["left r.html and b are as before, since this run is a part: no evidence file*"]
    )


@pytest.mark.slow
def test_a_share_is_never_the_greenest(pytester, catalogue):
    catalogue(HOLDS, OTHER)
    pytester.runpytest_inprocess(
        "-p", "no:benchmark", "--theorems", "--theorems-badges", "b", "-k", "gram_flow"
    )
    assert badge(pytester, "theorems") == ("1 of 2 hold, proved", badges.SHARE)
    assert badge(pytester, "gram_flow") == ("holds, proved", badges.GREENS["PROVED"])
    assert badges.SHARE not in badges.GREENS.values()


@pytest.mark.slow
def test_two_named_claims_make_few_badges(pytester, catalogue):
    catalogue(HOLDS, OTHER, quick(layerwise_kernel), quick(kernel_cut_identity))
    named = ("--claim", "gram_flow", "--claim", "feature_learning_equation")
    pytester.runpytest_inprocess(
        "-p", "no:benchmark", *named, "--theorems-badges", "b"
    ).assert_outcomes(passed=2)
    names = {file.stem for file in (pytester.path / "b").iterdir()}
    assert names == {"theorems", "arxiv-2605.06258", "gram_flow", "feature_learning_equation"}
    assert badge(pytester, "theorems") == ("all 2 hold, proved", badges.GREENS["PROVED"])


ADDOPTS = "[pytest]\naddopts = --theorems --theorems-badges=b\ntheorems_examples = 2\n"


@pytest.mark.slow
def test_options_in_addopts_mean_the_same(pytester, catalogue):
    """One test file is one test file; a folder, or no path, is the repository."""
    catalogue(HOLDS, OTHER)
    pytester.makeini(ADDOPTS)
    pytester.makepyfile(test_mine="def test_mine(): pass")
    for arguments, passed in (
        ([], 3),
        (["."], 3),
        (["test_mine.py"], 1),
        (["test_mine.py", "--theorems"], 3),
    ):
        pytester.runpytest_inprocess("-p", "no:benchmark", *arguments).assert_outcomes(
            passed=passed
        )


@pytest.mark.slow
def test_tests_that_are_tied_to_claims_are_a_whole_of_their_own(pytester):
    pytester.makepyfile("""
        import pytest, inner
        from theorems import gram_flow, feature_learning_equation
        @pytest.mark.claim("gram_flow")
        def test_one(): assert gram_flow(inner.LAYER)
        @pytest.mark.claim("feature_learning_equation")
        def test_two(): assert feature_learning_equation(inner.LAYER)
    """)
    arguments = ("-p", "no:benchmark", "--theorems-json", "e.json", "--theorems-badges", "b")
    pytester.runpytest_inprocess(*arguments).assert_outcomes(passed=2)
    assert badge(pytester, "theorems")[0].startswith("all 2 hold")
    assert "partial" not in evidence.read(pytester.path / "e.json")
    assert len(list((pytester.path / "b").iterdir())) == 8
    pytester.runpytest_inprocess(*arguments, "-k", "one").assert_outcomes(passed=1, deselected=1)
    assert badge(pytester, "theorems")[0].startswith("all 2 hold")
    assert evidence.read(pytester.path / "e.json")["partial"]["kept"] == 1


@pytest.mark.slow
def test_a_session_that_is_cut_short_destroys_nothing(whole):
    before = left(whole)
    whole.makepyfile(test_mine="import pytest\ndef test_mine(): pytest.exit('enough')")
    whole.runpytest_inprocess("-p", "no:benchmark")
    assert left(whole) == before


@pytest.mark.slow
@pytest.mark.parametrize("leave", ["sys.exit(0)", "os._exit(0)"])
def test_a_claim_that_leaves_fails(pytester, leave):
    pytester.makepyfile(
        mine=f"""
        import os, sys
        from impl import LayerTrace, Operand, strategies
        from theorems import equals
        @equals(observed=lambda i: i.weight, on=strategies.layer_traces)
        def leaves(i: LayerTrace) -> Operand:
            "It leaves."
            {leave}
        def made():
            {leave}
    """
    )
    result = pytester.runpytest_subprocess(
        "--claim", "mine.py:leaves", "--theorems-json", "e.json", "-p", "no:benchmark"
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"expected leaves to be *{leave.split('(')[0]}*"])
    (entry,) = [
        entry
        for entry in evidence.read(pytester.path / "e.json")["claims"]
        if entry["name"] == "leaves"
    ]
    assert entry["error"]
    result = pytester.runpytest_subprocess("--theorems-model", "mine.py:made", "-p", "no:benchmark")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.slow
def test_a_disk_that_is_full_is_one_line(whole, monkeypatch):
    before = left(whole)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("theorems.files._put", full)
    result = whole.runpytest_inprocess("-p", "no:benchmark")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        ["theorems: expected *e.json* to be written, but No space left on device*"]
    )
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    assert left(whole) == before


def test_what_a_message_holds_is_shown_and_not_sent(pytester, catalogue):
    def broken(_):
        raise ValueError("\x1b[2J\x07gone")

    catalogue(quick(HOLDS, observe=broken))
    result = pytester.runpytest_inprocess("-p", "no:benchmark", "--theorems")
    result.assert_outcomes(failed=1)
    assert "\\x1b[2J\\x07gone" in result.stdout.str()
    assert "\x1b[2J" not in result.stdout.str()
