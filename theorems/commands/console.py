"""What every command shares: the console, which claims are meant, exit codes, and the evidence file."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from theorems.evidence.file import document, versions, write
from theorems.verdict import Outcome

if TYPE_CHECKING:
    from theorems.claim import Claim
    from theorems.searching.falsifying import Search
    from theorems.verdict import Verdict

EXIT_EXPECTED, EXIT_UNEXPECTED, EXIT_USAGE, EXIT_UNDECIDED = 0, 1, 2, 3
PRESUPPOSED = "autograd_gives_the_gradient"
"""The row that all others presuppose: it is always shown, and a network on which nothing of it could be checked counts as undecided."""

_WIDE = 190
out = Console(width=None if sys.stdout.isatty() else _WIDE)  # a file or a log has no width of its own
err = Console(stderr=True)


def header(seed: int, examples: int | None) -> None:
    """Print seed and versions: what a reader needs to see the same again."""
    shown = " ".join(f"{name} {number}" for name, number in versions().items())
    drawn = f", {examples} instances per claim" if examples is not None else ""
    out.print(f"[dim]seed {seed}{drawn}; {shown}[/]", highlight=False)


def select(names: Iterable[str], *, on_model: bool = False) -> list[Claim]:
    """Claims by exact name or glob, or those that a file states (FILE.py, FILE.py:CLAIM); the whole catalogue for no name.

    Args:
        names: what the user asked for.
        on_model: whether they are for a network of the user's: then what every observation on it presupposes
            (`theorems.preconditions`) comes before the catalogue.

    Raises:
        InputError: for a name that matches nothing, with the nearest ones.
    """
    from impl.errors import InputError, require
    from theorems.catalogue import CLAIMS
    from theorems.loading import is_path, load_claims
    from theorems.preconditions import autograd_gives_the_gradient

    pool = [autograd_gives_the_gradient, *CLAIMS] if on_model else list(CLAIMS)
    chosen: list[Claim] = []
    for name in names:
        if is_path(name):
            found = load_claims(name)
            chosen += [claim for claim in found if claim.name not in [other.name for other in chosen]]
            continue
        found = [claim for claim in pool if fnmatchcase(claim.name, name)]
        require(
            bool(found) or name != autograd_gives_the_gradient.name,
            f"expected a network of yours for {name}, got none: nothing is drawn for it; give one with --model FILE.py:FACTORY",
        )
        if not found:
            near = difflib.get_close_matches(name, [claim.name for claim in pool], n=3, cutoff=0.4)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise InputError(f"expected the name of a claim (see `theorems list`) or FILE.py:CLAIM, got {name!r}{hint}")
        chosen += [claim for claim in found if claim not in chosen]
    return chosen or pool


def checked_on_networks(claims: list[Claim]) -> list[Claim]:
    """Those that a network can be asked about.

    Raises:
        InputError: if there are only statements that are kept as printed.
    """
    from impl.errors import require
    from theorems.models import kept_as_printed

    kept = [claim for claim in claims if not kept_as_printed(claim)]
    message = "expected a claim that can be checked on a network, got only statements that are kept as printed"
    require(bool(kept), f"{message}: {', '.join(claim.name for claim in claims)}")
    return kept


def select_mutants(claims: list[Claim], pattern: str) -> list[Claim]:
    """The wrong variants, by exact name or glob, of these claims: each is checked like a claim that is expected to fail.

    Raises:
        InputError: if none of the claims has such a mutant.
    """
    from impl.errors import InputError

    mutants = {name: mutant for claim in claims for name, mutant in claim.mutants.items()}
    found = [
        replace(m, expected=Outcome.REFUTED)
        for claim in claims
        for name, m in claim.mutants.items()
        if name == pattern or fnmatchcase(name, pattern)
    ]
    if not found:
        near = difflib.get_close_matches(pattern, mutants, n=3, cutoff=0.3)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise InputError(f"expected the name of a mutant (see `theorems show`), got {pattern!r}{hint}")
    return found


def spelled(claim: Claim) -> str:
    """What to write on the command line to mean this claim, or this wrong variant of one."""
    from theorems.catalogue import CLAIMS

    name, _, mutant = claim.name.partition(": ")
    known = any(other.name == name for other in CLAIMS)
    where = name if known else f"{os.path.relpath(claim.file)}:{name}"
    return f'{where} --mutant "{mutant}"' if mutant else where


@contextmanager
def drawing(claim: Claim) -> Iterator[None]:
    """Say in one line what went wrong while instances of a claim were drawn and judged.

    Raises:
        InputError: from whatever was raised inside.
    """
    from impl.errors import InputError
    from theorems.statements import raised

    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if type(error).__name__.startswith("Flaky"):
            raise InputError(
                f"expected {claim.name} to answer alike on equal instances, got two answers on one: take every random number from a "
                "generator seeded by the instance"
            ) from error
        raise InputError(
            f"expected {claim.name} to be checked, but its strategy or relation failed: {raised(error, claim.file)}"
        ) from error


def exit_code(pairs: Iterable[tuple[Outcome, Outcome]]) -> int:
    """0, 1 or 3 from (outcome, expected) of every claim; nothing applicable at all counts as undecided."""
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


@contextmanager
def searching(name: str, examples: int | None, seconds: float | None) -> Iterator[Callable[[Search], None]]:
    """A progress bar of one search: instances or seconds of its budget, the phase, the worst ratio so far."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[seen]}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(name, total=examples if examples is not None else seconds, seen="")

        def show(search: Search) -> None:
            done = search.instances if examples is not None else search.elapsed
            seen = f"{search.instances} instances, {search.phase}, worst residual/bound {search.worst_ratio:.2g}"
            bar.update(task, completed=done, seen=seen)

        yield show


def print_counterexample(verdict: Verdict) -> None:
    """Print a verdict with its instance."""
    shown = repr(verdict.instance).replace("\n", "\n  ")
    out.print(f"\n{escape(repr(verdict))}\n  instance: {escape(shown)}", highlight=False)


def require_writable(path: Path | None, option: str = "--json") -> None:
    """Refuse a file that cannot be written before any work is done.

    Raises:
        InputError: if the folder does not exist, or the file is one.
    """
    from impl.errors import require

    if path is not None:
        require(path.resolve().parent.is_dir(), f"expected {option} in an existing folder, got {str(path)!r}")
        require(not path.is_dir(), f"expected {option} to be a file, got the folder {str(path)!r}")


def require_report(path: Path | None, option: str) -> None:
    """Refuse a page that cannot be made or written before any work is done.

    Raises:
        InputError: as `require_writable`; if a package that makes the page is not installed.
    """
    from impl.errors import InputError

    require_writable(path, option)
    if path is not None:
        try:
            from theorems.report import require_packages
        except ImportError as error:
            raise InputError(f"the report needs {error.name}: pip install 'theorems[report]'") from error
        require_packages()


def write_evidence(
    path: Path | None,
    seed: int,
    profile: str,
    records: Iterable[dict[str, Any]],
    *,
    html: Path | None = None,
    model: Mapping[str, Any] | None = None,
    false_alarm: float | None = None,
) -> None:
    """Write the evidence of a run as JSON, and the page that is made of it, if a file is asked for."""
    if path is None and html is None:
        return
    evidence = document(records, seed=seed, profile=profile, model=model, false_alarm=false_alarm)
    if path is not None:
        write(path, evidence)
    if html is not None:
        from theorems.commands.report import write_report

        write_report(html, evidence, pictures=False)
