"""Run the tests that reach the one line of the working copy that differs from HEAD; the exit code is theirs.

Which claims reach a line is found once, from the unchanged code (`map`), by walking code objects: `theorems.planting.reach`.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

MAP = Path(".mutation-map.json")
CLAIMS_PER_LINE = 4


def build() -> dict[str, list[list[object]]]:
    """For each file the spans of functions and the claims that run them, the most specific first."""
    from theorems import CLAIMS
    from theorems.planting.plant import nested
    from theorems.planting.reach import Reach

    root, spans = Path.cwd(), {}
    for claim in CLAIMS:
        reach = Reach(
            claim.observe, claim.predict, claim.instances, claim.relation, type(claim.relation), claim.subject,
            claim.hypotheses, claim.changes, home=claim.predict.__module__,
        )  # fmt: skip
        for function in reach.functions:
            path = Path(function.__code__.co_filename)
            if path.is_relative_to(root):
                lines = [line for code in nested(function.__code__) for _, _, line in code.co_lines() if line]
                key = (str(path.relative_to(root)), min(lines), max(lines))
                spans.setdefault(key, []).append((len(reach.functions), claim.name))
    out: dict[str, list[list[object]]] = {}
    for (path, low, high), claims in sorted(spans.items()):
        out.setdefault(path, []).append([low, high, [name for _, name in sorted(claims)]])
    return out


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
        if module in names:
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
    path, line = re.search(r"^\+\+\+ b/(.*)$", diff, re.M), re.search(r"^@@ -(\d+)", diff, re.M)
    return (path[1], int(line[1])) if path and line else None


def main() -> int:
    """Select and run; with ``map`` as argument, write which claims reach what."""
    if sys.argv[1:] == ["map"]:
        collect = ["--collect-only", "-q", "tests/test_claims.py", "tests/test_controls.py"]
        tests = subprocess.run([sys.executable, "-m", "pytest", *collect], capture_output=True, text=True, check=True)
        content = {"spans": build(), "tests": tests.stdout.splitlines()}
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
