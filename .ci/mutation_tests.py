"""Run the tests that reach the one line of the working copy that differs from HEAD; the exit code is theirs.

Which claims call a function is found once, from the unchanged code (`map`), by running each on a few instances.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType

MAP = Path(".mutation-map.json")
CLAIMS_PER_LINE = 5
INSTANCES = 12


def watch(run: Callable[[], object], seen: set[CodeType]) -> None:
    """Note every function that is called."""

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)


def build() -> dict[str, object]:
    """Which claims call which functions on their first instances, the claims that call least first; and what only mutants call."""
    import warnings

    import torch

    from theorems import CLAIMS
    from theorems.checking import check

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    root, calls, alone = str(Path.cwd()), {}, set()
    mutated: set[CodeType] = set()
    for claim in CLAIMS:
        own: set[CodeType] = set()
        watch(lambda claim=claim: check(replace(claim, changes={}), examples=INSTANCES), own)
        calls[claim.name] = {code for code in own if code.co_filename.startswith(root)}
        alone |= calls[claim.name]
        watch(lambda claim=claim: check(claim, examples=INSTANCES), mutated)
    spans: dict[str, dict[tuple[int, int], list[str]]] = {}
    for name in sorted(calls, key=lambda n: len(calls[n])):
        for code in calls[name]:
            path, span = span_of(code)
            spans.setdefault(path, {}).setdefault(span, []).append(name)
    only = sorted({span_of(c) for c in mutated - alone if c.co_filename.startswith(root)})
    return {
        "spans": {path: [[*span, names] for span, names in sorted(found.items())] for path, found in spans.items()},
        "only mutants": [[path, *span] for path, span in only],
    }


def span_of(code: CodeType) -> tuple[str, tuple[int, int]]:
    """File, first and last line of a function."""
    from theorems.planting.plant import nested

    lines = [line for part in nested(code) for _, _, line in part.co_lines() if line]
    return str(Path(code.co_filename).relative_to(Path.cwd())), (min(lines), max(lines))


def importers(path: str) -> list[str]:
    """Test files that import the module by name, or a command's test for the commands."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    found = []
    for file in sorted(Path("tests").glob("test_*.py")):
        names = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
        if any(name == module or (module.startswith(name + ".") and name.count(".")) for name in names):
            found.append(str(file))
    if module.startswith("theorems.commands") or module in ("theorems.cli", "theorems.tables"):
        found.append("tests/test_cli.py")
    return sorted(set(found), key=lambda f: (not f.startswith("tests/test_" + module.rsplit(".", 1)[-1]), f))


def select(path: str, line: int) -> list[str]:
    """The tests that reach a line, those of its own module first."""
    known = json.loads(MAP.read_text(encoding="utf-8"))
    spans = known["spans"].get(path, [])
    around = [s for s in spans if s[0] <= line <= s[1]]
    if around:
        claims = min(around, key=lambda s: s[1] - s[0])[2]
    else:  # a line that runs on import: whoever uses the module
        claims = list(dict.fromkeys(name for s in spans for name in s[2]))
    ids = [f"{name}]" for name in claims[:CLAIMS_PER_LINE]]
    controls = [f"[{name}-" for name in claims[:CLAIMS_PER_LINE]]
    files = importers(path)
    collected = known["tests"]
    own = [t for t in collected if any(t.endswith("[" + i) for i in ids)]
    mutants = [t for t in collected if any(c in t for c in controls)]
    return files + [t for t in own + mutants if t.split("::")[0] not in files] or [
        "tests/test_relations.py",
        "tests/test_cli.py",
    ]


def changed() -> tuple[str, int] | None:
    """The file and line that differ from HEAD."""
    diff = subprocess.run(["git", "diff", "-U0", "--", "*.py"], capture_output=True, text=True, check=True).stdout
    path, line = re.search(r"^\+\+\+ b/(.*)$", diff, re.MULTILINE), re.search(r"^@@ -(\d+)", diff, re.MULTILINE)
    return (path[1], int(line[1])) if path and line else None


def main() -> int:
    """Select and run; with ``map`` as argument, write which claims reach what."""
    if sys.argv[1:] == ["map"]:
        collect = ["--collect-only", "-q", "tests/test_claims.py", "tests/test_controls.py"]
        tests = subprocess.run([sys.executable, "-m", "pytest", *collect], capture_output=True, text=True, check=True)
        content = {**build(), "tests": tests.stdout.splitlines()}
        MAP.write_text(json.dumps(content), encoding="utf-8")
        return 0
    spot = changed()
    if spot is None:
        print("nothing is changed")
        return 0
    tests = select(*spot)
    print(*spot, *tests)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
