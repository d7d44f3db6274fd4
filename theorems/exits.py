"""Code of somebody else's that ends the process: then a run would stop with exit code 0 and nothing
checked.

``sys.exit`` raises SystemExit, which whoever calls that code can catch. ``os._exit`` and
``os.exec*`` raise nothing and run no handler, so no ``finally`` and no ``atexit`` sees them; while
the code runs they are replaced by functions that raise the same SystemExit. A process that was
forked is left alone: there ``os._exit`` is the usual end. What a C library does by itself cannot be
seen from Python.

A supervising parent process would see that as well, but it would have to stand in for the terminal,
the signals, the debugger and the exit code of its child, and pytest has none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


class LeftError(SystemExit):
    """What ``os._exit`` and ``os.exec*`` raise while `kept_running` is in force."""


@contextmanager
def kept_running() -> Iterator[None]:
    """Let nothing that runs inside end this process without an exception."""
    owner = os.getpid()
    system: Any = sys.modules.get("posix") or sys.modules.get("nt")
    before = {name: getattr(os, name) for name in ("_exit", "execv", "execve") if hasattr(os, name)}
    try:
        for name, real in before.items():
            for module in (os, system):
                setattr(module, name, _raising(name, real, owner))
        yield
    finally:
        for name, real in before.items():
            for module in (os, system):
                setattr(module, name, real)


def _raising(name: str, real: Callable[..., NoReturn], owner: int) -> Callable[..., NoReturn]:
    def leave(*arguments: Any) -> NoReturn:
        if os.getpid() != owner:  # a child: of multiprocessing, say
            real(*arguments)
        shown = ", ".join(map(repr, arguments[:1]))
        raise LeftError(f"os.{name}({shown})")

    return leave


def how_it_left(error: SystemExit) -> str:
    """Which call it was, in words."""
    return str(error) if isinstance(error, LeftError) else f"sys.exit({error.code!r})"
