"""Badges of an evidence file: per claim, per paper and for the whole suite, as shields endpoint
JSON and as SVG.

A badge says outcome and grade, or that nothing was run. Files: ``NAME.svg`` and ``NAME.json`` per
claim, ``arxiv-ID.svg`` per paper, ``theorems.svg`` for the whole. Badges of earlier runs in the
same folder whose claim this evidence does not know turn "not run".
"""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theorems.checking.records import Record
from theorems.evidence.file import GRADES, as_expected, meant
from theorems.files import file_name, replace_file
from theorems.impl.errors import InputError, visible

SUITE = "theorems"
GREY, SLATE, RED, YELLOW, BLUE = "#8b949e", "#57606a", "#cf222e", "#bf8700", "#0969da"
SHARE = "#5f7161"
"""Of several claims some were not run: whatever the others earned, this is none of the greens."""

GREENS = {
    "PROVED": "#116329",
    "EXACT": "#1a7f37",
    "CERTIFIED": "#1a7f37",
    "NUMERICAL": "#3d8b37",
    "STATISTICAL": "#6b8e23",
}


@dataclass(frozen=True)
class Badge:
    """Two texts and a colour.

    Args:
        name: of its files.
        label: what it is about.
        message: how that came out.
        color: of the message, as #rrggbb.
        title: what a pointer that rests on it reads.
    """

    name: str
    label: str
    message: str
    color: str
    title: str = ""

    @property
    def endpoint(self) -> dict[str, Any]:
        """What https://shields.io/badges/endpoint-badge reads."""
        wrong = {"isError": True} if self.color == RED else {}
        return {
            "schemaVersion": 1,
            "label": self.label,
            "message": self.message,
            "color": self.color,
            **wrong,
        }

    @property
    def svg(self) -> str:
        """A picture of its own, no service needed."""
        title = f"{self.label}: {self.message}" + (f". {self.title}" if self.title else "")
        with warnings.catch_warnings():
            # badgepy reads its table of widths in an old way
            warnings.simplefilter("ignore", DeprecationWarning)
            from badgepy import badge

            # badges of one page must not share ids, or they are cut to the width of the first
            own = f"-{zlib.crc32(title.encode()):08x}"
            drawn: str = badge(
                self.label, self.message, right_color=self.color, whole_title=title, id_suffix=own
            )
        # badgepy gives the picture no name of its own for those who hear it
        return drawn.replace("<svg ", '<svg role="img" ', 1) + "\n"


def wording(entry: Record) -> tuple[str, str]:
    """Message and colour of one claim."""
    outcome, expected = entry["outcome"], entry["expected"]
    grade = f", {entry['grade'].lower()}" if entry["grade"] else ""
    if outcome is None:
        return ("raised an error", YELLOW) if entry.get("error") else ("not run", GREY)
    if outcome == "INAPPLICABLE":
        return "does not apply", SLATE
    if outcome == "UNDECIDED":
        return "undecided", YELLOW
    if outcome == expected == "REFUTED":
        return f"refuted, as expected{grade}", BLUE
    if outcome == expected:
        return f"holds{grade}", GREENS.get(entry["grade"], GREENS["STATISTICAL"])
    return (
        (f"refuted{grade}", RED)
        if outcome == "REFUTED"
        else (f"holds{grade}, expected refuted", RED)
    )


