"""``theorems sweep``: very many independent instances, on this machine or on a cluster, in a file
that can be resumed and merged.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from theorems.commands.console import (
    EXIT_INTERRUPTED,
    exit_code,
    print_error,
    require_writable,
    seed_option,
    write_json,
)
from theorems.commands.selection import select
from theorems.commands.terminal import Target, out, progress
from theorems.commands.workers import JOBS, context, cores, prepare
from theorems.impl.errors import InputError, require
from theorems.verdict import Outcome

if TYPE_CHECKING:
    from theorems.sweeping.store import Store, Total

VERBS = ("show", "merge")


def sweep_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME…|FILE.py:NAME]", help="claims; or `show DIR`; or `merge DIR…` into -o"
        ),
    ] = None,
    instances: Annotated[
        float,
        typer.Option(min=1, help="per claim, rounded up to whole units (200, or 1024 in stacks)"),
    ] = 1e4,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="where the sweep is kept")
    ] = None,
    seed: Annotated[int, seed_option("of the sweep")] = 0,
    *,
    stacked: Annotated[
        bool,
        typer.Option(
            "--stacked", help="networks in stacks of 64 of one shape: ten times as many per second"
        ),
    ] = False,
    jobs: JOBS = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="of a Dask scheduler (the extra cluster), in place of --jobs"
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="write the evidence there, for `theorems report`"
        ),
    ] = None,
) -> None:
    """Judge very many independent instances; killed, resumed, run twice or merged, nothing is lost
    or counted twice.
    """
    require_writable(json_file)
    verb, rest = (names[0], names[1:]) if names and names[0] in VERBS else ("", names or [])
    with Target(json_file).alone():
        if verb == "show":
            require(len(rest) == 1, f"expected `theorems sweep show DIR`, got {len(rest)} folders")
            code = _told(Path(rest[0]), seed, json_file)
        elif verb == "merge":
            code = _merge([Path(one) for one in rest], folder, seed, json_file)
        else:
            require(
                folder is not None,
                "expected a folder for the sweep, got none: give one with -o DIR",
            )
            assert folder is not None
            code = _sweep(
                rest, int(instances), folder, seed, jobs, dask, json_file, stacked=stacked
            )
    raise typer.Exit(code)


def _sweep(
    names: list[str],
    count: int,
    folder: Path,
    seed: int,
    jobs: int | None,
    dask: str | None,
    json_file: Path | None,
    *,
    stacked: bool,
) -> int:
    from theorems.sweeping.engine import Progress, sweep
    from theorems.sweeping.store import Store

    specs, store = _specs(names), Store(folder)
    found, interrupted = None, False
    with _executor(jobs, dask) as (executor, workers), progress() as bar:
        task = bar.add_task(f"{len(specs)} claims, {workers} workers", total=None)

        def show(seen: Progress) -> None:
            words = (
                f"{seen.rate:.0f} instances/s, worst residual/bound {seen.worst:.2g}, "
                f"{len(seen.refuted)} refuted"
            )
            bar.update(
                task, description=words, total=seen.total - seen.left_out, completed=seen.done
            )

        try:
            found = sweep(
                specs,
                store,
                executor,
                count=count,
                seed=seed,
                workers=workers,
                stacked=stacked,
                on_progress=show,
            )
        except KeyboardInterrupt:
            interrupted = True  # what came back is kept
    if interrupted:
        out.print(
            "[bold yellow]interrupted[/]: the same command goes on where it stopped",
            highlight=False,
        )
    for message in (found.errors if found is not None else {}).values():
        print_error(message)
    code = _told(folder, seed, json_file, raised=found is not None and bool(found.errors))
    return EXIT_INTERRUPTED if interrupted else code


def _specs(names: list[str]) -> list[str]:
    """What another process, in whatever folder, is told of each claim; those expected to be refuted
    only if they are named.
    """
    from theorems.catalogue import CLAIMS

    known = {claim.name for claim in CLAIMS}
    chosen = [claim for claim in select(names) if names or claim.expected is Outcome.HOLDS]
    return [
        one.name if one.name in known else f"{Path(one.file).resolve()}:{one.name}"
        for one in chosen
    ]


@contextlib.contextmanager
def _executor(jobs: int | None, dask: str | None) -> Iterator[tuple[Executor, int]]:
    if dask is not None:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError as error:
            raise InputError("--dask needs distributed: pip install 'theorems[cluster]'") from error
        with distributed.Client(dask, timeout=30) as client:
            yield client.get_executor(pure=False), max(1, len(client.scheduler_info()["workers"]))
        return
    workers = jobs or cores()
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=context(), initializer=prepare)
    try:
        yield pool, workers
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
            child.join()


def _merge(sources: list[Path], folder: Path | None, seed: int, json_file: Path | None) -> int:
    from theorems.sweeping.store import Store

    require(
        bool(sources) and folder is not None,
        "expected `theorems sweep merge DIR… -o DIR`, got no folder to merge or none to merge into",
    )
    assert folder is not None
    others = [Store(source, make=False) for source in sources]
    store = Store(folder)
    for source, other in zip(sources, others, strict=True):
        if other.path.resolve() != store.path.resolve():
            out.print(f"{store.merge(other)} units of {source}", highlight=False, markup=False)
    return _told(folder, seed, json_file)


def _told(folder: Path, seed: int, json_file: Path | None, *, raised: bool = False) -> int:
    """Print what a folder holds, shrink refutations that are not yet, and write the evidence."""
    from theorems.evidence.file import document
    from theorems.sweeping.store import Store
    from theorems.sweeping.telling import entries, old, outcome, table
    from theorems.sweeping.units import named

    store = Store(folder, make=False)
    for total in store.totals():
        if total.refuted is not None and total.verdict is None and not old(total):
            _shrink(store, total, total.refuted, folder)
    totals = store.totals()
    out.print(table(totals))
    for total in totals:
        if total.verdict is not None:
            out.print(
                f"\n[bold red]{escape(total.claim)}[/]\n{escape(total.verdict)}", highlight=False
            )
    here = [total for total in totals if not old(total)]
    if json_file is not None:
        evidence = document(
            entries(totals), seed=seed, profile=f"sweep {folder}", started=datetime.now(UTC)
        )
        write_json(json_file, json.dumps(evidence, indent=2, allow_nan=False) + "\n")
    pairs = [(Outcome[outcome(total)], named(total.claim).expected) for total in here]
    return exit_code(pairs, raised=raised)


def _shrink(store: Store, total: Total, place: tuple[int, int, int], folder: Path) -> None:
    from theorems.counterexamples import counterexample
    from theorems.sweeping.engine import refutation

    claim, verdict = refutation(total.claim, place, stacked=total.stacked)
    found = counterexample(claim, verdict, seed=place[0])
    file = found.write(folder)
    store.keep_script(
        total.claim, total.version, f"{verdict!r}\n  instance: {verdict.instance!r}", found.script
    )
    if file is not None:
        out.print(
            f"  script: {file} (run it with python or theorems replay)",
            highlight=False,
            markup=False,
        )
