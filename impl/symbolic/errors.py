"""`NotOfThisFormError`: what the symbolic operand cannot express, and where it was asked for."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path

_ROOM = str(Path(__file__).parent)
_PASSED_OVER = ("torch_like.py", "torch_functions.py", "duals.py", "differentiation.py")


class NotOfThisFormError(TypeError):
    """A formula leaves the sums of tensor networks: a comparison, a root, a division by a drawn number.

    The message says what was asked for and the line of code that asked.
    """

    def __init__(self, what: str) -> None:
        """Find the line outside of this room that is to blame."""
        self.what, self.where = what, _asked()
        super().__init__(f"{what}, at {self.where}" if self.where else what)


def _asked() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not (name.startswith((_ROOM, "<")) or Path(name).name in _PASSED_OVER):
            line = linecache.getline(name, frame.f_lineno).strip()
            shown = line if len(line) <= 80 else line[:79] + "…"
            return f"{Path(name).name}:{frame.f_lineno}" + (f" ({shown})" if shown else "")
        frame = frame.f_back  # type: ignore[assignment]
    return ""
