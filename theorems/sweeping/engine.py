"""Hand out the units of a sweep to any executor, keep what comes back, and stop a claim that is
refuted.

An executor is whatever has the interface of `concurrent.futures`: processes of this machine, or
``Client.get_executor()`` of Dask for a cluster. Only this process writes; the others know nothing
of the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from itertools import islice, zip_longest

from theorems.checking.check import shrunk
from theorems.claim import Claim
from theorems.impl.errors import InputError, require
from theorems.sweeping.store import Store, missing
from theorems.sweeping.units import (
    SIZE,
    Tally,
    Unit,
    code_version,
    instances,
    judged,
    named,
    stacks,
)
from theorems.verdict import Outcome, Verdict

AHEAD = 3
"""Units in flight per process: nobody waits for the next, and memory stays bounded."""
_LOOK = 0.5
_SHRINKING = 400


@dataclass
class Progress:
    """How far a sweep is.

    Args:
        total: units that were missing at the start.
        done: units that came back.
        left_out: units of claims that were refuted meanwhile.
        worst: largest residual/bound of what came back.
        refuted: claims that were refuted.
        errors: claims that could not be judged, and why.
        size: instances of a unit.
        began: when.
    """

    total: int
    size: int = SIZE
    done: int = 0
    left_out: int = 0
    worst: float = 0.0
    refuted: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        """Instances per second so far."""
        return self.size * self.done / max(time.monotonic() - self.began, 1e-9)

    @property
    def left(self) -> float:
        """Seconds that the rest takes at this rate; infinite before the first unit."""
        rest = self.size * (self.total - self.done - self.left_out)
        return rest / self.rate if self.done else float("inf")


def sweep(
    specs: Sequence[str],
    store: Store,
    executor: Executor,
    *,
    count: int,
    seed: int = 0,
    workers: int = 1,
    stacked: bool = False,
    on_progress: Callable[[Progress], object] = lambda _: None,
) -> Progress:
    """Judge what is missing of ``count`` instances of each claim; what comes back is kept at once.

    Args:
        specs: names of claims, or FILE.py:NAME.
        store: where it is kept.
        executor: runs the units.
        count: instances per claim, rounded up to whole units.
        seed: of the sweep.
        workers: how many units run at a time.
        stacked: draw networks in stacks of one shape, where the claim's strategy has such.
        on_progress: told whenever something came back, and twice a second.

    Raises:
        InputError: for a count below one; for a claim that is not drawn in stacks, if it is to be;
            if a worker runs other code than this process, or the executor breaks.
    """
    require(count >= 1, f"expected at least one instance, got {count}")
    versions = {spec: code_version(named(spec).file, stacked=stacked) for spec in specs}
    for spec in specs if stacked else ():
        next(stacks(named(spec), seed, 0))
    stopped = {
        total.claim
        for total in store.totals()
        if total.refuted and versions.get(total.claim) == total.version
    }
    waiting = [
        list(missing(store, spec, versions[spec], seed, count, stacked=stacked))
        for spec in specs
        if spec not in stopped
    ]
    progress = Progress(
        sum(map(len, waiting)),
        size=Unit("", seed, 0, stacked).size,
        refuted=[spec for spec in specs if spec in stopped],
    )
    # claims in turn
    queue = (unit for turn in zip_longest(*waiting) for unit in turn if unit is not None)
    pending: dict[Future[Tally], Unit] = {}
    try:
        while True:
            _fill(queue, pending, executor, AHEAD * workers, progress)
            if not pending:
                break
            done, _ = wait(pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
            # what is finished is kept first
            for future in sorted(done, key=lambda one: one.exception() is not None):
                unit = pending.pop(future)
                _take(future, unit, versions, store, progress)
            on_progress(progress)
    finally:
        for future in pending:
            future.cancel()
    return progress


def _fill(
    queue: Iterator[Unit],
    pending: dict[Future[Tally], Unit],
    executor: Executor,
    most: int,
    progress: Progress,
) -> None:
    for unit in queue if len(pending) < most else ():
        if unit.spec in progress.refuted or unit.spec in progress.errors:
            progress.left_out += 1
            continue
        pending[executor.submit(judged, unit)] = unit
        if len(pending) >= most:
            return


def _take(
    future: Future[Tally], unit: Unit, versions: dict[str, str], store: Store, progress: Progress
) -> None:
    try:
        tally = future.result()
    except BrokenExecutor as error:
        raise InputError(
            "expected the processes of the sweep to go on, but one ended without a word (killed, "
            "or out of memory); what is finished is kept, and the same sweep goes on from there"
        ) from error
    except InputError as error:
        progress.errors.setdefault(unit.spec, str(error))
        progress.left_out += 1
        return
    require(
        tally.version == versions[unit.spec],
        f"expected workers that run the code of this process (version {versions[unit.spec]} of "
        f"{unit.spec}), got {tally.version}: install the same packages and files there",
    )
    store.add(tally)
    progress.done += 1
    progress.worst = max(progress.worst, tally.worst)
    if tally.first is not None and unit.spec not in progress.refuted:
        progress.refuted.append(unit.spec)


def refutation(
    spec: str, place: tuple[int, int, int], *, stacked: bool = False
) -> tuple[Claim, Verdict]:
    """The first refuted instance of a sweep, drawn again and shrunk.

    Args:
        spec: of the claim.
        place: seed, number of the unit, position in it.
        stacked: whether the unit came in stacks.

    Raises:
        InputError: if it is not refuted again.
    """
    claim, (seed, number, at) = named(spec), place
    verdict = claim(next(islice(instances(claim, seed, number, stacked=stacked), at, None)))
    require(
        verdict.outcome is Outcome.REFUTED,
        f"expected instance {at} of unit {number} of {spec} to be refuted again, got "
        f"{verdict.outcome.name}: take every random number from a generator seeded by the instance",
    )
    return claim, shrunk(claim, verdict, examples=_SHRINKING, seed=seed)
