"""One line per claim for a terminal: as many columns as there is room for, and never more than one
line where the width is known.

Made of records of the evidence file, so the command and the pytest plugin show the same. The widths
are fixed before the first line where lines are printed as claims finish; names are never broken,
and cut in their middle only where nothing else is left to cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from theorems.checking.records import Record
from theorems.evidence.file import as_expected, ratio

if TYPE_CHECKING:
    from theorems.claim import Claim

VIOLET = "magenta"
"""What is refuted and should be: not the green of a theorem, not the red of a failure."""

_STYLES = {"HOLDS": "green", "REFUTED": "bold red", "INAPPLICABLE": "dim", "UNDECIDED": "yellow"}
_SHORT = {
    "PROVED": "proved",
    "EXACT": "exact",
    "CERTIFIED": "certif.",
    "NUMERICAL": "numer.",
    "STATISTICAL": "statist.",
}


def expected_refutation(entry: Record) -> bool:
    """Whether a statement that is kept as printed was refuted, as it should be."""
    return bool(entry["outcome"] == entry["expected"] == "REFUTED")


def style(entry: Record) -> str:
    """The colour of an outcome."""
    if expected_refutation(entry):
        return VIOLET
    if entry.get("error") or (entry["outcome"] == "HOLDS" and not as_expected(entry)):
        return "bold red"
    return _STYLES.get(entry["outcome"] or "", "dim")


def outcome(entry: Record) -> str:
    """What came out, against what was expected."""
    if expected_refutation(entry):
        return "REFUTED, as expected"
    if entry["outcome"] in ("HOLDS", "REFUTED") and not as_expected(entry):
        return f"{entry['outcome']} (expected {entry['expected']})"
    return "INAPPLICABLE" if entry["outcome"] == "INAPPLICABLE" else _short_outcome(entry)


def _short_outcome(entry: Record) -> str:
    if expected_refutation(entry):
        return "as expected"
    if entry["outcome"] == "INAPPLICABLE":
        return "inapplic."
    return entry["outcome"] or ("raised" if entry.get("error") else "not run")


def grades(entry: Record) -> str:
    """How many of the drawn instances earned which grade; what generic points add is counted
    apart.
    """
    drawn = ", ".join(f"{grade} {count}" for grade, count in entry["grades"].items())
    points = sum((entry.get("generic") or {}).get("grades", {}).values())
    proved = ("PROVED," if drawn else "PROVED") if entry["grade"] == "PROVED" else ""
    return " ".join(filter(None, (proved, drawn, f"+{points} generic" if points else ""))) or "–"


def nearest(entry: Record) -> str:
    """The worst residual over its bound; 0 where every comparison was exact; of an exact refutation
    the residual, which has no bound.
    """
    if entry["grade"] is None:
        return "–"
    if entry["outcome"] == "REFUTED" and entry["bound"] == 0:
        return "off" if entry["measured"] is None else f"off {entry['measured']:.2g}"
    largest = (entry.get("ratios") or {}).get("largest")
    if entry["outcome"] == "HOLDS" and largest is not None:
        return f"{largest:.2g}"
    if entry["grade"] == "STATISTICAL" or entry["outcome"] == "REFUTED":
        found = ratio(entry)
        return "–" if found is None else f"{found:.2g}"
    return "0" if set(entry["grades"]) == {"EXACT"} else "–"


def chance(entry: Record) -> str:
    """With which probability a false identity passes the generic points; a dash where they say
    nothing.
    """
    from theorems.checking.points import power_of_two

    found = entry.get("error_probability")
    return "–" if found is None or entry["outcome"] != "HOLDS" else power_of_two(found)


def _nearest_or_chance(entry: Record) -> str:
    """The ratio where something was rounded, else p."""
    found = nearest(entry)
    return chance(entry) if found in ("0", "–") and chance(entry) != "–" else found


def _mutants(entry: Record) -> str:
    total = entry["mutants"]["total"]
    return f"{entry['mutants']['refuted']}/{total}" if total else "–"


def _after(entry: Record) -> str:
    median = entry["mutants"].get("median_instances")
    return "–" if median is None else f"{median:g}"


def _instances(entry: Record) -> str:
    drawn, skipped = entry["instances"], entry["inapplicable"]
    notes = [f"{entry['distinct']} different"] if entry.get("distinct", drawn) < drawn else []
    notes += [f"{skipped} inapplicable"] if skipped else []
    return f"{drawn}" + (f" ({', '.join(notes)})" if notes else "")


def _bite(entry: Record) -> str:
    seen = entry.get("hypotheses")
    if not seen:
        return "–"
    idle = seen.get("meaning", 0)
    return f"{seen['bite']}/{seen['total'] - idle}" + (f" +{idle}" if idle else "")


def _seconds(entry: Record) -> str:
    return f"{entry['seconds']:.1f}"


def _short_seconds(entry: Record) -> str:
    spent = entry["seconds"]
    return f"{spent:.1f}" if spent < 99.95 else f"{spent:.0f}"


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        title: its heading.
        cell: what stands in it.
        planned: room to keep before anything is known.
        right: whether it is aligned to the right.
    """

    title: str
    cell: Callable[[Record], str]
    planned: int
    right: bool = True


