"""Code of a user that may answer differently from one instance to the next: which file it is in,
what it catches, and whether it says the same when it is asked again.

The sides of a claim are run on symbols that stand for all instances. What code does besides
computing with them is no statement about all instances: an exception that is caught (symbols
refuse what numbers carry), a result that is kept from call to call. Claims of this package are
read by its authors; those of a file are looked at here.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from theorems.claim import Claim
from theorems.impl.symbolic.errors import is_users, refusals

_PACKAGE = str(Path(__file__).parents[1])


def watched_file(claim: Claim) -> str | None:
    """The file in which a user states the claim; None for a claim of this package."""
    return claim.file if claim.file and not claim.file.startswith(_PACKAGE) else None


@contextmanager
def exceptions(watched: str | None) -> Iterator[list[str]]:
    """Places in files of a user at which an exception passes within, caught or not; none are looked
    for without a file that is watched.

    The end of an iterator is no such exception.
    """
    found: list[str] = []
    if watched is None:
        yield found
        return

    def seen(frame: Any, event: str, what: Any) -> Any:
        if event == "exception" and not issubclass(what[0], StopIteration | GeneratorExit):
            name = frame.f_code.co_filename
            line = linecache.getline(name, frame.f_lineno).strip()
            found.append(f"{what[0].__name__} at {Path(name).name}:{frame.f_lineno} ({line})")
        return seen

    def entered(frame: Any, _event: str, _what: Any) -> Any:
        return seen if is_users(frame.f_code.co_filename) else None

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        yield found
    finally:
        sys.settrace(before)


def says_for_certain(claim: Claim, predicate: Any, instance: Any) -> bool | None:
    """What a predicate of a user says of symbols; None where it has no one answer for all."""
    watched = watched_file(claim)
    with refusals(watched) as refused, exceptions(watched) as raised:
        try:
            found = bool(predicate(instance))
        except Exception:  # noqa: BLE001
            return None
    return None if refused or raised else found


def narrowed(claim: Claim, instance: Any) -> str:
    """The first condition of a user's claim of which symbols cannot tell whether all instances of a
    case meet it; empty if all do.
    """
    if watched_file(claim) is None:
        return ""
    for name, predicate in claim.where.items():
        if says_for_certain(claim, predicate, instance) is not True:
            return name
    for name, hypothesis in claim.hypotheses.items():
        check = hypothesis.check
        if check is None or not says_for_certain(claim, lambda i, c=check: c(i) is None, instance):
            return name
    return ""
