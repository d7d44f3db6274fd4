"""What commands do with several processes: which claim is whose, lines in the order of the
catalogue, and what a claim raises.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from theorems.commands.console import drawing, print_error
from theorems.commands.running import Run
from theorems.commands.workers import LostError, shared
from theorems.evidence.file import raised

if TYPE_CHECKING:
    from theorems.claim import Claim

Result = TypeVar("Result")


class Ordered(Protocol):
    """What is asked for; another process finds the same claims by it. It can be hashed and
    pickled.
    """

    def claims(self) -> list[Claim]:
        """The claims that are meant."""
        ...


class Raised(NamedTuple):
    """What a claim raised that could not be judged."""

    message: str
    seconds: float


_KNOWN: dict[Any, list[Claim]] = {}


def claims_of(order: Ordered) -> list[Claim]:
    """A process selects its claims once: files of the user's are run when they are imported."""
    if order not in _KNOWN:
        _KNOWN[order] = order.claims()
    return _KNOWN[order]


def judged_by(order: Ordered, at: int, judge: Callable[[Claim], Result]) -> Result | Raised:
    """Judge one of the claims, in another process; what it raises is a result."""
    from theorems.impl.errors import InputError

    claim, began = claims_of(order)[at], time.perf_counter()
    try:
        with drawing(claim):
            return judge(claim)
    except InputError as error:
        return Raised(" ".join(str(error).split()), time.perf_counter() - began)


def in_processes(
    run: Run,
    work: Callable[..., Any],
    order: Ordered,
    tasks: Sequence[int],
    jobs: int,
    take: Callable[[int, Any], object],
    *,
    on_step: Callable[[int], object] = lambda _: None,
) -> None:
    """Share out the claims of a run, and take what comes back in the order of the catalogue; after
    an interrupt what is finished beyond a gap too.

    Args:
        run: takes what claims raise.
        work: ``work(order, at, step)`` judges one claim.
        order: given to all.
        tasks: the claims by their place, in the order in which they are begun.
        jobs: processes.
        take: told of the place of a claim and what came of it.
        on_step: told by how many steps all of them have gone on.
    """
    done: dict[int, Any] = {}
    shown = 0

    def tell(at: int) -> None:
        result = done.pop(at)
        if isinstance(result, LostError):
            result = Raised(_lost(run.claims[at]), 0.0)
        if isinstance(result, Raised):
            print_error(result.message)
            run.add(raised(run.claims[at], result.message, seconds=result.seconds))
        else:
            take(at, result)

    try:
        for at, result in shared(work, order, tasks, jobs, on_step):
            done[at] = result
            while shown in done:
                tell(shown)
                shown += 1
    finally:
        for at in sorted(done):
            tell(at)


def _lost(claim: Claim) -> str:
    return (
        f"expected {claim.name} to be judged, but the process that did ended without a word "
        "(killed, out of memory, or a crash in compiled code), and a second one did too; judge it "
        "with --jobs 1"
    )


LONG = ("TendsTo", "SubGammaMean", "FlowEnd", "Escapes", "GatedNetwork", "CoupledPoint")
"""Relations and types of instances whose claims take longest, in that order."""


def longest_first(claims: Sequence[Claim]) -> list[int]:
    """The places of claims in the order in which several processes begin them."""

    def rank(at: int) -> int:
        kinds = type(claims[at].relation).__name__, claims[at].subject.__name__
        return min((LONG.index(kind) for kind in kinds if kind in LONG), default=len(LONG))

    return sorted(range(len(claims)), key=rank)
