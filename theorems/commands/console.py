"""What every command shares: which claims are meant, exit codes, and the evidence file."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from theorems.commands.terminal import Target, err, out
from theorems.evidence.file import document, text, versions
from theorems.files import replace_file, require_target
from theorems.impl.errors import visible
from theorems.verdict import Outcome

if TYPE_CHECKING:
    from theorems.claim import Claim
    from theorems.verdict import Verdict

EXIT_EXPECTED, EXIT_UNEXPECTED, EXIT_USAGE, EXIT_UNDECIDED = 0, 1, 2, 3
PRESUPPOSED = "autograd_gives_the_gradient"
"""The row that all others presuppose: it is always shown, and a network on which nothing of it
could be checked counts as undecided.
"""

EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_NO_READER = 70, 130, 141
"""An error of ours; Ctrl-C or SIGTERM; whoever read the output has gone."""


RANDOM = "random"
"""In place of a seed: one that nobody could know beforehand; it is printed like any other."""


def seed_option(what: str) -> Any:
    """The option ``--seed``: a number from 0 to 2^63 − 1, or "random"."""
    return typer.Option(
        parser=_seed,
        metavar="N|random",
        help=f"{what}; random: one that nobody knew, which is printed",
    )


def _seed(value: int | str) -> int:
    if value == RANDOM:
        return secrets.randbits(40)
    try:
        number = int(value)
    except ValueError:
        raise typer.BadParameter(f"expected a whole number or {RANDOM!r}, got {value!r}") from None
    if not 0 <= number < 2**63:
        raise typer.BadParameter(f"expected a seed from 0 to 2^63 - 1, got {number}")
    return number


def header(seed: int, examples: int | None) -> None:
    """Print seed and versions: what a reader needs to see the same again."""
    shown = " ".join(f"{name} {number}" for name, number in versions().items())
    drawn = f", {examples} instances per claim" if examples is not None else ""
    out.print(f"[dim]seed {seed}{drawn}; {shown}[/]", highlight=False)


@contextmanager
def drawing(claim: Claim) -> Iterator[None]:
    """Say in one line what went wrong while instances of a claim were drawn and judged.

    Raises:
        InputError: from whatever was raised inside.
    """
    from theorems.exits import how_it_left
    from theorems.impl.errors import InputError
    from theorems.statements import raised

    try:
        yield
    except InputError:
        raise
    except SystemExit as error:
        raise InputError(
            f"expected {claim.name} to be checked, but its code called "
            f"{how_it_left(error)}, which would have ended the run"
        ) from error
    except Exception as error:
        if type(error).__name__.startswith("Flaky"):
            raise InputError(
                f"expected {claim.name} to answer alike on equal instances, got two answers on "
                "one: take every random number from a generator seeded by the instance"
            ) from error
        raise InputError(
            f"expected {claim.name} to be checked, but its strategy or relation failed: "
            f"{raised(error, claim.file)}"
        ) from error


def exit_code(
    pairs: Iterable[tuple[Outcome, Outcome]], *, raised: bool = False, interrupted: bool = False
) -> int:
    """From (outcome, expected) of every claim; nothing applicable at all counts as undecided.

    Args:
        pairs: of the claims that were judged.
        raised: whether another one could not be judged: that is 2, unless something came out wrong,
            which is graver.
        interrupted: whether the run was cut short, which is 130 whatever it had found.
    """
    seen = list(pairs)
    if interrupted:
        return EXIT_INTERRUPTED
    if any(got in (Outcome.HOLDS, Outcome.REFUTED) and got is not wanted for got, wanted in seen):
        return EXIT_UNEXPECTED
    if raised:
        return EXIT_USAGE
    if any(got is Outcome.UNDECIDED for got, _ in seen) or all(
        got is Outcome.INAPPLICABLE for got, _ in seen
    ):
        return EXIT_UNDECIDED
    return EXIT_EXPECTED


def print_counterexample(verdict: Verdict) -> None:
    """Print a verdict with its instance."""
    shown = repr(verdict.instance).replace("\n", "\n  ")
    out.print(f"\n{escape(repr(verdict))}\n  instance: {escape(shown)}", highlight=False)


DEBUG = [False]
"""Whether the traceback of an error is wanted."""


def print_error(message: str) -> None:
    """One line on stderr; where it is asked for, after the traceback of what is being handled."""
    if DEBUG[0] and sys.exc_info()[0] is not None:
        err.print_exception()
    shown = escape(visible(" ".join(message.split())))
    err.print(f"[bold red]error:[/] {shown}", highlight=False, soft_wrap=True)


def require_writable(target: Path | None, option: str = "--json") -> None:
    """Refuse a file that cannot be written before any work is done; a dash is standard output.

    Raises:
        InputError: as `theorems.files.require_target`.
    """
    if not Target(target).is_stdout:
        require_target(target, option)


def require_report(path: Path | None, option: str) -> None:
    """Refuse a page that cannot be made or written before any work is done.

    Raises:
        InputError: as `require_writable`; if a package that makes the page is not installed.
    """
    from theorems.impl.errors import InputError

    require_target(path, option)
    if path is not None:
        try:
            from theorems.report import require_packages
        except ImportError as error:
            raise InputError(
                f"the report needs {error.name}: pip install 'theorems[report]'"
            ) from error
        require_packages()


def write_json(path: Path | None, content: str) -> None:
    """Write a JSON file, or standard output for a dash, on which there is nothing else then."""
    if Target(path).is_stdout:
        Target(path).write(content)
    elif path is not None:
        replace_file(path, content)


def _kept_apart(
    path: Path | None, html: Path | None, evidence: dict[str, Any]
) -> tuple[Path | None, Path | None, dict[str, Any]]:
    """Where a run that was cut short is written: into the earlier evidence if that is of the same
    kind, else beside it.
    """
    from theorems.evidence.partial import earlier, joined

    before, why = earlier(path, evidence)
    if before is not None:
        evidence = joined(evidence, before)
        out.print(
            f"joined to the earlier run in {path}; the file says which claim is of which",
            highlight=False,
        )
    beside = [
        None if file is None else file.with_name(f"{file.stem}.partial{file.suffix}")
        for file in (path, html)
    ]
    if before is None and path is not None and path.exists():
        out.print(
            f"wrote {beside[0]} and left {path} as it was: {why}", highlight=False, markup=False
        )
        path = beside[0]
    if html is not None and html.exists():
        out.print(f"wrote {beside[1]} and left {html} as it was", highlight=False, markup=False)
        html = beside[1]
    return path, html, evidence


def write_evidence(
    path: Path | None,
    seed: int,
    profile: str,
    records: Iterable[dict[str, Any]],
    *,
    started: datetime,
    html: Path | None = None,
    model: Mapping[str, Any] | None = None,
    false_alarm: float | None = None,
    partial: Mapping[str, Any] | None = None,
) -> None:
    """Write the evidence of a run as JSON, and the page that is made of it, if a file is asked
    for.
    """
    if path is None and html is None:
        return
    evidence = document(
        records,
        seed=seed,
        profile=profile,
        started=started,
        model=model,
        false_alarm=false_alarm,
        partial=partial,
    )
    if partial is not None and not Target(path).is_stdout:
        path, html, evidence = _kept_apart(path, html, evidence)
    write_json(path, text(evidence))
    if html is not None:
        from theorems.commands.report import write_report

        write_report(html, evidence, pictures=False)
