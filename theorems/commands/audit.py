"""``theorems audit``: residual/bound of every numerical bound over many instances, tame and
wild.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.markup import escape

from theorems.commands.apart import Raised, in_processes, judged_by, longest_first
from theorems.commands.console import (
    EXIT_EXPECTED,
    EXIT_INTERRUPTED,
    EXIT_UNEXPECTED,
    EXIT_USAGE,
    header,
    require_writable,
    seed_option,
    write_json,
)
from theorems.commands.running import Run
from theorems.commands.selection import select
from theorems.commands.terminal import Target, line_width, out, progress
from theorems.commands.workers import JOBS, processes
from theorems.evidence.file import versions
from theorems.files import replace_file, require_target

if TYPE_CHECKING:
    from theorems.checking.auditing import Audit
    from theorems.claim import Claim


def audit_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="claims, by name or glob")
    ] = None,
    examples: Annotated[int, typer.Option(min=25, help="instances per claim")] = 1000,
    seconds: Annotated[
        float, typer.Option(min=0, help="time per claim after which fewer are drawn; 0: no limit")
    ] = 0,
    seed: Annotated[int, seed_option("of the search")] = 0,
    jobs: JOBS = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="write the tables as Markdown"),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="write everything that was counted; - is standard output"
        ),
    ] = None,
) -> None:
    """Audit the rounding bounds: no false refutation, no crash, and how sharp they are."""
    import torch

    from theorems.checking.auditing import audit, audited
    from theorems.evidence.audit_tables import audit_table

    require_target(markdown, "--output")
    require_writable(json_file)
    chosen = audited(select(names or []))
    if not chosen:
        from theorems.impl.errors import InputError

        raise InputError(
            "expected a claim with numerical bounds, got none; those that are certified or "
            "statistical have no such bound"
        )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    audits: list[Audit] = []
    run = Run(chosen)
    with Target(json_file).alone():
        header(seed, examples)
        try:
            with run, progress() as bar:
                several = processes(jobs, len(chosen), len(chosen) * examples)
                if several > 1:
                    task = bar.add_task(
                        f"{len(chosen)} claims in {several} processes", total=len(chosen) * examples
                    )

                    def take(at: int, result: Audit) -> None:
                        audits.append(replace(result, claim=chosen[at]))
                        _write(audits, seed, _aside(json_file), _aside(markdown))

                    step = lambda count: bar.advance(task, count)  # noqa: E731
                    order = _Order(tuple(names or ()), examples, seed, seconds)
                    in_processes(
                        run,
                        _audited_apart,
                        order,
                        longest_first(chosen),
                        several,
                        take,
                        on_step=step,
                    )
                for at, claim in enumerate(chosen if several == 1 else ()):
                    task = bar.add_task(
                        f"claim {at + 1} of {len(chosen)}: {claim.name}", total=examples
                    )
                    one = lambda task=task: bar.advance(task)  # noqa: E731
                    limit = seconds or float("inf")
                    with run.judging(claim):
                        audits.append(
                            audit(
                                claim, examples=examples, seed=seed, seconds=limit, on_example=one
                            )
                        )
                        # a long run may be killed
                        _write(audits, seed, _aside(json_file), _aside(markdown))
                    bar.remove_task(task)
        finally:
            torch.set_num_threads(threads)
        out.print(audit_table(audits, width=line_width()))
        for a in audits:
            for regime, tally in a.regimes.items():
                for flaw in tally.flaws[:1]:
                    out.print(
                        f"\n[bold red]{a.claim.name}[/], {regime}:\n{escape(flaw)}", highlight=False
                    )
        if run.interrupted:
            out.print(
                f"[bold yellow]interrupted[/] after {len(audits)} of {len(chosen)} claims",
                highlight=False,
            )
            beside = [_beside(path) for path in (json_file, markdown)]
            json_file, markdown = beside
        _write(audits, seed, json_file, markdown, of=len(chosen) if run.interrupted else None)
        for path in (_aside(json_file), _aside(markdown)):
            if path is not None and not run.interrupted:
                path.unlink(missing_ok=True)
    if run.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    raised = EXIT_USAGE if run.entries else EXIT_EXPECTED
    raise typer.Exit(EXIT_UNEXPECTED if any(a.false for a in audits) else raised)


@dataclass(frozen=True)
class _Order:
    """What another process needs to know."""

    names: tuple[str, ...]
    examples: int
    seed: int
    seconds: float

    def claims(self) -> list[Claim]:
        """The claims that are audited."""
        from theorems.checking.auditing import audited

        return audited(select(self.names))


def _audited_apart(order: _Order, at: int, step: Callable[[], None]) -> Audit | Raised:
    """Audit one of the claims in a process of its own; the claim itself stays there."""
    from theorems.checking.auditing import audit

    limit = order.seconds or float("inf")
    options: dict[str, Any] = {
        "examples": order.examples,
        "seed": order.seed,
        "seconds": limit,
        "on_example": step,
    }
    found = judged_by(order, at, lambda claim: audit(claim, **options))
    return found if isinstance(found, Raised) else replace(found, claim=cast("Any", None))


def _write(
    audits: list[Audit],
    seed: int,
    json_file: Path | None,
    markdown: Path | None,
    *,
    of: int | None = None,
) -> None:
    """Write what was asked for; ``of`` says of how many claims it should have been."""
    from theorems.evidence.audit_tables import document

    found = {"seed": seed, "versions": versions(), "claims": [a.record() for a in audits]}
    marked = found if of is None else {**found, "partial": {"judged": len(audits), "of": of}}
    write_json(json_file, json.dumps(marked, indent=1) + "\n")
    if markdown is not None:
        replace_file(markdown, document(audits, seed=seed, versions=versions()))


def _aside(path: Path | None) -> Path | None:
    """Where a run writes while it is on its way: what was there stays until the run is over."""
    hidden = path is None or Target(path).is_stdout
    return None if path is None or hidden else path.with_name(f"{path.stem}.partial{path.suffix}")


def _beside(path: Path | None) -> Path | None:
    """Where a run that was cut short is written: beside what is there, if anything is."""
    if path is None or Target(path).is_stdout or not path.exists():
        return path
    other = _aside(path)
    out.print(f"wrote {other} and left {path} as it was", highlight=False, markup=False)
    return other
