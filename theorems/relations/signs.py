"""Which relation holds of which part: parts by name, and families of parts by a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from theorems.impl.errors import require

SIGNS = ("=", "<=", ">=", ">")


class Signs(dict[str, Any]):
    """Signs by part, where ``*`` in a name stands for anything: one entry serves as many parts as a
    network has layers.

    Args:
        signs: by part name or pattern; an exact name goes before a pattern, an earlier pattern
            before a later one.

    Raises:
        InputError: for a sign that is none.
    """

    def __init__(self, signs: Mapping[str, Any] = {}) -> None:
        """Refuse what is no sign."""
        super().__init__(signs)
        for part, sign in self.items():
            require(
                sign in SIGNS,
                f"expected a sign among {', '.join(SIGNS)} for part {part!r}, got {sign!r}",
            )
        self._patterns = [(part.split("*"), sign) for part, sign in self.items() if "*" in part]

    def get(self, part: str, default: Any = None) -> Any:
        """The sign of ``part``: its own, or that of the first pattern that it fits."""
        if part in self:
            return self[part]
        return next((sign for pieces, sign in self._patterns if _fits(part, pieces)), default)


def _fits(part: str, pieces: list[str]) -> bool:
    first, *between, last = pieces
    if len(part) < len(first) + len(last) or not part.startswith(first) or not part.endswith(last):
        return False
    at, end = len(first), len(part) - len(last)
    for piece in between:
        found = part.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
