"""`NotOfThisFormError`: what the symbolic operand cannot express, and where it was asked for."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_ROOM = str(Path(__file__).parent)
_PASSED_OVER = ("torch_like.py", "torch_functions.py", "duals.py", "differentiation.py")


class NotOfThisFormError(TypeError):
    """A formula leaves the sums of tensor networks: a comparison, a root, a division by a drawn
    number.

    The message says what was asked for and the line of code that asked.
    """

    def __init__(self, what: str) -> None:
        """Find the line outside of this room that is to blame."""
        self.what, self.where = what, _asked()
        super().__init__(f"{what}, at {self.where}" if self.where else what)
        raised = _RAISED.get()
        if raised is not None:
            raised.append(self)


_RAISED: ContextVar[list[NotOfThisFormError] | None] = ContextVar("raised", default=None)
_WATCHED: ContextVar[str | None] = ContextVar("watched", default=None)


@contextmanager
def refusals(watched: str | None = None) -> Iterator[list[NotOfThisFormError]]:
    """Every refusal within, those that the code under proof has caught included.

    Args:
        watched: a file in which even the question of which kind of number something is counts as a
            branch.
    """
    tokens = _RAISED.set([]), _WATCHED.set(watched)
    try:
        found = _RAISED.get()
        assert found is not None
        yield found
    finally:
        _RAISED.reset(tokens[0])
        _WATCHED.reset(tokens[1])


def within(file: str) -> bool:
    """Whether a file is of this room, or between it and the code that asks."""
    return file.startswith((_ROOM, "<")) or Path(file).name in _PASSED_OVER


def kind_asked() -> None:
    """Refuse to say which kind of number this is, where the caller of the caller is watched."""
    watched = _WATCHED.get()
    if watched is not None and sys._getframe(2).f_code.co_filename == watched:
        raise NotOfThisFormError("a branch on the kind of number")


def attribute_asked(name: str) -> None:
    """Refuse to say that there is no such attribute, where the caller of the caller is watched:
    numbers of another kind may have it.
    """
    watched = _WATCHED.get()
    if watched is not None and sys._getframe(2).f_code.co_filename == watched:
        raise NotOfThisFormError(f"a branch on the kind of number, by its attribute {name!r}")


def _asked() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not within(name):
            line = linecache.getline(name, frame.f_lineno).strip()
            shown = line if len(line) <= 80 else line[:79] + "…"
            return f"{Path(name).name}:{frame.f_lineno}" + (f" ({shown})" if shown else "")
        frame = frame.f_back  # type: ignore[assignment]
    return ""
