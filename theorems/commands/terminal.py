"""Where commands print: two consoles, how wide they are, what shows that work goes on, and JSON on
standard output.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.table import Column
from rich.text import Text

from theorems.impl.errors import visible

if TYPE_CHECKING:
    from theorems.checking.falsifying import Search

_WIDE = 190
_HANGS = 5.0


class _Screen(Console):
    """A console whose reader may go away: then the process ends as the shell expects, and not with
    the code of a refutation.
    """

    def on_broken_pipe(self) -> NoReturn:
        """Let the command end the run."""
        raise BrokenPipeError


class _Shown:
    """Something to print, its control characters spelled out."""

    def __init__(self, renderable: Any) -> None:
        self.renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Every segment that is no control code of rich's own."""
        for segment in console.render(self.renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


class _Visible(RenderHook):
    """What messages of somebody else's hold is shown and not obeyed."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Wrap each."""
        return [_Shown(renderable) for renderable in renderables]


def _width() -> int | None:
    """None where the terminal knows; a file or a log has no width of its own."""
    return None if sys.stdout.isatty() else _WIDE


out = _Screen(width=_width())
err = _Screen(stderr=True)
for _console in (out, err):
    _console.push_render_hook(_Visible())


@dataclass(frozen=True)
class Screen:
    """What another process needs to print as if it were here."""

    width: int
    terminal: bool
    colours: str | None

    @classmethod
    def here(cls) -> Screen:
        """That of standard output."""
        return cls(out.width, out.is_terminal, out.color_system)

    def take(self) -> None:
        """Print as there; bars and spinners are the business of the other process."""
        err.quiet = True
        out.__init__(width=self.width, force_terminal=self.terminal, color_system=self.colours)  # type: ignore[misc]
        out.push_render_hook(_Visible())


def streams() -> bool:
    """Whether lines are printed one by one as claims finish: wherever no terminal shows the whole
    at the end.
    """
    return not out.is_terminal


def line_width() -> int | None:
    """How wide a line of a table may be; None where nobody said."""
    said = os.environ.get("COLUMNS", "")
    return out.width if out.is_terminal else int(said) if said.isdigit() and int(said) else None


class Target:
    """A file, or standard output for a dash.

    Args:
        path: what was given.
    """

    def __init__(self, path: Path | None) -> None:
        """Keep it."""
        self.path = path

    @property
    def is_stdout(self) -> bool:
        """Whether it is a dash."""
        return self.path is not None and str(self.path) == "-"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While inside, whatever is meant for a reader goes to stderr, so that standard output
        holds nothing but what is written there.
        """
        before = out.stderr
        out.stderr = before or self.is_stdout
        try:
            yield
        finally:
            out.stderr = before

    def write(self, content: str) -> None:
        """Put it on standard output."""
        sys.stdout.write(content)
        sys.stdout.flush()


def _piped() -> bool:
    """Whether standard output goes to another program, which may share our terminal: a bar would be
    drawn across its lines.
    """
    try:
        return stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return False


def _bar(*columns: ProgressColumn) -> Progress:
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal or _piped())


class _Doing(ProgressColumn):
    """What is being done, on one line."""

    def render(self, task: Task) -> Text:
        """Its end is left out first."""
        return Text(task.description, no_wrap=True, overflow="ellipsis")


def progress() -> Progress:
    """A bar on stderr that leaves nothing behind: how far, how long, how long still."""

    def whole() -> Column:
        return Column(no_wrap=True)  # where room is short, only the name gives way

    left = TimeRemainingColumn(compact=True, table_column=whole())
    words = [TextColumn(word, table_column=whole()) for word in ("elapsed,", "left ")]
    bar = BarColumn(12, table_column=whole())
    return _bar(bar, TimeElapsedColumn(table_column=whole()), words[0], left, words[1], _Doing())


@contextmanager
def searching(
    name: str, examples: int | None, seconds: float | None
) -> Iterator[Callable[[Search], None]]:
    """A progress bar of one search: instances or seconds of its budget, the phase, the worst ratio
    so far.
    """
    with _bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[seen]}"),
        TimeElapsedColumn(),
    ) as bar:
        task = bar.add_task(name, total=examples if examples is not None else seconds, seen="")

        def show(search: Search) -> None:
            done = search.instances if examples is not None else search.elapsed
            seen = (
                f"{search.instances} instances, {search.phase}, worst residual/bound "
                f"{search.worst_ratio:.2g}"
            )
            bar.update(task, completed=done, seen=seen)

        yield show


@contextmanager
def naming(
    what: str, say: Callable[[str], object] | None = None, *, after: float = _HANGS
) -> Iterator[None]:
    """Name what is being done if it takes long and no bar names it: somebody's factory may hang.

    Args:
        what: "calling net.py:factory".
        say: takes the line; by default it goes to stderr.
        after: seconds.
    """
    tell = say or (
        lambda line: err.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)
    )
    timer = threading.Timer(after, lambda: tell(f"still {what} after {after:.0f} s"))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
