"""No stack trace for any mistake: one line that says what came and what was wanted, exit code 2."""

import pytest

from tests.foreign.mistakes import MISTAKES
from theorems.cli import main


@pytest.fixture
def check(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["theorems", "check", "gram_flow", "--model", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        seen = capsys.readouterr()
        return exit_.value.code, seen.out + seen.err

    return call


def assert_one_line(code, said, *wanted):
    assert code == 2, said
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("seed ")]
    assert lines[0].startswith("error:"), said
    assert len(lines) == 1, said
    for part in wanted:
        assert part in said


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:torch.quantize", "ignore:`torch.jit.script` is deprecated", "ignore::DeprecationWarning"
)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_line_for_every_mistake(check, monkeypatch, mistake):
    factory, wanted = MISTAKES[mistake]
    monkeypatch.setattr("tests.foreign.mistakes.mistaken", factory, raising=False)
    assert_one_line(*check("tests.foreign.mistakes:mistaken"), wanted)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("tests.foreign.mistakes:nett", "did you mean net?"),
        ("tests.foreign.mistakes:X", "got Tensor"),
        ("tests.foreign.mistakes:Calls", "got the class of a module"),
        ("tests.foreign.mistakes", "FILE.py:FACTORY"),
        ("tests.foreign.nothing:net", "ModuleNotFoundError"),
        ("nothing.py:net", "existing file"),
        (":", "FILE.py:FACTORY"),
    ],
)
def test_one_line_for_every_wrong_name(check, spec, wanted):
    assert_one_line(*check(spec), wanted)


@pytest.mark.parametrize(
    "source", ["1 / 0", "def net(:", "raise SystemExit(7)", "import nothing_of_that_name"]
)
def test_one_line_for_a_file_that_fails(check, tmp_path, source):
    file = tmp_path / "mine.py"
    file.write_text(source)
    assert_one_line(*check(f"{file}:net"), "to import")


@pytest.mark.parametrize(
    "option", [("--threads", "0"), ("--batch-size", "-3"), ("--decay", "much")]
)
def test_wrong_options(check, option):
    code, said = check("tests.foreign.mistakes:net", *option)
    assert code == 2
    assert "Traceback" not in said
