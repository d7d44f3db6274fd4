"""Seconds of CPU and bytes at the peak of one run, in a process of its own."""

from __future__ import annotations

import ctypes
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Run:
    """One run.

    Args:
        seconds: of CPU; None if there was no result.
        peak: how far the resident set grew above what it was before the run; None where the system
            does not tell (it is read off /proc).
        problem: why there was no result.
    """

    seconds: float | None = None
    peak: int | None = None
    problem: str | None = None


def resident(field: str) -> int | None:
    """A field of this process's status in bytes."""
    if not STATUS.exists():
        return None
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def alone(run: Callable[[], Any], warm: Callable[[], Any], check: Callable[[Any], None]) -> Run:
    """``run`` once in a fork of this process, after ``warm``; ``check`` judges what it returned.

    This process must not have differentiated anything itself: autograd does not survive a fork.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_child, args=(theirs, run, warm, check))
    child.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        found = Run(problem="ended without a word, for want of memory perhaps")
    child.join()
    return found


def _child(pipe: Any, run: Callable[[], Any], warm: Callable[[], Any], check: Any) -> None:
    try:
        warm()
        if FORGET.exists():
            ctypes.CDLL(None).malloc_trim(0)
            FORGET.write_text("5")  # the high-water mark starts anew
        before = resident("VmRSS")
        start = time.process_time()
        value = run()
        seconds = time.process_time() - start
        peak = None if before is None else (resident("VmHWM") or 0) - before
        check(value)
        pipe.send(Run(seconds, peak))
    except Exception as error:  # noqa: BLE001
        text = str(error).strip().splitlines() or [""]
        pipe.send(Run(problem=f"{type(error).__name__}: {text[0][:90]}"))
