"""The command ``theorems``: check the catalogue, or a network of yours, and read the statements."""

from __future__ import annotations

import difflib
import json
import platform
import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from theorems.claim import Claim
    from theorems.verdict import Outcome, Verdict

EXIT_EXPECTED, EXIT_UNEXPECTED, EXIT_USAGE, EXIT_UNDECIDED = 0, 1, 2, 3

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A suite in which every theorem runs. Exit codes: 0 everything came out as expected, 1 something did not, "
    "2 usage or input that cannot be judged, 3 undecided or nothing applied.",
)
_WIDE = 160
out = Console(width=None if sys.stdout.isatty() else _WIDE)  # a file or a log has no width of its own
err = Console(stderr=True)


def versions() -> dict[str, str]:
    """Versions that a result depends on."""
    packages = ("theorems", "torch", "numpy", "scipy", "hypothesis")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def _header(seed: int, examples: int | None) -> None:
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


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=True)


@app.command("check")
def check_command(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="claims, by name or glob")] = None,
    examples: Annotated[int, typer.Option(min=1, help="instances to draw per claim")] = 100,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="of the search, and of noise inside a model")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write the evidence there")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="FILE.py:FACTORY", help="check this network instead of drawn ones")
    ] = None,
) -> None:
    """Check claims over drawn networks, or over a network of yours."""
    import torch

    claims = select(names or [])
    _writable(json_file)
    _header(seed, examples if model is None else None)
    if model is not None:
        raise typer.Exit(_check_model(model, claims, seed, json_file))
    from theorems.checking import check
    from theorems.tables import evidence_table
    from theorems.verdict import Outcome

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # drawn networks are small: with more threads they stall
    evidence = []
    try:
        with _bar() as bar:
            for claim in claims:
                task = bar.add_task(claim.name, total=examples)
                step = lambda task=task: bar.advance(task)  # noqa: E731
                evidence.append(check(claim, examples=examples, seed=seed, on_example=step))
                bar.remove_task(task)
    finally:
        torch.set_num_threads(threads)
    out.print(evidence_table(evidence))
    for seen in evidence:
        if seen.worst is not None and (not seen.as_expected or seen.outcome is Outcome.REFUTED):
            _counterexample(seen.worst)
        for name in seen.survivors:
            out.print(f"[yellow]not refuted in {seen.instances} instances:[/] {seen.claim.name}: {escape(name)}")
    _write(json_file, seed, "default", (seen.record() for seen in evidence))
    raise typer.Exit(exit_code((seen.outcome, seen.claim.expected) for seen in evidence))


def _counterexample(verdict: Verdict) -> None:
    out.print(f"\n{escape(repr(verdict))}\n  instance: {escape(repr(verdict.instance))}", highlight=False)


def _check_model(spec: str, claims: list[Claim], seed: int, json_file: Path | None) -> int:
    from theorems.checking import Evidence
    from theorems.models import check_model, load
    from theorems.tables import result_table
    from theorems.verdict import Outcome

    claims = [claim for claim in claims if claim.expected is Outcome.HOLDS]
    with _bar() as bar:
        task = bar.add_task(f"loading {spec}", total=None)
        subject = load(spec)
        bar.update(task, description="checking", total=len(claims), completed=0)
        results = check_model(*subject, claims=claims, seed=seed, on_verdict=lambda: bar.advance(task))
    out.print(result_table(results))
    evidence = {claim.name: Evidence(claim) for claim in claims}
    for result in results:
        evidence[result.claim.name].add(result.verdict)
    ratios = [r for seen in evidence.values() for r in seen.ratios]
    if ratios:
        out.print(
            f"[dim]worst residual/bound {max(ratios):.3g} over {len(ratios)} rounded comparisons[/]", highlight=False
        )
    _write(json_file, seed, f"model {spec}", (seen.record() for seen in evidence.values()))
    return exit_code((seen.outcome, seen.claim.expected) for seen in evidence.values())


def _writable(path: Path | None, option: str = "--json") -> None:
    from impl.errors import require

    if path is not None:
        require(path.resolve().parent.is_dir(), f"expected {option} in an existing folder, got {str(path)!r}")
        require(not path.is_dir(), f"expected {option} to be a file, got the folder {str(path)!r}")


def _write(path: Path | None, seed: int, profile: str, records: Iterable[dict[str, Any]]) -> None:
    if path is not None:
        content = {"schema": 1, "seed": seed, "profile": profile, "versions": versions(), "claims": list(records)}
        path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


@app.command("list")
def list_command() -> None:
    """List the catalogue."""
    from theorems.catalogue import CLAIMS
    from theorems.tables import claim_table

    out.print(claim_table(CLAIMS))


@app.command("show")
def show_command(name: Annotated[str, typer.Argument(metavar="NAME", help="a claim, by name or glob")]) -> None:
    """Show one claim: statement, hypotheses, source, mutants."""
    for claim in select([name]):
        out.print(f"[bold]{claim.name}[/]  expected {claim.expected.name}", highlight=False)
        out.print(f"arXiv:{claim.source.arxiv}, {claim.source.where} \\[{claim.tag}]\n", highlight=False)
        out.print(escape(claim.statement), highlight=False)
        out.print("\n[bold]hypotheses[/]")
        for title, hypothesis in claim.hypotheses.items():
            how = "checked" if hypothesis.check is not None else "not checkable; dropping it is refuted"
            out.print(f"  {escape(title)} ({how})", highlight=False)
        out.print("\n[bold]mutants[/] that must be refuted")
        for title in claim.mutants:
            out.print(f"  {escape(title)}", highlight=False)


@app.command("plot")
def plot_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a picture; `theorems plot list` names them")],
    file: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="PNG, SVG or PDF")] = Path("picture.png"),
) -> None:
    """Draw a picture of what a claim is about."""
    from impl.errors import InputError

    try:
        from theorems import pictures, pictures_function_space
    except ImportError as error:
        raise InputError("pictures need matplotlib: pip install 'theorems[report]'") from error
    known = pictures.PICTURES | pictures_function_space.PICTURES
    if name == "list":
        for title, picture in known.items():
            out.print(f"{title}: {(picture.__doc__ or '').splitlines()[0]}", highlight=False)
        return
    if name not in known:
        raise InputError(f"expected one of the pictures {', '.join(known)}, got {name!r}")
    if file.suffix not in (".png", ".svg", ".pdf"):
        raise InputError(f"expected a .png, .svg or .pdf file, got {str(file)!r}")
    _writable(file, "--output")
    with err.status(f"drawing {name}"):
        known[name](0).savefig(file, dpi=160)
    out.print(f"wrote {file}", highlight=False)


def main() -> None:
    """Run the command; input that cannot be judged is one line on stderr and exit code 2."""
    from impl.errors import InputError

    try:
        app()
    except InputError as error:
        err.print(f"[bold red]error:[/] {escape(' '.join(str(error).split()))}", highlight=False, soft_wrap=True)
        raise SystemExit(EXIT_USAGE) from None
