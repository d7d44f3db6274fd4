"""``theorems check``: claims over drawn networks, or over a network of yours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from impl.errors import require
from theorems.commands.console import (
    EXIT_EXPECTED,
    EXIT_UNDECIDED,
    PRESUPPOSED,
    checked_on_networks,
    drawing,
    exit_code,
    header,
    out,
    print_counterexample,
    progress,
    require_report,
    require_writable,
    select,
    select_mutants,
    write_evidence,
)
from theorems.commands.refutations import (
    DEFAULT,
    keep_counterexample,
    print_alarm,
    print_notes,
    print_power,
    require_folder,
)

if TYPE_CHECKING:
    from theorems.claim import Claim


def check_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="claims, by name or glob, or FILE.py[:CLAIM]")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="instances to draw per claim")] = 100,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="of the search, and of noise inside a model")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write the evidence there")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="write the report there (the extra report)")
    ] = None,
    *,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="asymptotic claims at their full sizes: an hour or two")
    ] = False,
    model: Annotated[
        str | None, typer.Option(metavar="FILE.py:FACTORY", help="check this network instead of drawn ones")
    ] = None,
    mutant: Annotated[
        str | None, typer.Option(metavar="NAME", help="check this wrong variant of the claims, by name or glob")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--counterexamples",
            metavar="DIR",
            help="write a script for every refutation there; without it, unexpected ones go to counterexamples/",
        ),
    ] = None,
    database: Annotated[
        Path | None, typer.Option(metavar="DIR", help="keep refuting instances there and try those first")
    ] = None,
    decay: Annotated[float | None, typer.Option(help="weight decay λ of --model, as in loss + λ/2 ‖W‖²")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="of the minibatches that --model is trained on")] = None,
    chunk: Annotated[
        int | None,
        typer.Option(min=1, help="samples of --model's batch in one go; by default as many as there is room for"),
    ] = None,
    double: Annotated[bool, typer.Option("--double", help="run --model in float64, whatever its format")] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="torch threads for --model; by default 1 below a million parameters")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="every place of --model, not the worst of each claim")
    ] = False,
) -> None:
    """Check claims over drawn networks, or over a network of yours."""
    import torch

    claims = select(names or [], on_model=model is not None)
    if mutant is not None:
        claims = select_mutants(claims, mutant)
        folder = DEFAULT if folder is None else folder
    _require_outputs(json_file, html, folder, database)
    header(seed, examples if model is None else None)
    if model is not None:
        training = {"decay": decay, "batch_size": batch_size}
        look: dict[str, Any] = {"chunk": chunk, "double": double, "threads": threads, "verbose": verbose}
        raise typer.Exit(_check_model(model, claims, seed, (json_file, html), training, folder, **look))
    require(
        not (double or threads or verbose or chunk),
        "expected --chunk, --double, --threads and --verbose with --model, got them without it",
    )
    require(decay is None and batch_size is None, "expected --decay and --batch-size with --model, got them without it")
    from impl.strategies.profiles import full_sizes
    from theorems.checking import check
    from theorems.evidence.file import record
    from theorems.evidence.refutations import require_repeatable
    from theorems.evidence.tables import evidence_table
    from theorems.relations.alarms import shared_out
    from theorems.verdict import Outcome

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # drawn networks are small: with more threads they stall
    evidence = []
    try:
        with progress() as bar, full_sizes(wanted=thorough):
            for claim in shared_out(claims, examples):
                task = bar.add_task(claim.name, total=examples)
                step = lambda task=task: bar.advance(task)  # noqa: E731
                with drawing(claim):
                    evidence.append(check(claim, examples=examples, seed=seed, on_example=step, database=database))
                require_repeatable(evidence[-1])
                bar.remove_task(task)
    finally:
        torch.set_num_threads(threads)
    out.print(evidence_table(evidence))
    alarm = print_alarm(evidence)
    records = []
    for seen in evidence:
        if seen.worst is not None and seen.outcome is Outcome.REFUTED:
            keep_counterexample(seen, seed, folder)
        elif seen.worst is not None and not seen.as_expected:
            print_counterexample(seen.worst)
        for name in seen.survivors:
            out.print(f"[yellow]not refuted in {seen.instances} instances:[/] {seen.claim.name}: {escape(name)}")
        print_power(seen)
        print_notes(seen.claim)
        records.append(record(seen))
    profile = "thorough" if thorough else "default"
    write_evidence(json_file, seed, profile, records, html=html, false_alarm=alarm)
    raise typer.Exit(exit_code((seen.outcome, seen.claim.expected) for seen in evidence))


def _require_outputs(json_file: Path | None, html: Path | None, folder: Path | None, database: Path | None) -> None:
    """Refuse what cannot be written before any work is done."""
    require_writable(json_file)
    require_report(html, "--html")
    require_folder(folder, "--counterexamples")
    require_folder(database, "--database")


_SMALL = 10**6
"""Parameters below which a second thread costs more than it brings."""


def _check_model(
    spec: str,
    claims: list[Claim],
    seed: int,
    files: tuple[Path | None, Path | None],
    training: dict[str, Any],
    folder: Path | None,
    *,
    chunk: int | None,
    double: bool,
    threads: int | None,
    verbose: bool,
) -> int:
    import torch

    from theorems.evidence.file import judged, model_record
    from theorems.evidence.model_table import result_summary, result_table
    from theorems.evidence.refutations import take_fewer
    from theorems.models import check_subject, load
    from theorems.verdict import Outcome

    claims = checked_on_networks(claims)
    before = torch.get_num_threads()
    try:
        with progress() as bar:
            task = bar.add_task(f"loading {spec}", total=None)
            subject = load(spec)
            bar.update(task, description="checking", total=len(claims), completed=0)
            given = {name: value for name, value in training.items() if value is not None}
            subject = replace(subject, seed=seed, **given)
            small = subject.size < _SMALL
            torch.set_num_threads(threads or (1 if small else before))
            step = lambda share: bar.advance(task, share * len(claims))  # noqa: E731
            results = check_subject(subject, claims=claims, chunk=chunk, double=double, on_verdict=step)
    finally:
        torch.set_num_threads(before)
    out.print((result_table if verbose else result_summary)(results))
    parts = {r.samples for r in results if r.samples is not None}
    if parts:
        most = chunk or max(end - first for first, end in parts)  # these are the worst chunks, not all
        out.print(f"[dim]the batch in chunks of up to {most} samples, the worst of each place[/]", highlight=False)
    found = {claim.name: [r for r in results if r.claim is claim] for claim in claims}
    evidence = {claim.name: judged(claim, found[claim.name]) for claim in claims}
    ratios = [r for seen in evidence.values() for r in seen.ratios]
    if ratios:
        out.print(
            f"[dim]worst residual/bound {max(ratios):.3g} over {len(ratios)} rounded comparisons[/]", highlight=False
        )
    for seen in evidence.values():
        if seen.outcome is Outcome.REFUTED:
            take_fewer(seen, subject, found[seen.claim.name], double=double)
            keep_counterexample(seen, seed, folder)
    records = [model_record(seen, found[name]) for name, seen in evidence.items()]
    alarm = print_alarm(list(evidence.values()))
    look = {"chunk": chunk, "double": double or None}
    said = {"factory": spec, **given, **{name: value for name, value in look.items() if value is not None}}
    write_evidence(files[0], seed, f"model {spec}", records, html=files[1], model=said, false_alarm=alarm)
    code = exit_code((seen.outcome, seen.claim.expected) for seen in evidence.values())
    unseen = PRESUPPOSED in evidence and evidence[PRESUPPOSED].outcome is Outcome.INAPPLICABLE
    return EXIT_UNDECIDED if unseen and code == EXIT_EXPECTED else code  # what all others presuppose was not looked at
