"""Which tests reach a line of the source, and how long they take: coverage of the whole suite, test
by test.

``python .ci/mutation_tests.py FILE`` runs the suite once on few examples and writes that; `Reached`
reads it. Left out are tests that read the source instead of running it, which would see any change
for no good reason, and those that start another interpreter or a browser.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from coverage import CoverageData

PROFILE = "quick"
APART = ("docs/test_action", "docs/test_readme", "report/test_report_page", "test_house")
QUOTING = "tests/checking/test_planted_errors.py"
"""Quotes lines of the claims, so that any change of those fails it; it counts for the command that
it tests.
"""
SETTINGS = "[run]\nsource = theorems,impl\nrelative_files = true\n"


class Reached:
    """Lines and the tests that reach them."""

    def __init__(self, file: Path) -> None:
        """Read what `measure` wrote."""
        known = json.loads(file.read_text(encoding="utf-8"))
        self._seconds: dict[str, float] = known["seconds"]
        self._lines: dict[str, dict[str, list[int]]] = known["lines"]
        self._names: list[str] = known["tests"]

    def tests(self, path: str, line: int, budget: float) -> list[str]:
        """The tests that reach a line, quick ones first, as many as fit into ``budget`` seconds; at
        least one if there is any.

        A line that only runs on import, or inside an expression of several lines, stands for what
        is around it: the function, else the file.
        """
        lines = self._lines.get(path, {})
        for low, high in [(line, line), *_around(path, line), (1, _LAST)]:
            found = {
                at for number, ids in lines.items() if low <= int(number) <= high for at in ids
            }
            if not path.startswith("theorems/planting/"):
                found = {at for at in found if not self._names[at].startswith(QUOTING)}
            names = {self._names[at] for at in found}
            if high == _LAST:
                names |= {name for name in self._names if name.startswith(_asking(path))}
            if names:
                return self._within(names, budget)
        return []

    def _within(self, names: set[str], budget: float) -> list[str]:
        chosen, spent = [], 0.0
        for name in sorted(names, key=lambda n: (self._seconds[n], n)):
            spent += self._seconds[name]
            if chosen and spent > budget:
                break
            chosen.append(name)
        return chosen

    def seconds(self, names: list[str]) -> float:
        """How long these took."""
        return sum(self._seconds[name] for name in names)


_LAST = 10**9
_CLASSES = "tests/test_claims.py::test_instances_are_told_apart_by_identity"


@cache
def _asking(path: str) -> tuple[str, ...]:
    """Tests that may ask for what a file defines on import without running any line of it: those
    that import it, and one about all classes.
    """
    module, found = path.removesuffix(".py").replace("/", "."), [_CLASSES]
    for file in sorted(Path("tests").glob("test_*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if any(
            isinstance(node, ast.ImportFrom) and node.module == module for node in ast.walk(tree)
        ):
            found.append(f"{file}::")
    return tuple(found)


@cache
def _functions(path: str) -> list[tuple[int, int]]:
    kinds = (ast.FunctionDef, ast.Lambda)
    nodes = [
        n
        for n in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8")))
        if isinstance(n, kinds)
    ]
    return [(n.lineno, n.end_lineno or n.lineno) for n in nodes]


def _around(path: str, line: int) -> list[tuple[int, int]]:
    """The functions around a line, the innermost first."""
    return sorted((s for s in _functions(path) if s[0] <= line <= s[1]), key=lambda s: s[1] - s[0])


def measure(out: Path) -> None:
    """Run the suite under coverage with one context per test, and write what reaches what."""
    Path(".coveragerc").write_text(SETTINGS, encoding="utf-8")
    run = [
        "-q",
        "-n",
        "2",
        "-p",
        "mutation_map",
        "--cov",
        "--cov-context=test",
        "--cov-report=",
        "-p",
        "no:cacheprovider",
    ]
    run += [
        "-m",
        "not strangers",
        f"--hypothesis-profile={PROFILE}",
        "-W",
        "ignore::coverage.exceptions.CoverageWarning",
    ]
    run += [f"--ignore=tests/{name}.py" for name in APART]
    done = subprocess.run([sys.executable, "-m", "pytest", *run, "tests"], check=False)
    if done.returncode not in (0, 1):  # a test that fails on unchanged code is left out
        sys.exit(f"expected the tests to run, got exit code {done.returncode}")
    collect(out)


def collect(out: Path) -> None:
    """Write what the run left in ``.coverage`` and ``.mutation-times.json``."""
    seconds = json.loads(Path(".mutation-times.json").read_text(encoding="utf-8"))
    data, ids = CoverageData(".coverage"), {name: at for at, name in enumerate(seconds)}
    data.read()
    lines: dict[str, dict[int, list[int]]] = {}
    for file in data.measured_files():
        path = os.path.relpath(os.path.realpath(file))  # theorems/impl is a link
        contexts = data.contexts_by_lineno(file)
        named = {
            n: sorted({ids[t] for c in cs if (t := c.split("|")[0]) in ids})
            for n, cs in contexts.items()
        }
        lines[path] = {n: found for n, found in named.items() if found}
    out.write_text(
        json.dumps({"tests": list(ids), "seconds": seconds, "lines": lines}), encoding="utf-8"
    )


if __name__ == "__main__":
    measure(Path(sys.argv[1]).absolute())
