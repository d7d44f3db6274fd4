"""Runs that judged less than they were meant to: what they found goes into the evidence of the last
whole run, or nowhere.

A verdict is lost only to a run that tried its claim again. Entries that stay say from which run
they are (``kept_from``), and the file says that it is of more than one (``partial``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from theorems.checking.records import Record
from theorems.evidence.file import read
from theorems.impl.errors import InputError

INTERRUPTED, NARROWED = "interrupted", "narrowed"
_SAME = ("seed", "profile", "versions", "model")
"""What the file says once for all of its entries."""


def tried(entry: Record) -> bool:
    """Whether the run looked at the claim: it has an outcome, or there is a reason why it has
    none.
    """
    return entry["outcome"] is not None or bool(entry["places"]) or bool(entry.get("error"))


def partial(reason: str, entries: list[Record], *, meant: int) -> Record:
    """What the file says of a run that judged less than it was meant to."""
    return {"reason": reason, "judged": sum(map(tried, entries)), "of": meant}


def told(evidence: Mapping[str, Any]) -> str:
    """One sentence on what a partial run is and what it was joined to."""
    found = evidence["partial"]
    times = sorted({entry["kept_from"] for entry in evidence["claims"] if "kept_from" in entry})
    kept = (
        f"; {found['kept']} entries are kept from the run of {' and '.join(times)}"
        if found.get("kept")
        else ""
    )
    return f"partial run ({found['reason']}): {found['judged']} of {found['of']} claims tried{kept}"


def earlier(path: Path | None, content: Record) -> tuple[Record | None, str]:
    """The evidence in a file that this run's may join; None, and why not: there is none, or it is
    of another kind of run.

    Args:
        path: the file.
        content: the evidence of this run.
    """
    if path is None:
        return None, "no evidence file is written that could be joined: --theorems-json FILE"
    if not path.is_file():
        return None, ""
    try:
        found = read(path)
    except InputError as error:
        return None, str(error)
    differ = [name for name in _SAME if found.get(name) != content.get(name)]
    return (
        (None, f"{path.name} is of a run with other {' and '.join(differ)}")
        if differ
        else (found, "")
    )


def joined(content: Record, before: Record) -> Record:
    """The evidence of a run, with the entries of an earlier one for claims that it did not try.

    Args:
        content: of this run, marked partial.
        before: of the earlier one.
    """
    own = {entry["name"]: entry for entry in content["claims"]}
    kept: dict[str, Record] = {}
    for entry in before["claims"]:
        name = entry["name"]
        if tried(entry) and not (name in own and tried(own[name])):
            kept[name] = entry | {
                "kept_from": entry.get("kept_from", before.get("started", "an earlier run"))
            }
    claims: list[Any] = [kept.get(name, entry) for name, entry in own.items()]
    claims += [entry for name, entry in kept.items() if name not in own]
    alarms = [content.get("false_alarm"), *(entry.get("false_alarm") for entry in kept.values())]
    # an older file has the sum alone
    if any("false_alarm" not in entry for entry in kept.values()):
        alarms = [content.get("false_alarm"), before.get("false_alarm")]
    spent = [alarm for alarm in alarms if alarm is not None]
    said = {"kept": len(kept)} if kept else {}
    return {
        **content,
        "partial": content["partial"] | said,
        "false_alarm": min(1.0, math.fsum(spent)) if spent else None,
        "claims": claims,
    }
