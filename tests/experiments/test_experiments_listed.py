"""Lists know the experiments, of a file that says what they say; and a run of some of them leaves
the others in the evidence as they were.
"""

import json
import subprocess
import sys

import pytest

from theorems.evidence import contents
from theorems.evidence import file as evidence
from theorems.experiments import EXPERIMENTS
from theorems.experiments.contents import document
from theorems.experiments.experiment import ALARM

AGAIN = "python -m theorems.experiments.contents"


def test_the_file_says_what_the_experiments_say():
    kept = json.loads(contents.EXPERIMENTS_FILE.read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(document())), f"write it again: {AGAIN}"
    assert contents.listed_experiments() == kept["experiments"]


def test_sources_that_have_changed_are_believed(monkeypatch, tmp_path, run):
    monkeypatch.setattr(contents, "EXPERIMENTS_FILE", tmp_path / "contents.json")
    contents.EXPERIMENTS_FILE.write_text(json.dumps({"sources": {}, "experiments": []}))
    assert contents.listed_experiments() is None
    code, out, _ = run("list", "--experiments", "linearity_rises*")
    assert code == 0
    assert "linearity_rises_with_grokking" in out


@pytest.mark.slow
def test_lists_of_experiments_import_no_torch():
    code = (
        "import sys\nfrom theorems.cli import main\n"
        "sys.argv = ['theorems', 'list', '--experiments']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('torch', 'numpy', 'scipy') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(one.name in done.stdout for one in EXPERIMENTS)


def test_list_and_show(run):
    code, out, _ = run("list", "--experiments", "--json")
    assert code == 0
    listed = json.loads(out)["experiments"]
    assert [one["name"] for one in listed] == [one.name for one in EXPERIMENTS]
    assert listed[0]["experiment"]["scales"]["smoke"]["replicates"] >= 14
    code, out, _ = run("show", "linearity_rises_with_grokking")
    assert code == 0
    for part in ("Effect:", "reported", "protocol", "test accuracy: 0.3", "no decay", "run it:"):
        assert part in out
    code, _, err = run("list", "--experiments", "linearity_rises_with_groking")
    assert code == 2
    assert "did you mean linearity_rises_with_grokking" in " ".join(err.split())
    code, out, _ = run("list")
    assert code == 0
    assert "linearity_rises_with_grokking" not in out


@pytest.mark.slow
def test_a_run_of_some_keeps_the_others(run, tmp_path):
    names = ("preconditioner_decides_which_cue_is_used", "top_eigenfunction_mixes*")
    for name in names:
        code, _, err = run(
            "experiment", name, "--scale", "smoke", "--jobs", "1", "--json", "e.json", "--merge"
        )
        assert code in (0, 3), err
    written = evidence.read(tmp_path / "e.json")
    assert [entry["name"] for entry in written["claims"]] == [one.name for one in EXPERIMENTS]
    judged = {e["name"]: e for e in written["claims"] if e["outcome"] is not None}
    assert list(judged) == [names[0], "top_eigenfunction_mixes_the_quadratic_harmonic"]
    assert "kept_from" in judged[names[0]]
    assert written["false_alarm"] == pytest.approx(2 * ALARM)
    code, _, err = run("experiment", names[0], "--merge")
    assert code == 2
    assert "expected --json FILE for --merge" in err
