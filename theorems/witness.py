"""Who is told of verdicts: a test that is tied to a claim counts what the claim answered while the
test ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from theorems.verdict import Verdict

Witness: TypeAlias = Callable[[Any, Verdict], None]
"""Called with a claim and its verdict."""

_WITNESSES: list[Witness] = []


@contextmanager
def witnessed(witness: Witness) -> Iterator[None]:
    """Call ``witness(claim, verdict)`` for every verdict made inside the block, in whatever thread.

    Mutants, and claims made by `dataclasses.replace`, come as themselves: compare the claim with
    ``is``.
    """
    _WITNESSES.append(witness)
    try:
        yield
    finally:
        _WITNESSES.remove(witness)


def tell(claim: Any, verdict: Verdict) -> Verdict:
    """Tell every witness of a verdict, and give it back."""
    for witness in tuple(_WITNESSES):
        witness(claim, verdict)
    return verdict
