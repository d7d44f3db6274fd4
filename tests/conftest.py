"""What tests of the command share."""

import pytest

from theorems.cli import main


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command as a user does, in an empty folder; give exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["theorems", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        seen = capsys.readouterr()
        return exit_.value.code or 0, seen.out, seen.err

    return call
