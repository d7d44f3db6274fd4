"""`Few`: a given number of symbols along an axis, which code may count and walk through; each
number is a case of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


class Few:
    """Numbers by name, as many as are given: the rates of three steps."""

    __array_ufunc__ = None

    def __init__(self, parts: Sequence[Any]) -> None:
        """Keep them."""
        self.parts, self.shape = tuple(parts), (len(parts),)

    def tolist(self) -> list[Any]:
        """All of them."""
        return list(self.parts)

    def __iter__(self) -> Iterator[Any]:
        """One after the other."""
        return iter(self.parts)

    def __len__(self) -> int:
        """How many."""
        return len(self.parts)

    def __getitem__(self, index: Any) -> Any:
        """One of them, or some."""
        found = self.parts[index]
        return Few(found) if isinstance(index, slice) else found
