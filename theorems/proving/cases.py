"""`Case` and `Domain`: the alternatives that a claim can be proved for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from theorems.impl.generic.family import Family


@dataclass(frozen=True)
class Case:
    """One alternative.

    Args:
        words: which one; "depth 3".
        make: draws the instance from a source: of symbols, or of numbers for a counterexample.
        shape: what the constructor chooses by; None for one that may not choose.
        known: fields that are no operands and have the value that they have in this case.
        finish: what is done to the instance afterwards.
        wider: whether there are more instances than the claim speaks of: then only proofs count,
            and different forms do not refute.
        bounded: whether the bounds of sizes that the constructor asks for belong to what the claim
            speaks of.
    """

    words: str
    make: Callable[[Any], Any]
    shape: int | None = 0
    known: tuple[str, ...] = ()
    finish: Callable[[Any], Any] | None = None
    bounded: bool = False
    wider: bool = False


@dataclass(frozen=True)
class Domain:
    """All alternatives together.

    Args:
        words: for what, in words.
        cases: every one must be decided.
        family: of numbers, whose hypotheses are built in.
        beyond: what is drawn besides and no case is of: "deeper networks".
    """

    words: str
    cases: tuple[Case, ...]
    family: Family | None = None
    beyond: str = ""