def summing_up(entries: Sequence[Record]) -> tuple[str, str]:
    """Message and colour of several claims: the worst there is, else how many came out as expected
    and at least how strongly.
    """
    of = f"of {len(entries)}"
    decided = [entry for entry in entries if entry["outcome"] in ("HOLDS", "REFUTED")]
    wrong = [entry for entry in decided if not as_expected(entry)]
    if wrong:
        word = (
            "refuted"
            if all(entry["outcome"] == "REFUTED" for entry in wrong)
            else "not as expected"
        )
        return f"{len(wrong)} {of} {word}", RED
    raised = sum(bool(entry.get("error")) for entry in entries)
    if raised:
        return (f"{raised} {of} raised an error" if len(entries) > 1 else "raised an error"), YELLOW
    undecided = sum(entry["outcome"] == "UNDECIDED" for entry in entries)
    if undecided:
        return f"{undecided} {of} undecided", YELLOW
    if not decided:
        return (
            ("not run", GREY)
            if any(entry["outcome"] is None for entry in entries) or not entries
            else (
                "does not apply",
                SLATE,
            )
        )
    weakest = min((entry["grade"] or GRADES[0] for entry in decided), key=GRADES.index)
    how = (
        weakest.lower()
        if all(entry["grade"] == weakest for entry in decided)
        else f"{weakest.lower()} or better"
    )
    verb = "hold" if all(entry["outcome"] == "HOLDS" for entry in decided) else "as expected"
    if len(entries) == 1:
        return wording(entries[0])
    count = f"all {len(entries)}" if len(decided) == len(entries) else f"{len(decided)} {of}"
    silent = any(entry["outcome"] is None for entry in entries)
    return f"{count} {verb}, {how}", SHARE if silent else GREENS[weakest]


def by_paper(entries: Iterable[Record]) -> list[list[Record]]:
    """Entries paper by paper; of those of no paper, conjectures apart from what every observation
    on a network presupposes.
    """
    papers: dict[tuple[str, bool], list[Record]] = {}
    for entry in entries:
        papers.setdefault(
            (entry["arxiv"], not entry["arxiv"] and entry["tag"] == "conjecture"), []
        ).append(entry)
    return list(papers.values())


def badges(evidence: Mapping[str, Any]) -> list[Badge]:
    """Every badge of an evidence file: the suite, its papers, its claims; none of what the run was
    not meant to try.
    """
    entries = meant(evidence)
    made = [Badge(SUITE, SUITE, *summing_up(entries))]
    for own in by_paper(entries):
        arxiv, title = own[0]["arxiv"], own[0].get("paper", "")
        group = "conjectures" if own[0]["tag"] == "conjecture" else "preconditions"
        name, label = (
            (f"arxiv-{arxiv.replace('/', '-')}", f"arXiv:{arxiv}") if arxiv else (group, group)
        )
        made.append(Badge(name, label, *summing_up(own), title))
    groups = {badge.name for badge in made}
    for entry in entries:
        # a wrong variant has a name in words, and somebody's conjecture may be called "theorems"
        file = file_name(entry["name"])
        label = visible(entry["name"].replace("_", " "))
        name = f"claim-{file}" if file in groups else file
        # as on disks that know no capitals
        if name.casefold() in {badge.name.casefold() for badge in made}:
            name = f"{name}-{zlib.crc32(entry['name'].encode()):08x}"
        made.append(Badge(name, label, *wording(entry), entry.get("summary", "")))
    return made


def _left_over(folder: Path, known: Iterable[str]) -> list[Badge]:
    """Badges of earlier runs in this folder about claims that this evidence does not know."""
    found = []
    for file in sorted(folder.glob("*.json")):
        if file.stem in known or not file.with_suffix(".svg").is_file():
            continue
        try:
            old = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            continue
        if (
            isinstance(old, dict)
            and old.get("schemaVersion") == 1
            and isinstance(old.get("label"), str)
        ):
            found.append(Badge(file.stem, old["label"], "not run", GREY))
    return found


def write_badges(evidence: Mapping[str, Any], folder: Path) -> list[Badge]:
    """Write every badge of an evidence file into a folder, which is made if need be; give what was
    written.

    Raises:
        InputError: if the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = badges(evidence)
        made += _left_over(folder, {badge.name for badge in made})
        for badge in made:
            replace_file(folder / f"{badge.name}.svg", badge.svg)
            content = json.dumps(badge.endpoint, indent=2, ensure_ascii=False)
            replace_file(folder / f"{badge.name}.json", content + "\n")
    except OSError as error:
        raise InputError(
            f"expected a folder for badges that can be written, got {str(folder)!r}: {error}"
        ) from error
    return made
