"""The run of ``theorems check`` over drawn instances: in one process or in several, with the same
evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from theorems.commands.apart import in_processes, longest_first
from theorems.commands.judging import Judged, Order, judge, judged_apart, told
from theorems.commands.running import Run
from theorems.commands.terminal import out, progress

if TYPE_CHECKING:
    from theorems.checking.collected import Evidence
    from theorems.claim import Claim

_FEW = 10
"""Claims up to which the families of p(error) are printed without being asked for."""


def check_drawn(
    claims: list[Claim],
    order: Order,
    files: tuple[Path | None, Path | None],
    *,
    jobs: int,
    sizes: bool,
) -> int:
    """Judge, print, write; give the exit code.

    Args:
        claims: those of the order, each with its share of the run's false-alarm probability.
        order: what and how.
        files: for the evidence and for the page.
        jobs: processes.
        sizes: whether the sizes of the instances are printed.
    """
    from theorems.checking.alarms import together
    from theorems.evidence.tables import families, sizes_table

    run, found = Run(claims, streaming=True), dict[str, Judged]()
    with run, progress() as bar:
        task = bar.add_task("", total=len(claims) * order.examples)

        def begin(at: int) -> None:
            words = f"claim {at + 1} of {len(claims)}: {claims[at].name}"
            bar.update(task, description=words, completed=at * order.examples)

        def step(count: int = 1) -> None:
            bar.advance(task, count)

        if jobs > 1:
            bar.update(task, description=f"{len(claims)} claims in {jobs} processes")
            take = lambda _, result: _take(run, found, result)  # noqa: E731
            in_processes(run, judged_apart, order, longest_first(claims), jobs, take, on_step=step)
        else:
            _in_this_process(run, order, found, begin, step)
    shown = [found[claim.name] for claim in claims if claim.name in found]
    run.print_table()
    if sizes:
        out.print(sizes_table([(one.entry["name"], one.sizes) for one in shown]))
    if order.verbose or len(claims) <= _FEW:
        for line in families([(one.entry["name"], one.family) for one in shown]):
            out.print(f"[dim]{escape(line)}[/]", highlight=False, soft_wrap=not out.is_terminal)
    for one in shown:
        out.file.write(one.told)
        run.entries[one.entry["name"]] = one.entry
    alarm = _print_alarm(together(one.spent for one in shown))
    run.print_sum()
    run.write(
        files,
        seed=order.seed,
        profile="thorough" if order.thorough else "default",
        false_alarm=alarm,
    )
    return run.exit_code


def _print_alarm(found: tuple[float, int] | None) -> float | None:
    from theorems.commands.refutations import print_spent

    return print_spent(found)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Drawn networks are small: with more threads they stall."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _in_this_process(
    run: Run,
    order: Order,
    found: dict[str, Judged],
    begin: Callable[[int], None],
    step: Callable[[], None],
) -> None:
    from theorems.checking.collected import Evidence
    from theorems.verdict import Outcome

    seen: Evidence | None = None
    with _one_thread():
        try:
            for at, claim in enumerate(run.claims):
                begin(at)
                with run.judging(claim):
                    seen = Evidence(claim)
                    _take(run, found, judge(claim, order, seen, step))
                seen = None
        except KeyboardInterrupt:
            # what has refuted a claim does not depend on what would have come after it
            if (
                seen is not None
                and seen.claim.name not in found
                and seen.outcome is Outcome.REFUTED
            ):
                _take(run, found, told(seen, order))
            raise


def _take(run: Run, found: dict[str, Judged], result: Judged) -> None:
    found[result.entry["name"]] = result
    run.add(result.entry)
