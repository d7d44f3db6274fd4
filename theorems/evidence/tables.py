"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from theorems.checking.collected import Evidence
from theorems.evidence.lines import VIOLET
from theorems.verdict import Outcome

STYLE = {
    Outcome.HOLDS: "green",
    Outcome.REFUTED: "bold red",
    Outcome.INAPPLICABLE: "dim",
    Outcome.UNDECIDED: "yellow",
}


def shown(seen: Evidence) -> str:
    """The outcome in its colour, with what was expected if that is something else, or if it is a
    refutation.
    """
    if seen.as_expected and seen.outcome is Outcome.REFUTED:
        return f"[{VIOLET}]REFUTED, as expected[/]"
    said = f"[{STYLE[seen.outcome]}]{seen.outcome.name}[/]"
    return said + ("" if seen.as_expected else f" [dim](expected {seen.claim.expected.name})[/]")


def fitted_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int | None,
    expendable: Sequence[str],
) -> Table:
    """A row per claim on one line each: columns that say least are left out where there is no room,
    and named below.

    Args:
        head: the names of the columns; the first is that of the claims.
        rows: their cells.
        width: of the terminal; None for a file, which is as wide as need be.
        expendable: columns in the order in which they give way; of these, those without a single
            count go first.
    """
    kept = list(range(len(head)))

    def size() -> int:
        return sum(max(len(line[at]) for line in (head, *rows)) + 2 for at in kept) - 2

    empty = [name for name in expendable if all(row[head.index(name)] in ("", "0") for row in rows)]
    for name in dict.fromkeys([*empty, *expendable]):
        if width is not None and size() > width:
            kept.remove(head.index(name))
    gone = [name for at, name in enumerate(head) if at not in kept]
    caption = f"no room for: {', '.join(gone)}" if gone else None
    table = Table(
        box=None, pad_edge=False, header_style="bold", caption=caption, caption_justify="left"
    )
    for at in kept:
        table.add_column(head[at], justify="right" if at else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(row[at] for at in kept))
    return table


def sizes_table(sizes: Iterable[tuple[str, Mapping[str, tuple[int, int]]]]) -> Table:
    """One row per claim: from where to where the sizes of its instances went."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("claim", no_wrap=True)
    table.add_column("sizes of the instances drawn", overflow="fold")
    for claim, seen in sizes:
        table.add_row(
            claim, ", ".join(f"{name} {span(*ends)}" for name, ends in seen.items()) or "–"
        )
    return table


def span(low: int, high: int) -> str:
    """One number, or both ends."""
    return f"{low}" if low == high else f"{low}–{high}"


def family_of(seen: Evidence) -> str | None:
    """What the p(error) of a claim that HOLDS is about, or why there is none, with a gap for its
    name; None of any other.
    """
    if seen.outcome is not Outcome.HOLDS or seen.generic is None:
        return None
    if seen.family is None:
        return "no p(error) of {}: " + str(seen.no_error_probability)
    also = [f"also {name}" for name in seen.generic.also]
    also += [f"but it fails for {name}" for name in seen.generic.not_for if "masks" not in name]
    also += (
        [f"{len(seen.generic.skipped)} shapes could not be tried"] if seen.generic.skipped else []
    )
    kinds = [f"of the kind {kind!r}" for kind in seen.claim.where]
    return "p(error) of {} is about " + "; ".join([", ".join([seen.family, *kinds]), *also])


def families(told: Iterable[tuple[str, str | None]]) -> list[str]:
    """A line per family that p(error) is about, and one per reason why claims that HOLD have none;
    each with its claims.

    Args:
        told: the name of each claim, and what `family_of` says of it.
    """
    about: dict[str, list[str]] = {}
    for name, text in told:
        if text is not None:
            about.setdefault(text, []).append(name)
    return [text.replace("{}", ", ".join(names), 1) for text, names in about.items()]