_NAME = Column("claim", lambda entry: entry["name"], 0, right=False)
_OUTCOME = Column("outcome", outcome, len("REFUTED (expected HOLDS)"), right=False)
_OUTCOME_SHORT = Column("outcome", _short_outcome, len("as expected"), right=False)
_GRADE = Column("grade", lambda entry: entry["grade"] or "–", len("STATISTICAL"), right=False)
_GRADE_SHORT = Column(
    "grade", lambda entry: _SHORT.get(entry["grade"] or "", "–"), len("statist."), right=False
)
_GRADES = Column("grade", grades, len("PROVED, EXACT 100, NUMERICAL 100 +6 generic"), right=False)
_WORST = Column("ratio, p", _nearest_or_chance, len("2^-57.6"))
_WORST_SHORT = Column("ratio/p", _nearest_or_chance, len("2^-57.6"))
_CHANCE = Column("p(error) ≤", chance, len("2^-57.6"))
_RATIO = Column("residual/bound", nearest, len("2.5e+49"))
_DRAWN = Column("instances", _instances, len("100 (87 different)"))
_MUTANTS = Column("mutants refuted", _mutants, len("10/10"))
_MUTANTS_SHORT = Column("mut.", _mutants, len("10/10"))
_AFTER = Column("after", _after, len("2.5"))
_BITE = Column("hypotheses that bite", _bite, len("3/3 +1"))
_TIME = Column("seconds", _seconds, len("1000.0"))
_TIME_SHORT = Column("s", _short_seconds, len("12.3"))

LEVELS: tuple[tuple[int, tuple[Column, ...]], ...] = (
    (1, (_NAME, _OUTCOME_SHORT, _GRADE_SHORT, _WORST_SHORT, _MUTANTS_SHORT, _TIME_SHORT)),
    (2, (_NAME, _OUTCOME_SHORT, _GRADE, _WORST, _MUTANTS_SHORT, _TIME)),
    (2, (_NAME, _OUTCOME, _GRADE, _CHANCE, _RATIO, _MUTANTS, _TIME)),
    (2, (_NAME, _OUTCOME, _GRADES, _CHANCE, _RATIO, _DRAWN, _MUTANTS, _TIME)),
    (2, (_NAME, _OUTCOME, _GRADES, _CHANCE, _RATIO, _DRAWN, _MUTANTS, _AFTER, _BITE, _TIME)),
)
"""Gaps and columns, from the narrowest table to the widest."""


