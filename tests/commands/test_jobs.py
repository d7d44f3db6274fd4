"""Several processes leave what one leaves: the same evidence, the same lines, errors and interrupts
included.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from theorems.commands import workers
from theorems.commands.apart import longest_first
from theorems.evidence import file as evidence

MINE = """
import os, time
from impl import LayerTrace, Operand, strategies
from theorems import equals

def weight(i: LayerTrace) -> Operand:
    return i.weight

@equals(observed=weight, on=strategies.layer_traces)
def first(i: LayerTrace) -> Operand:
    "W is W."
    return i.weight

@equals(observed=weight, on=strategies.layer_traces, mutants={})
def second(i: LayerTrace) -> Operand:
    "W is twice W."
    return 2 * i.weight

@equals(observed=weight, on=strategies.layer_traces, mutants={})
def third(i: LayerTrace) -> Operand:
    "This one does what it should not."
    BODY
    return i.weight
"""


@pytest.fixture
def command(tmp_path):
    """Start the command in a folder with a file of three claims."""

    def start(body, *arguments):
        (tmp_path / "mine.py").write_text(MINE.replace("BODY", body))
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "theorems", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


def told(path):
    """An evidence file without its times."""
    content = evidence.read(path)
    for entry in content["claims"]:
        del entry["seconds"]
    return {key: value for key, value in content.items() if key not in ("started", "finished")}


@pytest.mark.slow
def test_two_processes_leave_the_evidence_of_one(command, tmp_path):
    found = {}
    for jobs in (1, 2):
        running = command(
            "raise ZeroDivisionError('because')",
            "check",
            "mine.py",
            "kernel_ode",
            "--examples",
            4,
            "--verbose",
            "--jobs",
            jobs,
            "--json",
            f"{jobs}.json",
        )
        out, err = running.communicate(timeout=300)
        found[jobs] = (
            running.returncode,
            [line.rstrip("0123456789. ") for line in out.splitlines()],
            err,
        )
    assert found[1] == found[2]
    assert found[1][0] == 1
    assert "ZeroDivisionError: because" in found[1][2]
    assert told(tmp_path / "1.json") == told(tmp_path / "2.json")
    outcomes = [entry["outcome"] for entry in told(tmp_path / "1.json")["claims"]]
    assert outcomes == ["HOLDS", "REFUTED", None, "HOLDS"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("falsify", ["--examples", 8]),
        ("audit", ["--examples", 25]),
        ("plant", ["--examples", 5, "--sample", 3]),
    ],
)
def test_the_other_searches_leave_the_same_too(command, tmp_path, verb, options):
    found = {}
    for jobs in (1, 2):
        files = {
            "falsify": ["--json", f"{jobs}.json"],
            "audit": ["--json", f"{jobs}.json"],
            "plant": ["--table", f"{jobs}.md"],
        }
        running = command(
            "raise ZeroDivisionError('because')",
            verb,
            "mine.py",
            *options,
            "--jobs",
            jobs,
            *files[verb],
        )
        out, err = running.communicate(timeout=300)
        lines = [
            line
            for line in out.splitlines()
            if " s: random" not in line and not line.startswith("falsify")
        ]
        found[jobs] = running.returncode, lines, err
    assert found[1] == found[2]
    if verb == "falsify":
        assert told(tmp_path / "1.json") == told(tmp_path / "2.json")
    elif verb == "audit":
        assert (tmp_path / "1.json").read_text() == (tmp_path / "2.json").read_text()
    else:
        assert (tmp_path / "1.md").read_text() == (tmp_path / "2.md").read_text()


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_finished_and_leaves_no_process(command, tmp_path):
    body = "open(f'at{os.getpid()}', 'w').close(); time.sleep(60)"
    running = command(body, "check", "mine.py", "--examples", 3, "--jobs", 2, "--json", "e.json")
    until = time.monotonic() + 200
    while time.monotonic() < until and not (
        list(tmp_path.glob("at*")) and list(tmp_path.glob("counterexamples/*.py"))
    ):
        time.sleep(0.1)
    time.sleep(1)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=100)
    assert running.returncode == 130, err
    assert "Traceback" not in err
    written = evidence.read(tmp_path / "e.json")
    assert written["partial"]["judged"] >= 1
    assert written["claims"][2]["outcome"] is None
    (worker,) = {int(path.name.removeprefix("at")) for path in tmp_path.glob("at*")}
    assert not Path(f"/proc/{worker}").exists()


@pytest.mark.slow
def test_a_process_that_is_killed_is_an_error_of_its_claim(command, tmp_path):
    body = "import ctypes; ctypes.string_at(0)"  # a crash in compiled code
    running = command(
        body,
        "check",
        "mine.py:first",
        "mine.py:third",
        "--examples",
        3,
        "--jobs",
        2,
        "--json",
        "e.json",
    )
    _, err = running.communicate(timeout=300)
    assert running.returncode == 2
    assert "expected third to be judged, but the process that did ended without a word" in err
    first, third = json.loads((tmp_path / "e.json").read_text())["claims"]
    assert first["outcome"] == "HOLDS", "another one had another try"
    assert third["outcome"] is None
    assert "judge it with --jobs 1" in third["error"]


def test_without_a_socket_processes_are_spawned(monkeypatch):
    """Where the folder for temporary files has a long name, a socket has none."""

    def refuse():
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr(workers.forkserver, "ensure_running", refuse)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert workers.context().get_start_method() == "spawn"
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_a_fork_server_starts_with_one_thread(monkeypatch):
    seen = []
    monkeypatch.setattr(workers, "_SERVED", True)
    monkeypatch.setattr(
        workers.forkserver, "ensure_running", lambda: seen.append(os.environ["OMP_NUM_THREADS"])
    )
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert workers.context().get_start_method() == "forkserver"
    assert seen == ["1"]
    assert "OMP_NUM_THREADS" not in os.environ
    workers.start_early(1, 10_000)
    workers.start_early(None, 10)
    assert seen == ["1"], "one process needs none"
    workers.start_early(2, 10)
    assert seen == ["1", "1"]


def test_what_the_fork_server_imports_is_there():
    """A name that is not is passed over without a word, and every process imports it again."""
    assert all(importlib.util.find_spec(name) is not None for name in workers._LOADED)


def test_how_many_processes():
    assert workers.processes(None, 69, 100) == 1, (
        "a few instances are judged sooner than a process starts"
    )
    assert workers.processes(None, 69, 6_900) == min(69, workers.cores())
    assert workers.processes(8, 3, 10) == 3
    assert workers.processes(1, 69, 6_900) == 1


def test_the_longest_come_first():
    from theorems import CLAIMS

    order = longest_first(CLAIMS)
    assert sorted(order) == list(range(len(CLAIMS)))
    kinds = [type(CLAIMS[at].relation).__name__ for at in order]
    assert set(kinds[: kinds.count("TendsTo")]) == {"TendsTo"}, "whole trainings, a minute each"
    assert kinds[kinds.count("TendsTo")] == "SubGammaMean"
