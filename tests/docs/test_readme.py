"""README keeps its promises: the claims that it lists, and the Python that it shows."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from theorems import CLAIMS, PAPERS, Outcome
from theorems.checking.check import check
from theorems.cli import _COMMANDS
from theorems.pytest_plugin.options import TEXTS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


DOCS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}


def test_every_paper_is_listed_with_its_claims():
    section = README.split("## Claims")[1].split("## Speed")[0]
    listed = re.findall(
        r"abs/([\d.]+)\) \(\[statements\]\(docs/papers/([\d.]+)\.rst\)\) \| (\d+) \|", section
    )
    assert [(arxiv, int(count)) for arxiv, _, count in listed] == [
        (paper.arxiv, sum(claim.source.arxiv == paper.arxiv for claim in CLAIMS))
        for paper in PAPERS
    ]


def test_it_can_be_read_in_one_go_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= 200
    for page in ("README", "CONTRIBUTING", "ARCHITECTURE", "SECURITY"):
        text = (ROOT / f"{page}.md").read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([\w./-]+?)(?:#[\w-]+)?\)", text):
            assert (ROOT / link).exists(), (page, link)


def test_every_command_is_listed():
    section = README.split("## The command")[1].split("## Would")[0]
    assert set(re.findall(r"`theorems (\w+)", section)) == set(_COMMANDS)


@pytest.mark.slow
def test_three_lines_give_a_check_a_report_and_a_badge(tmp_path):
    """In an empty repository where the package is installed."""
    pytest.importorskip("theorems.report")
    lines = re.search(r"<!-- three lines -->\n```ini\n(.*?)```", README, re.DOTALL)[1]
    assert len(lines.splitlines()) == 3
    (tmp_path / "pytest.ini").write_text(lines)
    done = subprocess.run(
        [sys.executable, "-m", "pytest"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    report = (tmp_path / "theory.html").read_text(encoding="utf-8")
    for name in ("feature_learning_equation", "gram_flow"):
        assert name in report
        assert (
            json.loads((tmp_path / "badges" / f"{name}.json").read_text())["message"]
            == "holds, proved"
        )
        assert "holds, proved" in (tmp_path / "badges" / f"{name}.svg").read_text()


def test_every_option_of_the_plugin_is_listed():
    section = DOCS["repository.md"]
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


PAGES = {"README.md": README} | {
    name: DOCS[name] for name in ("green.md", "network.md", "repository.md")
}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_its_python_runs(page, capsys):
    import torch

    torch.manual_seed(0)
    blocks = re.findall(r"```python\n(.*?)```", PAGES[page], re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})
    assert page != "README.md" or "Outcome.HOLDS" in capsys.readouterr().out


def test_the_example_of_a_contribution_is_a_claim_that_holds():
    (block,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL
    )
    names = {}
    exec(block, names)
    found = check(names["weights_scale_like_inputs"], examples=20, seed=0)
    assert found.outcome is Outcome.HOLDS
    assert (found.mutants, found.survivors) == (2, [])
