"""Run the tests of many mutants from one interpreter that has loaded torch already: a fork and a
copy of the source for each.
"""

from __future__ import annotations

import compileall
import difflib
import importlib
import os
import py_compile
import signal
import sys
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cosmic_ray.plugins
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkResult
from mutation_tests import PROFILE, Reached

LOADED = (
    "torch",
    "scipy.stats",
    "scipy.linalg",
    "hypothesis",
    "flint",
    "pytest",
    "rich.table",
    "typer.testing",
    "jsonschema",
)
"""Loaded before the first fork; nothing of `theorems` or `impl` may be."""


@dataclass
class _Running:
    job: str
    copy: Path
    path: Path
    source: str
    diff: str
    tests: list[str]
    until: float


class Forks:
    """One copy of the working tree per process."""

    def __init__(self, copies: list[Path], reached: Reached, budget: float) -> None:
        """``budget``: seconds of tests per mutant, as they took when they were measured."""
        self.free, self.busy = list(copies), {}
        self._reached, self._budget = reached, budget
        self._done: list[tuple[str, WorkResult]] = []
        for name in LOADED:
            importlib.import_module(name)
        stale = [name for name in sys.modules if name.split(".")[0] in ("theorems", "impl")]
        for name in stale:  # the population was found with the unchanged ones
            del sys.modules[name]
        for (
            copy
        ) in copies:  # by hash: a change in the same second and of the same size must be seen
            for root in ("theorems", "impl"):
                compileall.compile_dir(
                    copy / root,
                    quiet=1,
                    invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
                )

    def sound(self, paths: Iterable[str]) -> bool:
        """Whether unchanged code passes, in a fork and a copy like those of the mutants: the
        quickest tests of every file in ``paths``.
        """
        tests = sorted({name for path in paths for name in self._reached.tests(path, 0, 0.0)})
        pid = os.fork()
        if pid == 0:
            _child(self.free[-1], tests)
        _, status = os.waitpid(pid, 0)
        return bool(tests) and os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0

    def start(self, job: str, spec: MutationSpec) -> None:
        """Change one copy and let a fork run the tests that reach the line."""
        operator = cosmic_ray.plugins.get_operator(spec.operator_name)(**spec.operator_args)
        copy = self.free[-1]
        path = copy / spec.module_path
        source = path.read_text(encoding="utf-8")
        changed = mutate_code(source, operator, spec.occurrence)
        if changed is None or changed == source:
            self._done.append((job, WorkResult(WorkerOutcome.NO_TEST, output="no change")))
            return
        diff = "\n".join(difflib.unified_diff(source.split("\n"), changed.split("\n"), lineterm=""))
        tests = self._reached.tests(str(spec.module_path), spec.start_pos[0], self._budget)
        if not tests:
            self._done.append(
                (
                    job,
                    WorkResult(
                        WorkerOutcome.NORMAL, "no test reaches it", TestOutcome.SURVIVED, diff
                    ),
                )
            )
            return
        self.free.pop()
        path.write_text(changed, encoding="utf-8")
        until = time.monotonic() + 60 + 4 * self._reached.seconds(tests)
        pid = os.fork()
        if pid == 0:
            _child(copy, tests)
        self.busy[pid] = _Running(job, copy, path, source, diff, tests, until)

    def wait(self) -> list[tuple[str, WorkResult]]:
        """What has finished; at least one if any runs."""
        while self.busy and not self._done:
            time.sleep(0.05)
            for pid in list(self.busy):
                ended, status = os.waitpid(pid, os.WNOHANG)
                late = time.monotonic() > self.busy[pid].until
                if not ended and late:
                    os.killpg(pid, signal.SIGKILL)
                    _, status = os.waitpid(pid, 0)
                if ended or late:
                    self._finish(self.busy.pop(pid), status, late=late and not ended)
        done, self._done = self._done, []
        return done

    def _finish(self, run: _Running, status: int, *, late: bool) -> None:
        run.path.write_text(run.source, encoding="utf-8")
        self.free.append(run.copy)
        survived = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
        outcome = TestOutcome.SURVIVED if survived else TestOutcome.KILLED
        said = "timeout" if late else f"{len(run.tests)} tests"
        self._done.append((run.job, WorkResult(WorkerOutcome.NORMAL, said, outcome, run.diff)))


def _child(copy: Path, tests: list[str]) -> None:
    """Run the tests in the copy, in a process group of its own, and never come back."""
    try:
        os.setsid()
        os.chdir(copy)
        sys.dont_write_bytecode = True
        sys.path[:] = [
            str(copy),
            *(p for p in sys.path if not p.rstrip("/").endswith(("theorems", ".ci"))),
        ]
        os.environ["PYTHONPATH"] = os.pathsep.join(
            sys.path[:1] + os.environ.get("PYTHONPATH", "").split(os.pathsep)[2:]
        )
        log = os.open(copy.parent / f"{copy.name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        import pytest

        run = [
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
            "-x",
            "-q",
            "-m",
            "not strangers",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-p",
            "no:cov",
            f"--hypothesis-profile={PROFILE}",
            *tests,
        ]
        code = int(pytest.main(run))
        import theorems

        right = Path(theorems.__file__).is_relative_to(copy)
        os._exit(code if right else 0)  # tests of other source than the changed one say nothing
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        os._exit(1)
