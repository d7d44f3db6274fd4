"""How a command ends: an exit code for everything that can happen, and never the code of a pass or
a refutation for anything else.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, ParamSpec

import typer

from theorems.commands.console import (
    DEBUG,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_NO_READER,
    EXIT_USAGE,
    print_error,
)
from theorems.commands.terminal import err
from theorems.exits import how_it_left, kept_running

P = ParamSpec("P")


class Stopped(KeyboardInterrupt):
    """SIGTERM or SIGHUP: the same as Ctrl-C for a run, which tells what it has."""


def ending(command: Callable[P, None]) -> Callable[P, None]:
    """A command of which nothing ends the process but itself."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with kept_running():
                command(*args, **kwargs)
        except KeyboardInterrupt:
            err.print("interrupted", style="bold yellow")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except SystemExit as error:
            print_error(
                f"expected the run to go to its end, but code of yours called {how_it_left(error)}"
            )
            raise typer.Exit(EXIT_USAGE) from error
        except BrokenPipeError:
            raise typer.Exit(_no_reader()) from None
        except OSError as error:
            print_error(_told(error))
            raise typer.Exit(EXIT_USAGE) from error

    return run


@contextlib.contextmanager
def signals() -> Iterator[None]:
    """SIGTERM and a terminal that closes interrupt as Ctrl-C does, unless somebody else already
    looks after them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [getattr(signal, name) for name in names]
    ours = [number for number in ours if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _stop(_number: int, _frame: Any) -> NoReturn:
    raise Stopped


def _no_reader() -> int:
    """Nobody reads standard output any more: nothing may be written to it, not even at the end of
    the process.
    """
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_NO_READER


def _told(error: OSError) -> str:
    where = f" {error.filename!r}" if error.filename is not None else ""
    return f"expected to read and write{where or ' what is needed'}, but {error.strerror or error}"


def broke(error: Exception) -> int:
    """Say that the fault is ours."""
    if not DEBUG[0]:  # else it comes with the line
        err.print_exception()
    print_error(
        f"internal, not yours: {type(error).__name__}: {error}; please report it with the "
        "lines above"
    )
    return EXIT_INTERNAL
