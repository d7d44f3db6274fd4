"""A false claim of which the forms differ: an instance of small whole numbers, at the least sizes,
on which it is refuted.

Found by exact evaluation of the claim, never promised: sizes are tried from the least ones on,
and entries from the smallest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, count
from typing import Any

from theorems.claim import Claim
from theorems.impl.generic.source import Source
from theorems.impl.symbolic.source import SymbolicSource
from theorems.proving.cases import Case
from theorems.proving.domains import domain_of
from theorems.proving.proof import Proof
from theorems.verdict import Outcome, Verdict

_TOTAL = 14
"""The sum of all sizes up to which is searched."""
_TRIES = 400
"""Instances judged at most."""


@dataclass(frozen=True)
class Counterexample:
    """An instance that refutes, and its sizes in the order in which the constructor asks for
    them.
    """

    verdict: Verdict
    sizes: tuple[int, ...]
    case: str


class SmallSource(Source):
    """Given sizes, small whole entries, and the alternative of a case."""

    def __init__(
        self, shape: int, seed: int, sizes: tuple[int, ...], *, largest: int, bounded: bool
    ) -> None:
        """Take sizes in turn; ``bounded`` to refuse those that are not asked for."""
        super().__init__(shape, seed, largest=largest)
        self._given, self._bounded = iter(sizes), bounded

    def size(self, least: int, most: int) -> int:
        """The next one that is given.

        Raises:
            ValueError: if it is not among those asked for, where that matters.
        """
        if least == most == 1:
            return 1
        found = next(self._given)
        if self._bounded and not least <= found <= most:
            raise ValueError(f"expected a size from {least} to {most}, got {found}")
        return found


def counterexample(claim: Claim, proof: Proof) -> Counterexample | None:
    """An instance that refutes ``claim``, at the least sizes at which one was found; None if the
    search finds none.
    """
    domain = domain_of(claim)
    if domain is None or not proof.refutable:
        return None
    words = proof.refutable[0][0].words
    case = next(c for c in domain.cases if c.words == words)
    for tried, (sizes, seed) in enumerate(_order(_asked_for(case))):
        if tried == _TRIES:
            return None
        verdict = _judged(claim, case, sizes, seed)
        if verdict is not None and verdict.outcome is Outcome.REFUTED:
            return Counterexample(verdict, sizes, case.words)
    return None


def _asked_for(case: Case) -> int:
    """How many sizes an instance has."""
    source = SymbolicSource(case.shape)
    case.make(source)
    return source.asked


def _order(number: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Sizes by their sum, the smallest entries first at each."""
    for total in count(number):
        if total > max(_TOTAL, number + 2):
            return
        found = list(_sizes(number, total))
        for seed in range(max(2, 12 // len(found))):
            for sizes in found:
                yield sizes, seed


def _sizes(number: int, total: int) -> Iterator[tuple[int, ...]]:
    """All ways to write a number as an ordered sum of so many sizes."""
    for cuts in combinations(range(1, total), number - 1):
        ends = (0, *cuts, total)
        yield tuple(b - a for a, b in zip(ends, ends[1:], strict=False))


def _judged(claim: Claim, case: Case, sizes: tuple[int, ...], seed: int) -> Verdict | None:
    """The claim's own verdict on one instance; None where none can be made."""
    try:
        instance: Any = case.make(
            SmallSource(case.shape or 0, seed, sizes, largest=1 + seed // 2, bounded=case.bounded)
        )
        if case.finish is not None:
            instance = case.finish(instance)
        return claim(instance)
    except Exception:  # noqa: BLE001
        return None
