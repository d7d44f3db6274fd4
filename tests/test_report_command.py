"""The command that makes the report: what it writes, and mistakes in one line."""

import json

import pytest
from evidences import catalogue

from theorems.cli import main
from theorems.report import render


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["theorems", "report", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return exit_.value.code or 0, capsys.readouterr()

    return call


def test_the_command_writes_the_page(run, tmp_path):
    file, target = tmp_path / "evidence.json", tmp_path / "page.html"
    file.write_text(json.dumps(catalogue()))
    code, seen = run(file, "-o", target, "--no-pictures")
    assert (code, seen.out.split()) == (0, ["wrote", *str(target).split()])
    assert target.read_text() == render(catalogue())


def test_the_command_draws_the_pictures_of_the_papers_in_the_file(run, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def dot(seed):
        """A dot."""
        figure = Figure()
        figure.subplots().plot([seed], [0])
        return figure

    monkeypatch.setattr("theorems.pictures.BY_PAPER", {"2605.06258": {"dot": dot}, "0000.00000": {"never": None}})
    file, target = tmp_path / "evidence.json", tmp_path / "page.html"
    file.write_text(json.dumps(catalogue()))
    assert run(file, "-o", target)[0] == 0
    html = target.read_text()
    assert html.count("data:image/svg+xml") == 1
    assert "theorems plot dot" in html
    run(file, "-o", target)
    assert target.read_text() == html


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, (), "expected an evidence file"),
        ("no json", (), "expected JSON"),
        (b"\xff\xfe", (), "expected JSON"),
        ("[]", (), "expected the evidence file to be an object"),
        ('{"schema": 1}', (), "field 'seed'"),
        ("{}", ("-o", "missing/page.html"), "existing folder"),
    ],
)
def test_mistakes_are_one_line(run, tmp_path, monkeypatch, content, arguments, message):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "e.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, seen = run(file, *arguments)
    assert code == 2
    assert message in seen.err
    assert "Traceback" not in seen.err
