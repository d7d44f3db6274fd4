"""One claim of ``theorems check``, from drawing to what is printed of it: the same whether this
process judges it or another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from theorems.checking.records import Record
from theorems.commands.apart import Raised, judged_by
from theorems.commands.selection import select, select_mutants
from theorems.commands.terminal import Screen, out

if TYPE_CHECKING:
    from theorems.checking.collected import Evidence
    from theorems.claim import Claim


@dataclass(frozen=True)
class Order:
    """What is to be judged and how: all that another process needs to know.

    Args:
        names: what the user asked for.
        mutant: the wrong variant that is meant instead of the claims; None for the claims.
        examples: instances per claim.
        seed: of the search.
        database: folder of refuting instances.
        folder: for scripts.
        thorough: asymptotic claims at their full sizes.
        verbose: say how each grade was earned.
        screen: how wide the terminal is, and what it can show.
    """

    names: tuple[str, ...] = ()
    mutant: str | None = None
    examples: int = 100
    seed: int = 0
    database: Path | None = None
    folder: Path | None = None
    thorough: bool = False
    verbose: bool = False
    screen: Screen = field(default_factory=Screen.here)

    def claims(self) -> list[Claim]:
        """The claims that are meant, each with its share of the run's false-alarm probability."""
        claims = select(self.names)
        return self.shares(claims if self.mutant is None else select_mutants(claims, self.mutant))

    def shares(self, claims: list[Claim]) -> list[Claim]:
        """These claims, each with its share."""
        from theorems.checking.alarms import shared_out

        return shared_out(claims, self.examples)


class Judged(NamedTuple):
    """What is left of a claim that was judged: nothing that holds an instance.

    Args:
        entry: for the evidence file.
        told: what is printed below the table.
        family: what its p(error) is about, with a gap for the names of claims; None if that is not
            said.
        sizes: of the instances drawn.
        spent: false-alarm probability and statistical verdicts; None without any.
    """

    entry: Record
    told: str
    family: str | None
    sizes: dict[str, tuple[int, int]]
    spent: tuple[float, int] | None


def judge(claim: Claim, order: Order, seen: Evidence, step: Callable[[], None]) -> Judged:
    """Draw, judge, shrink, print into a string.

    Raises:
        InputError: if the claim, its strategy or its relation raises, or the claim changes its
            mind.
    """
    from theorems.checking.check import check
    from theorems.evidence.refutations import require_repeatable
    from theorems.impl.strategies.profiles import full_sizes

    search: dict[str, Any] = {
        "examples": order.examples,
        "seed": order.seed,
        "database": order.database,
    }
    with full_sizes(wanted=order.thorough):
        check(claim, **search, evidence=seen, on_example=step)
        require_repeatable(seen)
    return told(seen, order)


def told(seen: Evidence, order: Order) -> Judged:
    """What is kept of the evidence; the script of a refutation is written."""
    from theorems.checking.alarms import spent
    from theorems.commands.refutations import print_details
    from theorems.evidence.file import record
    from theorems.evidence.tables import family_of

    with out.capture() as text:
        print_details(
            seen,
            order.seed,
            order.folder,
            verbose=order.verbose,
            show=order.verbose or bool(order.mutant),
        )
    return Judged(record(seen), text.get(), family_of(seen), dict(seen.sizes), spent([seen]))


def judged_apart(order: Order, at: int, step: Callable[[], None]) -> Judged | Raised:
    """Judge one of the claims in a process of its own."""
    from theorems.checking.collected import Evidence

    order.screen.take()
    return judged_by(order, at, lambda claim: judge(claim, order, Evidence(claim), step))
