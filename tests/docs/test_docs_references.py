"""Every option and every field of the evidence file is in the documentation, with an explanation;
the tutorial's files run.
"""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from theorems.cli import app

pytest.importorskip("sphinx")
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def extensions(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))


def test_every_option_of_every_command_is_explained():
    from options_page import commands

    found = commands()
    group = get_command(app)
    assert set(found) == {"theorems"} | {f"theorems {name}" for name in group.commands}
    for name, command in group.commands.items():
        about, options = found[f"theorems {name}"]
        assert about
        spelled = " ".join(words for words, _ in options)
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert all(word in spelled.replace(",", " ").split() for word in parameter.opts)
        assert all(text for _, text in options), name


def test_every_field_of_the_evidence_is_explained():
    from evidence_page import fields

    found = fields()
    assert len(found) > 90
    assert [path for path, _, _, meaning in found if not meaning] == []
    assert {"seed", "model.factory", "claims[].mutants.each[].power"} <= {
        path for path, *_ in found
    }


@pytest.mark.slow
def test_what_the_tutorial_writes_does_what_it_says(run, tmp_path):
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    network, bug, claim = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "mine.py").write_text(f"{network}\n\n{bug}", encoding="utf-8")
    (tmp_path / "scaling.py").write_text(claim, encoding="utf-8")
    assert run("check", "gram_flow", "--model", "mine.py:network")[0] == 0
    code, out, _ = run("check", "autograd_gives_the_gradient", "--model", "mine.py:broken")
    assert code == 1
    assert "in the backward pass of 1" in " ".join(out.split())
    assert run("check", "scaling.py", "--examples", 20)[0] == 0
    assert run("check", "scaling.py", "--model", "mine.py:network")[0] == 0
    (tmp_path / "scaling.py").write_text(
        claim.replace("layer.weight_grad", "layer.weight"), encoding="utf-8"
    )
    assert run("check", "scaling.py", "--examples", 20)[0] == 1
