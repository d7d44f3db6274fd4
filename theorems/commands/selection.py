"""Which claims are meant: by name, by glob, by a file of the user's, by the name of a wrong
variant.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

from theorems.commands.console import PRESUPPOSED
from theorems.verdict import Outcome

if TYPE_CHECKING:
    from theorems.claim import Claim

Named = TypeVar("Named")


def select(names: Iterable[str], *, on_model: bool = False) -> list[Claim]:
    """Claims by exact name or glob, or those that a file states (FILE.py, FILE.py:CLAIM); the whole
    catalogue for no name.

    Args:
        names: what the user asked for.
        on_model: whether they are for a network of the user's: then what every observation on it
            presupposes (`theorems.own.preconditions`) comes before the catalogue.

    Raises:
        InputError: for a name that matches nothing, with the nearest ones.
    """
    from theorems.loading import load_claims

    asked = list(names)
    one = _alone(asked)
    if one is not None:
        return [one]
    from theorems.catalogue import CLAIMS
    from theorems.own.preconditions import autograd_gives_the_gradient

    pool = [autograd_gives_the_gradient, *CLAIMS] if on_model else list(CLAIMS)
    return matching(asked, {claim.name: claim for claim in pool}, load_claims)


def _alone(names: list[str]) -> Claim | None:
    """The one claim of the catalogue that is meant by its name, imported without the others; None
    if it is not that simple.
    """
    import theorems
    from theorems.claim import Claim

    if len(names) != 1 or "theorems.catalogue" in sys.modules or names[0] not in dir(theorems):
        return None
    found = getattr(theorems, names[0])
    return found if isinstance(found, Claim) else None


def matching(
    names: Iterable[str], pool: Mapping[str, Named], stated: Callable[[str], list[Named]]
) -> list[Named]:
    """What is meant by names and globs, and by files of the user's; all of the pool for no name.

    Args:
        names: what the user asked for.
        pool: what may be meant, by name.
        stated: what a file states.

    Raises:
        InputError: for a name that matches nothing, with the nearest ones.
    """
    from theorems.impl.errors import InputError, require

    chosen: dict[str, Named] = {}
    for name in names:
        if name.endswith(".py") or ":" in name:
            for one in stated(name):
                chosen.setdefault(_name_of(one), one)
            continue
        found = {key: one for key, one in pool.items() if fnmatchcase(key, name)}
        require(
            bool(found) or name != PRESUPPOSED,
            f"expected a network of yours for {name}, got none: nothing is drawn for it; "
            "give one with --model FILE.py:FACTORY",
        )
        if not found:
            near = difflib.get_close_matches(name, pool, n=3, cutoff=0.4)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise InputError(
                "expected the name of a claim (see `theorems list`) or FILE.py:CLAIM, got "
                f"{name!r}{hint}"
            )
        for key, one in found.items():
            chosen.setdefault(key, one)
    return list(chosen.values()) or list(pool.values())


def _name_of(one: Any) -> str:
    name: str = one["name"] if isinstance(one, dict) else one.name
    return name


def checked_on_networks(claims: list[Claim]) -> list[Claim]:
    """Those that a network can be asked about.

    Raises:
        InputError: if there are only statements that are kept as printed.
    """
    from theorems.impl.errors import require
    from theorems.own.models import kept_as_printed

    kept = [claim for claim in claims if not kept_as_printed(claim)]
    message = (
        "expected a claim that can be checked on a network, got only statements that are kept "
        "as printed"
    )
    require(bool(kept), f"{message}: {', '.join(claim.name for claim in claims)}")
    return kept


def select_mutants(claims: list[Claim], pattern: str) -> list[Claim]:
    """The wrong variants, by exact name or glob, of these claims: each is checked like a claim that
    is expected to fail.

    Raises:
        InputError: if none of the claims has such a mutant.
    """
    from theorems.impl.errors import InputError

    mutants = {name: mutant for claim in claims for name, mutant in claim.mutants.items()}
    found = [
        replace(m, expected=Outcome.REFUTED)
        for claim in claims
        for name, m in claim.mutants.items()
        if name == pattern or fnmatchcase(name, pattern)
    ]
    if not found:
        near = difflib.get_close_matches(pattern, mutants, n=3, cutoff=0.3)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise InputError(
            f"expected the name of a mutant (see `theorems show`), got {pattern!r}{hint}"
        )
    return found


def spelled(claim: Claim) -> str:
    """What to write on the command line to mean this claim, or this wrong variant of one."""
    from theorems.catalogue import CLAIMS

    name, _, mutant = claim.name.partition(": ")
    known = any(other.name == name for other in CLAIMS)
    where = name if known else f"{os.path.relpath(claim.file)}:{name}"
    return f'{where} --mutant "{mutant}"' if mutant else where
