"""What a check of a user's network found, for the terminal."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from theorems.evidence.lines import middle_out
from theorems.own.models import DRAWN_ONLY, SEVERITY, Result, worst_of
from theorems.verdict import Outcome

STYLE = {
    Outcome.HOLDS: "green",
    Outcome.REFUTED: "bold red",
    Outcome.INAPPLICABLE: "dim",
    Outcome.UNDECIDED: "yellow",
}
_SAID = {
    Outcome.HOLDS: "hold",
    Outcome.REFUTED: "refuted",
    Outcome.UNDECIDED: "undecided",
    Outcome.INAPPLICABLE: "do not apply",
}
_NAMES = re.compile(r"'[^']*'|\d[\d.e+-]*")
_FIRST = "autograd_gives_the_gradient"
"""What all others presuppose: its row is always there."""
_ROOM_FOR_REASONS = 140
_NAME = 40
_SHOWN = 12
"""Refuted and undecided places that are listed one by one, of each claim."""


_NARROW = 100
"""Columns below which counts are short and places are cut."""


def result_summary(results: Iterable[Result], *, width: int | None = None) -> Group:
    """One row per claim that applies somewhere; below it what is refuted, place by place; then why
    the others do not apply.

    Args:
        results: of a check.
        width: of the terminal; None where there is room for everything.
    """
    narrow = width is not None and width < _NARROW
    by_claim: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_claim[result.claim.name].append(result)
    table = _table(
        ("claim", "outcome", "places"), ("ratio" if narrow else "worst residual/bound",), ("at",)
    )
    for name, found in by_claim.items():
        worst = worst_of(found)
        if worst.verdict.outcome is not Outcome.INAPPLICABLE or name == _FIRST:
            counts = Counter(r.verdict.outcome for r in found)
            places = ", ".join(f"{counts[o]} {_SAID[o]}" for o in SEVERITY if counts[o])
            if narrow:
                places = f"{counts[worst.verdict.outcome]}/{len(found)}"
            where = Text(worst.where, no_wrap=True, overflow="ellipsis")
            table.add_row(
                middle_out(name, _NAME if narrow else len(name)),
                outcome(worst),
                places,
                ratio(worst),
                where,
            )
    parts: list[Any] = [table]
    for wanted in (Outcome.REFUTED, Outcome.UNDECIDED):
        for name, found in by_claim.items():
            bad = sorted(
                (r for r in found if r.verdict.outcome is wanted), key=lambda r: -r.verdict.ratio
            )
            if bad and (wanted is Outcome.REFUTED or worst_of(found).verdict.outcome is wanted):
                parts.append(Text.from_markup(f"\n[{STYLE[wanted]}]{wanted.name}[/] {name}"))
                shown = bad[:_SHOWN] if wanted is Outcome.REFUTED else bad[:1]
                parts += [Text(f"  at {r.where}: {said(r)}") for r in shown]
                parts += (
                    [Text(f"  … at {len(bad) - len(shown)} more places (--verbose)")]
                    if len(bad) > len(shown)
                    else []
                )
    return Group(*parts, *_notes(by_claim), *_reasons(by_claim))


def _notes(by_claim: dict[str, list[Result]]) -> Iterator[Any]:
    """What a verdict did not look at, or held where it was."""
    for name, found in by_claim.items():
        notes = dict.fromkeys(
            str(r.verdict.context["note"]) for r in found if "note" in r.verdict.context
        )
        for note in notes:
            yield Text(f"\n{name}: {note}", style="dim")


def _reasons(by_claim: dict[str, list[Result]]) -> Iterator[Any]:
    """Why claims do not apply: one line per reason, the claims that share it behind it."""
    claims: dict[str, dict[str, list[str]]] = defaultdict(dict)
    kinds: dict[str, str] = {}
    drawn = 0
    for name, found in by_claim.items():
        for result in found:
            if result.verdict.outcome is Outcome.INAPPLICABLE:
                reason = str(result.verdict.context.get("reason", ""))
                drawn += reason == DRAWN_ONLY
                if reason != DRAWN_ONLY:
                    # one line for what is said of several layers, with other names and numbers
                    kind = kinds.setdefault(_NAMES.sub("…", reason), reason)
                    claims[kind].setdefault(name, []).append(result.where)
    if claims or drawn:
        yield Text("\nDoes not apply, and why", style="bold")
    for reason, who in claims.items():
        places = list(dict.fromkeys(where for group in who.values() for where in group if where))
        at = (
            " at "
            f"{', '.join(places[:4])}{f' and {len(places) - 4} more places' if len(places) > 4 else ''}"  # noqa: E501
            if places
            else ""
        )
        names = list(who)
        more = f" and {len(names) - 3} more claims" if len(names) > 3 else ""
        yield Text(f"  {', '.join(names[:3])}{more}{at}: {reason}", style="dim")
    if drawn:
        yield Text(
            f"  {drawn} more claims are about drawn instances only, not about a torch "
            "network: theorems check NAME",
            style="dim",
        )


def result_table(results: Sequence[Result], *, width: int | None = None) -> Table | Group:
    """One row per claim and place of a network; claims about drawn instances only in one.

    Args:
        results: of a check.
        width: of the terminal; None where there is room for everything.
    """
    table = _table(("claim", "where", "outcome", "grade"), ("residual/bound",), ("why",))
    last = ""
    drawn = [r for r in results if r.verdict.context.get("reason") == DRAWN_ONLY]
    if width is not None and width < _ROOM_FOR_REASONS:
        return Group(*_stacked([r for r in results if r not in drawn], len(drawn)))
    for result in results:
        if result in drawn:
            continue
        verdict, name = result.verdict, result.claim.name
        why = (
            said(result)
            if verdict.outcome is Outcome.REFUTED
            else str(verdict.context.get("reason", ""))
        )
        grade = verdict.grade.name if verdict.grade is not None else "–"
        shown = "" if verdict.outcome is Outcome.HOLDS else why
        table.add_row(
            name if name != last else "",
            escape(result.where),
            outcome(result),
            grade,
            ratio(result),
            escape(shown),
        )
        last = name
    if drawn:
        table.add_row(
            f"{len(drawn)} more claims",
            "",
            outcome(drawn[0]),
            "–",
            "–",
            f"{DRAWN_ONLY} (theorems check NAME)",
        )
    return table


def _stacked(results: Sequence[Result], drawn: int) -> Iterator[Any]:
    """The same where reasons have no room beside the places: below them, and the claim above."""
    last = ""
    sizes = [
        max((len(cell) for cell in cells), default=0)
        for cells in zip(*map(_cells, results), strict=True)
    ]
    for result in results:
        if result.claim.name != last:
            yield Text(result.claim.name, style="bold")
        last = result.claim.name
        cells = "  ".join(
            cell.ljust(size) for cell, size in zip(_cells(result), sizes, strict=True)
        )
        yield Text(
            f"  {cells}", style=STYLE[result.verdict.outcome], no_wrap=True, overflow="ellipsis"
        )
        outcome_ = result.verdict.outcome
        why = (
            said(result)
            if outcome_ is Outcome.REFUTED
            else str(result.verdict.context.get("reason", ""))
        )
        if why and outcome_ is not Outcome.HOLDS:
            yield Padding(Text(why, style="dim"), (0, 0, 0, 6))
    if drawn:
        yield Text(f"{drawn} more claims: {DRAWN_ONLY} (theorems check NAME)", style="dim")


def _cells(result: Result) -> tuple[str, ...]:
    verdict = result.verdict
    grade = verdict.grade.name if verdict.grade is not None else "–"
    return verdict.outcome.name, grade, ratio(result), result.where or "the network"


def outcome(result: Result) -> str:
    """The outcome in its colour."""
    got = result.verdict.outcome
    return f"[{STYLE[got]}]{got.name}[/]"


def ratio(result: Result) -> str:
    """Residual over bound, a dash where nothing was compared."""
    return f"{result.verdict.ratio:.2g}" if result.verdict.grade is not None else "–"


def said(result: Result) -> str:
    """By how much a claim fails at a place."""
    verdict = result.verdict
    context = "; ".join(f"{key} {value}" for key, value in verdict.context.items())
    return f"residual {verdict.measured:.3g}, bound {verdict.bound:.3g}; {context}"


def _table(left: Iterable[str], right: Iterable[str], last: Iterable[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in left:
        table.add_column(name, overflow="fold", no_wrap=name in ("claim", "outcome", "grade"))
    for name in right:
        table.add_column(name, justify="right")
    for name in last:
        table.add_column(name, overflow="fold")
    return table
