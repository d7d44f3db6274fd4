"""What tests share: the command as a user runs it, and pytest inside pytest."""

import sys

import pytest
from _pytest.pytester import SysModulesSnapshot

from theorems.cli import main
from theorems.evidence import file as evidence


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


@pytest.fixture(autouse=True)
def remember(request, monkeypatch):
    """Pytester forgets what an inner run imported first; torch cannot be imported twice."""
    if "pytester" not in request.fixturenames:
        return

    def ours(name):
        return "pytest-of-" not in str(getattr(sys.modules.get(name), "__file__", ""))

    monkeypatch.setattr("_pytest.pytester.SysModulesSnapshot", lambda preserve=None: SysModulesSnapshot(preserve=ours))


@pytest.fixture
def catalogue(monkeypatch):
    """Replace the catalogue."""

    def change(*claims):
        monkeypatch.setattr("theorems.catalogue.CLAIMS", claims)

    return change


@pytest.fixture
def evidence_of(pytester):
    """Run pytest in an empty folder; give the result and the claims of its evidence file by name."""

    def call(*arguments):
        result = pytester.runpytest_inprocess("--theorems-json", "e.json", "-p", "no:benchmark", *arguments)
        return result, {entry["name"]: entry for entry in evidence.read(pytester.path / "e.json")["claims"]}

    return call
