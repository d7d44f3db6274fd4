"""Run the script of a counterexample again, and compare what it says now with what was recorded."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theorems.impl.errors import InputError, require

_FIELDS = ("claim", "outcome", "residual", "bound", "seed", "versions")


@dataclass(frozen=True)
class Replay:
    """What a script said when it was run.

    Args:
        recorded: what it says it found when it was written.
        outcome: the first word of its last line; empty if it did not get that far.
        last: that line.
        output: everything that it printed.
        errors: what it printed to stderr.
    """

    recorded: dict[str, Any]
    outcome: str
    last: str
    output: str
    errors: str

    @property
    def reproduces(self) -> bool:
        """Whether the outcome is the recorded one."""
        return self.outcome == self.recorded["outcome"]


def recorded(path: Path) -> dict[str, Any]:
    """What a counterexample says about itself; nothing is executed.

    Raises:
        InputError: if the file does not exist or is no counterexample.
    """
    require(
        path.is_file(),
        f"expected the script of a counterexample, got {str(path)!r}, which is no file",
    )
    wanted = "a script that `theorems check` wrote, with a literal RECORDED = {...}"
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        values = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == "RECORDED" for t in node.targets)
        ]
    except (SyntaxError, ValueError) as error:
        raise InputError(f"expected {wanted}, got {str(path)!r}: {error}") from error
    require(
        len(values) == 1 and isinstance(values[0], dict),
        f"expected {wanted}, got {str(path)!r} without it",
    )
    missing = [name for name in _FIELDS if name not in values[0]]
    require(not missing, f"expected {wanted}, got {str(path)!r} without {', '.join(missing)} in it")
    found: dict[str, Any] = values[0]
    return found


def replay(path: Path, *, timeout: float = 600.0) -> Replay:
    """Run a counterexample in a Python of its own, on this machine and with the versions installed
    here.

    Args:
        path: the script, from a source that is trusted: it is a program and runs as one.
        timeout: seconds after which it is given up.

    Raises:
        InputError: if the file is no counterexample or takes too long.
    """
    known = recorded(path)
    library = str(Path(__file__).parents[2])
    # a claim may import its neighbours
    places = [
        library,
        *filter(None, [os.environ.get("PYTHONPATH")]),
        str(Path.cwd()),
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, str(path)],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"expected {path} to finish within {timeout:g} s, but it did not"
        ) from error
    lines = done.stdout.strip().splitlines() or [""]
    word = lines[-1].split(":")[0]
    outcome = word if word in ("HOLDS", "REFUTED", "INAPPLICABLE", "UNDECIDED") else ""
    return Replay(known, outcome, lines[-1], done.stdout, done.stderr)
