"""What the evidence keeps of a refutation: the smallest there is, once more, and a script that
shows it to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from theorems.impl.errors import require
from theorems.verdict import Outcome

if TYPE_CHECKING:
    from theorems.checking.collected import Evidence
    from theorems.counterexamples import Counterexample
    from theorems.own.models import Result
    from theorems.own.places import Subject


def require_repeatable(seen: Evidence) -> None:
    """Refuse a refutation that does not come out a second time on the same instance.

    Raises:
        InputError: for a claim that changes its mind.
    """
    worst = seen.worst
    if worst is None or seen.outcome is not Outcome.REFUTED or seen.watched is not None:
        return
    require(
        seen.claim(worst.instance).outcome is worst.outcome,
        f"expected {seen.claim.name} to answer alike on equal instances, got REFUTED and then "
        "something else: take every random number from a generator seeded by the instance; on "
        f"{worst.instance!r}",
    )


def take_fewer(
    seen: Evidence, subject: Subject, results: Iterable[Result], *, double: bool = False
) -> None:
    """Put in place of a refutation on a network the one on the fewest samples, if there is one
    (`theorems.own.fewer.refuted_on_fewer`).

    Args:
        seen: evidence of one claim.
        subject: the network.
        results: of that claim; the samples of the first refutation are tried.
        double: run the network in float64.
    """
    from theorems.own.fewer import refuted_on_fewer

    refuted = [result for result in results if result.verdict.outcome is Outcome.REFUTED]
    if not refuted:
        return
    smaller = refuted_on_fewer(subject, seen.claim, samples=refuted[0].samples, double=double)
    if smaller is not None:  # a refutation is falsy
        seen.worst = smaller


def keep_script(seen: Evidence, *, seed: int, folder: Path | None) -> Counterexample:
    """Write the script of the refutation that counts; the evidence keeps a copy and the name of the
    file.

    Args:
        seen: evidence whose ``worst`` is a refutation.
        seed: of the search, for the record.
        folder: for the script, made if need be; None for no file.
    """
    from theorems.counterexamples import counterexample

    assert seen.worst is not None
    watched = seen.watched is not None and seen.worst is seen.watched[1]
    claim = seen.watched[0] if watched and seen.watched is not None else seen.claim
    found = counterexample(claim, seen.worst, seed=seed)
    file = found.write(folder) if folder is not None else None
    seen.script = (found.script, None if file is None else str(file))
    return found
