"""`NotOfThisFormError`: what the symbolic operand cannot express, and where it was asked for."""

from __future__ import annotations

import linecache
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_ROOM = str(Path(__file__).parent)
_PACKAGE = str(Path(__file__).parents[2])
_PROVER = str(Path(_PACKAGE) / "proving")
_PASSED_OVER = (
    "torch_like.py", "torch_functions.py", "duals.py", "differentiation.py", "gradients.py",
)  # fmt: skip
_LIBRARIES = (*{sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib")}, "<")
_DISPATCHES = ("torch/functional.py", "torch/nn/functional.py", "torch/_tensor.py")
"""Where torch itself asks which kind of number it is, to hand the call over."""


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
        watched: the file of a user's claim: there, and in what it imports besides libraries, even
            the question of which kind of number something is counts as a branch.
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


def is_users(file: str) -> bool:
    """Whether code of a user is in this file: neither of this package, nor of a library, except
    the file that is watched.
    """
    if file == _WATCHED.get():
        return True
    return not (file.startswith(_PACKAGE) or _of_library(file))


def _of_library(file: str) -> bool:
    return file.startswith(_LIBRARIES) or "site-packages" in Path(file).parts


def _user_asks() -> bool:
    """Whether the question is asked by code of a user, be it through a library; not if by this
    package.
    """
    if _WATCHED.get() is None:
        return False
    frame = sys._getframe(3)
    while frame is not None:
        file = frame.f_code.co_filename
        if is_users(file):
            return True
        if file.startswith(_PACKAGE) or file.endswith(_DISPATCHES):
            return False
        frame = frame.f_back  # type: ignore[assignment]
    return False


def kind_asked() -> None:
    """Refuse to say which kind of number this is, where a user's code wants to know."""
    if _user_asks():
        raise NotOfThisFormError("a branch on the kind of number")


def attribute_asked(name: str) -> None:
    """Refuse to say that there is no such attribute, where a user's code wants to know: numbers of
    another kind may have it.
    """
    if _user_asks():
        raise NotOfThisFormError(f"a branch on the kind of number, by its attribute {name!r}")


def field_asked(name: str) -> None:
    """Refuse to show a field that says how numbers were measured, where a user's code reads it."""
    copied = sys._getframe(2).f_code  # by dataclasses.replace, which asks for all fields
    if (Path(copied.co_filename).name, copied.co_name) == ("dataclasses.py", "replace"):
        return
    if _user_asks():
        raise NotOfThisFormError(
            f"a branch on {name!r}, which differs from one drawn instance to the next"
        )


def in_place_asked() -> None:
    """Refuse ``x += y`` of a user's code: of a tensor it changes all that share its numbers, of
    symbols it would not.
    """
    if _WATCHED.get() is None:
        return
    frame = sys._getframe(2)
    while frame is not None and within(frame.f_code.co_filename):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is not None and is_users(frame.f_code.co_filename):
        raise NotOfThisFormError(
            "an operation in place, which changes every array that shares its numbers; write "
            "x = x + y for x += y"
        )


def _asked() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_PROVER):
            return ""
        if not within(name) and not _of_library(name):
            line = linecache.getline(name, frame.f_lineno).strip()
            shown = line if len(line) <= 80 else line[:79] + "…"
            return f"{Path(name).name}:{frame.f_lineno}" + (f" ({shown})" if shown else "")
        frame = frame.f_back  # type: ignore[assignment]
    return ""