class Lines:
    """The lines of one table.

    Args:
        gap: blanks between columns.
        columns: columns and their widths; what is wider makes its own line longer, save a name that
            must be cut.
        cut: whether names longer than their column lose their middle.
    """

    def __init__(self, gap: int, columns: Sequence[tuple[Column, int]], *, cut: bool) -> None:
        """Keep what `planned` or `fitted` has found."""
        self.gap, self.columns, self.cut = gap, columns, cut

    @property
    def width(self) -> int:
        """Of a line."""
        return sum(width for _, width in self.columns) + self.gap * (len(self.columns) - 1)

    def head(self) -> Text:
        """The headings."""
        return self._line([column.title for column, _ in self.columns], "bold")

    def row(self, entry: Record) -> Text:
        """One claim."""
        styles = ["", style(entry), "", *("" for _ in self.columns)]
        survivors = entry["mutants"]["total"] - entry["mutants"]["refuted"]
        for at, (column, _) in enumerate(self.columns):
            if column.cell is _mutants and survivors:
                styles[at] = "yellow"
        return self._line([column.cell(entry) for column, _ in self.columns], *styles)

    def _line(self, cells: Sequence[str], *styles: str) -> Text:
        line = Text(no_wrap=True, overflow="ignore", end="")
        for at, (text, (column, width)) in enumerate(zip(cells, self.columns, strict=True)):
            shown = middle_out(text, width) if self.cut and column is _NAME else text
            filled = shown.rjust(width) if column.right else shown.ljust(width)
            line.append(" " * self.gap if at else "")
            line.append(filled, style=styles[min(at, len(styles) - 1)] or None)
        line.rstrip()
        return line


def planned(claims: Iterable[Claim], width: int | None) -> Lines:
    """Lines whose widths are fixed before any claim is judged.

    Args:
        claims: what will be judged.
        width: of the terminal; None for a file, which is as wide as need be.
    """
    claims = list(claims)
    sizes = {_NAME: max((len(claim.name) for claim in claims), default=0)}
    if width is None:  # then a rare long cell may make its line longer
        stated = any(claim.expected.name == "REFUTED" for claim in claims)
        sizes |= {_OUTCOME: len("REFUTED, as expected" if stated else "UNDECIDED")}
        sizes |= {
            _GRADES: len("PROVED, EXACT 50, NUMERICAL 50 +6 generic"),
            _DRAWN: len("instances"),
        }
    return _widest(sizes, width)


def fitted(entries: Sequence[Record], width: int | None) -> Lines:
    """Lines that fit these entries and this width."""
    columns = {column for _, level in LEVELS for column in level}
    return _widest(
        {c: max((len(c.cell(entry)) for entry in entries), default=0) for c in columns}, width
    )


def _widest(sizes: Mapping[Column, int], width: int | None) -> Lines:
    for gap, level in reversed(LEVELS):
        columns = [
            (column, max(len(column.title), sizes.get(column, column.planned))) for column in level
        ]
        made = Lines(gap, columns, cut=False)
        if width is None or made.width <= width:
            return made
    assert width is not None
    others = made.width - columns[0][1]
    return Lines(gap, [(_NAME, max(12, width - others)), *columns[1:]], cut=True)


def middle_out(text: str, width: int) -> str:
    """The text, its middle left out if it is longer than that: names of variants differ at their
    ends.
    """
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def summing_up(entries: Sequence[Record], *, missing: int = 0) -> str:
    """The last line: how many claims came out how, and how many wrong variants nothing refuted.

    Args:
        entries: of the claims that were looked at.
        missing: how many were not reached.
    """
    counts = {
        "hold": sum(e["outcome"] == e["expected"] == "HOLDS" for e in entries),
        "refuted as expected": sum(map(expected_refutation, entries)),
        "REFUTED": sum(e["outcome"] == "REFUTED" != e["expected"] for e in entries),
        "HOLD unexpectedly": sum(e["outcome"] == "HOLDS" != e["expected"] for e in entries),
        "undecided": sum(e["outcome"] == "UNDECIDED" for e in entries),
        "inapplicable": sum(e["outcome"] == "INAPPLICABLE" for e in entries),
        "raised an error": sum(bool(e.get("error")) for e in entries),
        "not judged": sum(e["outcome"] is None and not e.get("error") for e in entries),
    }
    said = [
        f"{count} {_one(words) if count == 1 else words}"
        for words, count in counts.items()
        if count
    ]
    said += [f"{missing} not reached"] if missing else []
    total = len(entries) + missing
    planted = sum(e["mutants"]["total"] for e in entries)
    left = planted - sum(e["mutants"]["refuted"] for e in entries)
    fate = f"{left} not refuted" if left else "refuted" if planted == 1 else "all refuted"
    mutants = f"; {planted} mutant{'s' if planted != 1 else ''}, {fate}" if planted else ""
    return f"{total} claim{'s' if total != 1 else ''}: {', '.join(said) or 'none'}{mutants}"


def _one(words: str) -> str:
    return words.replace("hold", "holds").replace("HOLD", "HOLDS")
