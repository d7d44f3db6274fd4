"""README keeps its promises: the claims that it lists, and the Python that it shows."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from theorems import CLAIMS, PAPERS
from theorems.pytest_plugin.options import TEXTS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_claim_is_listed_and_no_other():
    section = README.split("## Claims")[1].split("## Speed")[0]
    assert re.findall(r"\| `(\w+)` \|", section) == [claim.name for claim in CLAIMS]


def test_three_lines_give_a_check_a_report_and_a_badge(tmp_path):
    """In an empty repository where the package is installed."""
    pytest.importorskip("theorems.report")
    lines = re.search(r"<!-- three lines -->\n```ini\n(.*?)```", README, re.DOTALL)[1]
    assert len(lines.splitlines()) == 3
    (tmp_path / "pytest.ini").write_text(lines)
    done = subprocess.run([sys.executable, "-m", "pytest"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    report = (tmp_path / "theory.html").read_text(encoding="utf-8")
    for name in ("feature_learning_equation", "gram_flow"):
        assert name in report
        assert json.loads((tmp_path / "badges" / f"{name}.json").read_text())["message"] == "holds, proved"
        assert "holds, proved" in (tmp_path / "badges" / f"{name}.svg").read_text()


def test_every_option_of_the_plugin_is_listed():
    section = README.split("## In your repository")[1].split("## The command")[0]
    options = {"--theorems", "--claim", *(f"--theorems-{name.replace('_', '-')}" for name in TEXTS)}
    assert options <= set(re.findall(r"`(--[a-z-]+)", section.replace(", `", "`, `")))
    assert all(f"`theorems_{name}" in section for name in (*TEXTS, "claims"))


def test_its_badges_are_there_and_of_a_run_that_came_out_as_expected():
    shown = re.findall(r"\]\((badges/[\w.-]+\.svg)\)", README)
    assert len(shown) == 1 + len(PAPERS)
    for file in shown:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert "refuted<" not in text
        assert "not run" not in text


def test_its_python_runs(capsys):
    import torch

    torch.manual_seed(0)
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(block, {})
    assert "Outcome.HOLDS" in capsys.readouterr().out
