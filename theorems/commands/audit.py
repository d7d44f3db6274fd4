"""``theorems audit``: residual/bound of every numerical bound over many instances, tame and wild."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from theorems.commands.console import (
    EXIT_EXPECTED,
    EXIT_UNEXPECTED,
    header,
    out,
    progress,
    require_writable,
    seed_option,
    select,
)
from theorems.evidence.file import versions

if TYPE_CHECKING:
    from theorems.searching.auditing import Audit


def audit_command(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="claims, by name or glob")] = None,
    examples: Annotated[int, typer.Option(min=25, help="instances per claim")] = 1000,
    seconds: Annotated[float, typer.Option(min=0, help="time per claim after which fewer are drawn; 0: no limit")] = 0,
    seed: Annotated[int, seed_option("of the search")] = 0,
    markdown: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="write the tables as Markdown")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write everything that was counted")
    ] = None,
) -> None:
    """Audit the rounding bounds: no false refutation, no crash, and how sharp they are."""
    import torch

    from theorems.searching.audit_tables import audit_table, document
    from theorems.searching.auditing import audit, audited

    require_writable(markdown, "--output")
    require_writable(json_file)
    chosen = audited(select(names or []))
    if not chosen:
        from impl.errors import InputError

        raise InputError(
            "expected a claim with numerical bounds, got none; those that are certified or statistical have no such bound"
        )
    header(seed, examples)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    audits: list[Audit] = []
    try:
        with progress() as bar:
            for claim in chosen:
                task = bar.add_task(claim.name, total=examples)
                step = lambda task=task: bar.advance(task)  # noqa: E731
                audits.append(
                    audit(claim, examples=examples, seed=seed, seconds=seconds or float("inf"), on_example=step)
                )
                bar.remove_task(task)
                if json_file is not None:  # after each claim: a long run may be cut short
                    records = [a.record() for a in audits]
                    json_file.write_text(
                        json.dumps({"seed": seed, "versions": versions(), "claims": records}, indent=1) + "\n",
                        encoding="utf-8",
                    )
                if markdown is not None:
                    markdown.write_text(document(audits, seed=seed, versions=versions()), encoding="utf-8")
    finally:
        torch.set_num_threads(threads)
    out.print(audit_table(audits))
    for a in audits:
        for regime, tally in a.regimes.items():
            for flaw in tally.flaws[:1]:
                out.print(f"\n[bold red]{a.claim.name}[/], {regime}:\n{escape(flaw)}", highlight=False)
    raise typer.Exit(EXIT_UNEXPECTED if any(a.false for a in audits) else EXIT_EXPECTED)
