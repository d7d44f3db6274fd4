"""Several processes that share out what one would do in a loop: the results, an interrupt and an
exception come out as there.

Processes are not forked from this one: torch has threads by then. On Linux they are forked from
one that has imported the catalogue and nothing else (`multiprocessing`'s fork server), so that the
imports are paid once; elsewhere they are spawned. Each runs one thread, ignores Ctrl-C, which is
the business of the process that started them, and ends with it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, forkserver
from multiprocessing.context import BaseContext
from typing import Annotated, Any, TypeVar

import typer

from theorems.commands.console import DEBUG

Result = TypeVar("Result")

JOBS = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", min=1, envvar="THEOREMS_JOBS", show_default=False,
        help="processes; by default one per core where there is enough to do",
    ),
]  # fmt: skip
_ENOUGH = 1_000
"""Instances below which a second process takes longer to start than it saves."""
_LOOK = 0.1
"""Seconds between two looks at how far the others are."""


class LostError(Exception):
    """A process ended without a word: killed, out of memory, or a crash in compiled code."""


def context() -> BaseContext:
    """How processes are started here."""
    if not _SERVED:
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(_LOADED)
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"  # the pools of numerical libraries do not survive a fork
    try:
        forkserver.ensure_running()
    except OSError:  # no socket, or no room for its name
        return multiprocessing.get_context("spawn")
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before
    return found


_SERVED = sys.platform == "linux"
_THREADS = "OMP_NUM_THREADS"
_LOADED = ["torch", "theorems.catalogue", "theorems.commands.judging", "theorems.checking.check"]


def start_early(asked: int | None, instances: int) -> None:
    """Let the fork server import while this process does, where several processes are likely.

    Args:
        asked: what the user said; None for as many as pay.
        instances: at least so many will be judged.
    """
    if _SERVED and processes(asked, 2, instances) > 1:
        context()


def processes(asked: int | None, tasks: int, instances: int) -> int:
    """How many processes to use.

    Args:
        asked: what the user said; None for as many as pay.
        tasks: how many there are to share out.
        instances: in all of them.
    """
    if DEBUG[0]:
        return 1  # a traceback is shown where it is raised
    wanted = asked if asked is not None else (cores() if instances >= _ENOUGH else 1)
    return max(1, min(wanted, tasks))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shared(
    work: Callable[..., Result],
    order: Any,
    tasks: Sequence[int],
    jobs: int,
    on_step: Callable[[int], object] = lambda _: None,
) -> Iterator[tuple[int, Result | LostError]]:
    """Call ``work(order, task, step)`` for each task in another process, and yield what comes back
    as it comes.

    Args:
        work: a function of a module, whose result can be pickled.
        order: given to all of them; can be pickled.
        tasks: begun in this order.
        jobs: processes.
        on_step: told by how many steps all of them have gone on.
    """
    lost: list[int] = []
    yield from _round(work, order, tasks, jobs, on_step, lost)
    # a process that dies takes the others' tasks with it: each has another try, by itself
    for task in lost:
        again: list[int] = []
        yield from _round(work, order, [task], 1, on_step, again)
        yield from ((task, LostError()) for task in again)


def _round(
    work: Callable[..., Result],
    order: Any,
    tasks: Sequence[int],
    jobs: int,
    on_step: Callable[[int], object],
    lost: list[int],
) -> Iterator[tuple[int, Result]]:
    """One pool of processes; what a process took with it is noted in ``lost``."""
    kind = context()
    steps, before = kind.Value("q", 0), set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=kind, initializer=_begin, initargs=(steps,))
    seen = 0
    try:
        pending: dict[Future[Result], int] = {
            pool.submit(_one, work, order, task): task for task in tasks
        }
        while pending:
            done, _ = wait(pending, timeout=_LOOK, return_when=FIRST_COMPLETED)
            on_step(steps.value - seen)
            seen = steps.value
            for future in done:
                task = pending.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    lost.append(task)
                else:
                    yield task, result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        # whatever they are at, nobody waits for it
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
            child.join()


_STEPS: list[Any] = []


def prepare() -> None:
    """What a process does first: one thread, no Ctrl-C, no life after the process that started
    it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ[_THREADS] = "1"
    import torch

    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel, os._exit), daemon=True).start()


def _begin(steps: Any) -> None:
    prepare()
    _STEPS[:] = [steps]


def _end_with(sentinel: int, leave: Callable[[int], object]) -> None:
    """Wait for the end of the process that started this one."""
    connection.wait([sentinel])
    leave(1)


def _one(work: Callable[..., Result], order: Any, task: int) -> Result:
    from theorems.exits import kept_running

    with kept_running():
        return work(order, task, _step)


def _step() -> None:
    with _STEPS[0].get_lock():
        _STEPS[0].value += 1
