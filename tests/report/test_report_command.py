"""The command that makes the report: what it writes, and mistakes in one line."""

import json
import sys

import pytest
from evidences import catalogue

from theorems.cli import main
from theorems.evidence import file as evidence
from theorems.report import page, render
from theorems.report.evidence import Run
from theorems.report.statements import statement


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["theorems", "report", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return exit_.value.code or 0, capsys.readouterr()

    return call


@pytest.mark.slow
def test_the_command_writes_the_page(run, tmp_path):
    file, target = tmp_path / "evidence.json", tmp_path / "page.html"
    file.write_text(json.dumps(catalogue()))
    code, seen = run(file, "-o", target, "--no-pictures")
    assert (code, seen.out.split()) == (0, ["wrote", *str(target).split()])
    assert target.read_text() == render(catalogue())


@pytest.mark.slow
def test_the_command_draws_the_pictures_of_the_papers_in_the_file(run, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    def dot(seed):
        """A dot."""
        figure = Figure()
        figure.subplots().plot([seed], [0])
        return figure

    monkeypatch.setattr(
        "theorems.pictures.BY_PAPER", {"2605.06258": {"dot": dot}, "0000.00000": {"never": None}}
    )
    file, target = tmp_path / "evidence.json", tmp_path / "page.html"
    file.write_text(json.dumps(catalogue()))
    assert run(file, "-o", target)[0] == 0
    html = target.read_text()
    assert html.count("data:image/svg+xml") == 1
    assert "theorems plot dot" in html
    run(file, "-o", target)
    assert target.read_text() == html


@pytest.mark.slow
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


@pytest.fixture
def check(monkeypatch, tmp_path, capsys):
    """``theorems check`` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["theorems", "check", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return exit_.value.code or 0, capsys.readouterr().err

    return call


NET = """
import torch
def net():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    return model, torch.randn(9, 4), torch.arange(9) % 2, torch.nn.functional.cross_entropy
"""


@pytest.mark.slow
@pytest.mark.parametrize("model", [False, True])
def test_check_writes_the_page_of_its_evidence(check, tmp_path, model):
    (tmp_path / "net.py").write_text(NET)
    how = ["--model", "net.py:net", "--decay", "0.25", "--batch-size", "3", "--double"]
    code, err = check(
        "gram_flow",
        *(how if model else ["--examples", "2"]),
        "--html",
        "r.html",
        "--json",
        "e.json",
    )
    assert code == 0, err
    written = evidence.read(tmp_path / "e.json")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == render(written)
    assert written.get("model") == (
        {
            "factory": "net.py:net",
            "decay": 0.25,
            "batch_size": 3,
            "double": True,
            "layers": {"of": 2, "seen": 2, "unseen": {}},
        }
        if model
        else None
    )
    again = Run(written).command(Run(written).claims[0]).split()
    assert again == [
        "theorems",
        "check",
        "gram_flow",
        "--seed",
        "0",
        *(how if model else ["--examples", again[-1]]),
    ]
    (tmp_path / "e.json").unlink()
    assert (
        check("gram_flow", *(how if model else ["--examples", "2"]), "--html", "only.html")[0] == 0
    )
    assert not (tmp_path / "e.json").exists()
    assert "gram_flow" in (tmp_path / "only.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("html", "package", "message"),
    [
        ("no/r.html", None, "expected --html in an existing folder"),
        (".", None, "expected --html to be a file"),
        ("r.html", "jinja2", "needs jinja2"),
        ("r.html", "math_core", "needs math_core"),
    ],
)
@pytest.mark.parametrize("how", [("--examples", "1"), ("--model", "net.py:net")])
def test_a_page_that_cannot_be_written_is_refused_before_any_work(
    check, monkeypatch, html, package, message, how
):
    def work(*_, **__):
        raise AssertionError("somebody worked")

    monkeypatch.setattr("theorems.checking.check.check", work)
    monkeypatch.setattr("theorems.own.models.load", work)
    if package is not None:
        page._environment.cache_clear()
        statement.cache_clear()
        monkeypatch.setitem(sys.modules, package, None)
    code, err = check("gram_flow", *how, "--html", html)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
