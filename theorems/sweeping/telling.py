"""What a sweep comes to: a table for a terminal, and entries of an evidence file, which the report
reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from theorems.checking.collected import Evidence
from theorems.checking.records import Record
from theorems.evidence.file import record
from theorems.impl.errors import InputError
from theorems.sweeping.bounds import LEVEL, anytime, fixed
from theorems.sweeping.store import Total
from theorems.sweeping.units import code_version, named
from theorems.verdict import Grade, Outcome


def outcome(total: Total) -> str:
    """The most severe outcome of an instance."""
    return next(
        (name for name in ("REFUTED", "UNDECIDED", "HOLDS") if total.outcomes[name]), "INAPPLICABLE"
    )


def table(totals: Sequence[Total]) -> Table:
    """One row per claim and version of its code."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("claim", no_wrap=True)
    for name in (
        "outcome",
        "instances",
        "refuted",
        "undecided",
        "inapplicable",
        "worst residual/bound",
        "refuted share ≤",
        "at any time ≤",
        "instances/s of a core",
        "version",
    ):
        shown.add_column(name, justify="right")
    for total in totals:
        shown.add_row(
            total.claim,
            outcome(total),
            str(total.instances),
            str(total.outcomes["REFUTED"]),
            str(total.outcomes["UNDECIDED"]),
            str(total.outcomes["INAPPLICABLE"]),
            f"{total.worst:.3g}",
            f"{fixed(*total.share):.2g}",
            f"{anytime(*total.share):.2g}",
            f"{total.instances / max(total.seconds, 1e-9):.3g}",
            total.version + old(total),
        )
    shown.caption = (
        f"bounds at level {1 - LEVEL:.0%}: Clopper and Pearson for one look, betting for looks "
        "at any time"
    )
    if any(total.stacked for total in totals):
        shown.caption += "; networks of a stack share their shape: the bounds count stacks"
    shown.caption_justify = "left"
    return shown


def old(total: Total) -> str:
    """Empty for the code that is here; " (other code)" for counts of another version, or of a claim
    that is not here.
    """
    try:
        here = code_version(named(total.claim).file, stacked=total.stacked) == total.version
    except InputError:
        here = False
    return "" if here else " (other code)"


def entries(totals: Sequence[Total]) -> list[Record]:
    """One entry of an evidence file per claim, of the code that is here."""
    return [_entry(total) for total in totals if not old(total)]


def _entry(total: Total) -> Record:
    seen = Evidence(named(total.claim), seconds=total.seconds)
    seen.outcomes.update({Outcome[name]: count for name, count in total.outcomes.items()})
    seen.grades.update({Grade[name]: count for name, count in total.grades.items()})
    seen.distinct = total.instances
    entry = record(seen)
    refuted, judged = total.share
    share = {
        "level": LEVEL,
        "refuted": refuted,
        "judged": judged,
        "clopper_pearson": fixed(refuted, judged),
        "anytime": anytime(refuted, judged),
    }
    example = {"text": total.verdict, "instance": "", "script": total.script, "file": None}
    return entry | {
        "counterexample": example if total.verdict is not None else None,
        "sweep": {
            "units": total.units,
            "stacked": total.stacked,
            "version": total.version,
            "worst": total.worst,
            "share": share,
        },
    }
