"""``theorems check``: claims over drawn networks, or over a network of yours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from theorems.commands.console import (
    EXIT_EXPECTED,
    EXIT_UNDECIDED,
    PRESUPPOSED,
    header,
    print_error,
    require_report,
    require_writable,
    seed_option,
)
from theorems.commands.drawn import check_drawn
from theorems.commands.judging import Order
from theorems.commands.refutations import (
    DEFAULT,
    keep_counterexample,
    print_alarm,
    require_folder,
)
from theorems.commands.running import Run
from theorems.commands.selection import checked_on_networks, select, select_mutants
from theorems.commands.terminal import Target, line_width, naming, out, progress
from theorems.commands.workers import JOBS, processes, start_early
from theorems.impl.errors import require

if TYPE_CHECKING:
    from theorems.claim import Claim
    from theorems.own.models import Results


def check_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="claims, by name or glob, or FILE.py[:CLAIM]"),
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="instances to draw per claim")] = 100,
    seed: Annotated[
        int, seed_option("of the search, of generic points, and of noise inside a model")
    ] = 0,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="write the evidence there; - is standard output"
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="write the report there (the extra report)"),
    ] = None,
    *,
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="asymptotic claims at their full sizes: an hour or two"),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:FACTORY", help="check this network instead of drawn ones"),
    ] = None,
    mutant: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="check this wrong variant of the claims, by name or glob"
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--counterexamples",
            metavar="DIR",
            help="write a script for every refutation there; without it, unexpected ones go to "
            "counterexamples/",
        ),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="keep refuting instances there and try those first"),
    ] = None,
    decay: Annotated[
        float | None, typer.Option(help="weight decay λ of --model, as in loss + λ/2 ‖W‖²")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="of the minibatches that --model is trained on")
    ] = None,
    chunk: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="samples of --model's batch in one go; by default as many as there is room for",
        ),
    ] = None,
    double: Annotated[
        bool, typer.Option("--double", help="run --model in float64, whatever its format")
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, help="torch threads for --model; by default 1 below a million parameters"
        ),
    ] = None,
    jobs: JOBS = None,
    sizes: Annotated[
        bool, typer.Option("--sizes", help="say how deep, wide and long the drawn instances were")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            help="how each grade was earned, counterexamples to what is false as printed; every "
            "place of --model",
        ),
    ] = False,
) -> None:
    """Check claims over drawn networks, or over a network of yours."""
    with Target(json_file).alone():
        if model is None:
            start_early(jobs, examples * (len(names) if names else _CATALOGUE))
        claims = select(names or [], on_model=model is not None)
        if mutant is not None:
            claims = select_mutants(claims, mutant)
            folder = DEFAULT if folder is None else folder
        _require_outputs(json_file, html, folder, database)
        header(seed, examples if model is None else None)
        files = json_file, html
        if model is not None:
            training = {"decay": decay, "batch_size": batch_size}
            look: dict[str, Any] = {
                "chunk": chunk,
                "double": double,
                "threads": threads,
                "verbose": verbose,
            }
            raise typer.Exit(_check_model(model, claims, seed, files, training, folder, **look))
        require(
            not (double or threads or chunk),
            "expected --chunk, --double and --threads with --model, got them without it",
        )
        require(
            decay is None and batch_size is None,
            "expected --decay and --batch-size with --model, got them without it",
        )
        order = Order(
            tuple(names or ()), mutant, examples, seed, database, folder, thorough, verbose
        )
        several = processes(jobs, len(claims), len(claims) * examples)
        raise typer.Exit(check_drawn(order.shares(claims), order, files, jobs=several, sizes=sizes))


_CATALOGUE = 50
"""At least so many claims are meant by no name."""


def _require_outputs(
    json_file: Path | None, html: Path | None, folder: Path | None, database: Path | None
) -> None:
    """Refuse what cannot be written before any work is done."""
    require_writable(json_file)
    require_report(html, "--html")
    require_folder(folder, "--counterexamples")
    require_folder(database, "--database")


def _print_looked_at(results: Results) -> None:
    """How many layers were seen, and in which chunks the batch was."""
    if results.layers.total:
        out.print(f"[dim]{escape(str(results.layers))}[/]", highlight=False)
    if results.chunk is not None:
        most = f"chunks of up to {results.chunk} samples"
        out.print(f"[dim]the batch in {most}, the worst of each place[/]", highlight=False)


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

    from theorems.evidence.file import judged, model_record, raised
    from theorems.evidence.model_table import result_summary, result_table
    from theorems.evidence.refutations import take_fewer
    from theorems.own.models import Journal, check_subject, load
    from theorems.verdict import Outcome

    claims = checked_on_networks(claims)
    before = torch.get_num_threads()
    run, journal = Run(claims), Journal()
    try:
        with run, progress() as bar:
            task = bar.add_task(f"calling {spec}", total=None)
            with naming(f"calling {spec}"):
                subject = load(spec)
            bar.update(task, description=f"checking {spec}", total=len(claims), completed=0)
            given = {name: value for name, value in training.items() if value is not None}
            subject = replace(subject, seed=seed, **given)
            small = subject.size < _SMALL
            torch.set_num_threads(threads or (1 if small else before))
            step = lambda share: bar.advance(task, share * len(claims))  # noqa: E731
            check_subject(
                subject, claims=claims, chunk=chunk, double=double, on_verdict=step, journal=journal
            )
    finally:
        torch.set_num_threads(before)
    if run.interrupted and not journal.results:
        raise KeyboardInterrupt
    results = journal.finished(claims)
    out.print((result_table if verbose else result_summary)(results, width=line_width()))
    _print_looked_at(results)
    found = {claim.name: [r for r in results if r.claim is claim] for claim in claims}
    evidence = {
        claim.name: judged(claim, found[claim.name]) for claim in claims if found[claim.name]
    }
    ratios = [r for seen in evidence.values() for r in seen.ratios]
    if ratios:
        out.print(
            f"[dim]worst residual/bound {max(ratios):.3g} over {len(ratios)} rounded "
            "comparisons[/]",
            highlight=False,
        )
    for seen in evidence.values():
        if seen.outcome is Outcome.REFUTED:
            take_fewer(seen, subject, found[seen.claim.name], double=double)
            keep_counterexample(seen, seed, folder)
    for claim in claims:
        if claim.name in journal.errors:
            print_error(journal.errors[claim.name])
            run.add(raised(claim, journal.errors[claim.name]))
        elif claim.name in evidence:
            run.add(model_record(evidence[claim.name], found[claim.name]))
    alarm = print_alarm(list(evidence.values()))
    run.print_sum()
    look = {"chunk": chunk, "double": double or None}
    said = {
        "factory": spec,
        **given,
        **{name: value for name, value in look.items() if value is not None},
    }
    said["layers"] = results.layers.record()
    run.write(files, seed=seed, profile=f"model {spec}", model=said, false_alarm=alarm)
    unseen = PRESUPPOSED in evidence and evidence[PRESUPPOSED].outcome is Outcome.INAPPLICABLE
    # what all others presuppose was not looked at
    return EXIT_UNDECIDED if unseen and run.exit_code == EXIT_EXPECTED else run.exit_code
