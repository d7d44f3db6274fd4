"""What every command shares: the console, which claims are meant, exit codes, and the evidence file."""

from __future__ import annotations

import difflib
import json
import math
import platform
import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from theorems.claim import Claim
    from theorems.verdict import Outcome, Verdict

EXIT_EXPECTED, EXIT_UNEXPECTED, EXIT_USAGE, EXIT_UNDECIDED = 0, 1, 2, 3

_WIDE = 160
out = Console(width=None if sys.stdout.isatty() else _WIDE)  # a file or a log has no width of its own
err = Console(stderr=True)


def versions() -> dict[str, str]:
    """Versions that a result depends on."""
    packages = ("theorems", "torch", "numpy", "scipy", "hypothesis")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def header(seed: int, examples: int | None) -> None:
    """Print seed and versions: what a reader needs to see the same again."""
    shown = " ".join(f"{name} {number}" for name, number in versions().items())
    drawn = f", {examples} instances per claim" if examples is not None else ""
    out.print(f"[dim]seed {seed}{drawn}; {shown}[/]", highlight=False)


def select(names: Iterable[str]) -> list[Claim]:
    """Claims by exact name or glob; the whole catalogue for no name.

    Raises:
        InputError: for a name that matches nothing, with the nearest ones.
    """
    from impl.errors import InputError
    from theorems.catalogue import CLAIMS

    chosen: list[Claim] = []
    for name in names:
        found = [claim for claim in CLAIMS if fnmatchcase(claim.name, name)]
        if not found:
            near = difflib.get_close_matches(name, [claim.name for claim in CLAIMS], n=3, cutoff=0.4)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise InputError(f"expected the name of a claim (see `theorems list`), got {name!r}{hint}")
        chosen += [claim for claim in found if claim not in chosen]
    return chosen or list(CLAIMS)


def exit_code(pairs: Iterable[tuple[Outcome, Outcome]]) -> int:
    """0, 1 or 3 from (outcome, expected) of every claim; nothing applicable at all counts as undecided."""
    from theorems.verdict import Outcome

    seen = list(pairs)
    if any(got in (Outcome.HOLDS, Outcome.REFUTED) and got is not wanted for got, wanted in seen):
        return EXIT_UNEXPECTED
    if any(got is Outcome.UNDECIDED for got, _ in seen) or all(got is Outcome.INAPPLICABLE for got, _ in seen):
        return EXIT_UNDECIDED
    return EXIT_EXPECTED


def progress() -> Progress:
    """A progress bar on stderr that leaves nothing behind."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=True)


def print_counterexample(verdict: Verdict) -> None:
    """Print a verdict with its instance."""
    out.print(f"\n{escape(repr(verdict))}\n  instance: {escape(repr(verdict.instance))}", highlight=False)


def require_writable(path: Path | None, option: str = "--json") -> None:
    """Refuse a file that cannot be written before any work is done.

    Raises:
        InputError: if the folder does not exist, or the file is one.
    """
    from impl.errors import require

    if path is not None:
        require(path.resolve().parent.is_dir(), f"expected {option} in an existing folder, got {str(path)!r}")
        require(not path.is_dir(), f"expected {option} to be a file, got the folder {str(path)!r}")


def place(where: str, verdict: Verdict) -> dict[str, Any]:
    """One claim at one place of a network, for the JSON file."""
    finite = [value if math.isfinite(value) else None for value in (verdict.measured, verdict.bound)]
    compared = verdict.grade is not None
    return {
        "where": where,
        "outcome": verdict.outcome.name,
        "grade": verdict.grade.name if verdict.grade is not None else None,
        "measured": finite[0] if compared else None,
        "bound": finite[1] if compared else None,
        "reason": str(verdict.context["reason"]) if "reason" in verdict.context else None,
    }


def write_evidence(path: Path | None, seed: int, profile: str, records: Iterable[dict[str, Any]]) -> None:
    """Write the evidence of a run as JSON, if a file is asked for."""
    if path is not None:
        content = {"schema": 1, "seed": seed, "profile": profile, "versions": versions(), "claims": list(records)}
        path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
