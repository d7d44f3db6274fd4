"""An evidence file for the eye: a table for the terminal, and Markdown for a page or a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from theorems.evidence.badges import by_paper, summing_up
from theorems.evidence.file import Record, as_expected, ratio

_STYLE = {"HOLDS": "green", "REFUTED": "bold red", "INAPPLICABLE": "dim", "UNDECIDED": "yellow"}
_MARK = {"HOLDS": "✅", "REFUTED": "❌", "INAPPLICABLE": "⚪", "UNDECIDED": "⚠️", None: "⚪"}


def _outcome(entry: Record) -> str:
    unexpected = entry["outcome"] in ("HOLDS", "REFUTED") and not as_expected(entry)
    return (entry["outcome"] or "not run") + (f" (expected {entry['expected']})" if unexpected else "")


def _cells(entry: Record) -> list[str]:
    """How it was earned, how near to its bound, instances, mutants, time."""
    nearest = ratio(entry) if entry["grade"] else None
    skipped = f" ({entry['inapplicable']} inapplicable)" if entry["inapplicable"] else ""
    mutants = entry["mutants"]
    return [
        ", ".join(f"{grade} {count}" for grade, count in entry["grades"].items()) or "–",
        "–" if nearest is None else f"{nearest:.2g}",
        f"{entry['instances']}{skipped}",
        f"{mutants['refuted']}/{mutants['total']}" if mutants["total"] else "–",
        f"{entry['seconds']:.1f}",
    ]


_HEADINGS = ("grade", "residual/bound", "instances", "mutants refuted", "seconds")


def table(entries: Iterable[Record], *, narrow: bool = False) -> Table:
    """One row per claim that was run; a narrow one has name, outcome and the strongest grade only."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    headings = _HEADINGS[:1] if narrow else _HEADINGS
    for name in ("claim", "outcome", *headings):
        left = name in ("claim", "outcome", "grade")
        made.add_column(name, overflow="fold", no_wrap=name == "claim", justify="left" if left else "right")
    for entry in entries:
        style = "green" if as_expected(entry) else _STYLE.get(entry["outcome"] or "", "dim")
        outcome = entry["outcome"] if narrow else _outcome(entry)
        cells = [entry["grade"] or "–"] if narrow else _cells(entry)
        made.add_row(escape(entry["name"]), f"[{style}]{outcome}[/]", *cells)
    return made


def _cell(text: str) -> str:
    """Text that stays inside one cell of a Markdown table."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")


def markdown(evidence: Mapping[str, Any]) -> str:
    """A summary with a table per paper; of a refutation the counterexample."""
    entries: list[Record] = evidence["claims"]
    run = [entry for entry in entries if entry["outcome"] is not None]
    lines = [f"## theorems: {summing_up(entries)[0]}", ""]
    shown = ", ".join(f"{name} {number}" for name, number in evidence["versions"].items())
    lines += [f"Seed {evidence['seed']}, profile {_cell(evidence['profile'])}; {shown}.", ""]
    for own in by_paper(entries):
        if all(entry["outcome"] is None for entry in own):
            continue
        arxiv = own[0]["arxiv"]
        paper = f" ([{arxiv}](https://arxiv.org/abs/{arxiv}))" if arxiv else ""
        lines += [f"### {_cell(own[0].get('paper') or 'Conjectures')}{paper}: {summing_up(own)[0]}", ""]
        lines += [f"| claim | outcome | {' | '.join(_HEADINGS)} |", "|---|---|---|--:|--:|--:|--:|"]
        for entry in (entry for entry in own if entry["outcome"] is not None):
            mark = "✅" if as_expected(entry) else "❌" if entry["outcome"] == "HOLDS" else _MARK[entry["outcome"]]
            cells = " | ".join(_cell(cell) for cell in _cells(entry))
            lines.append(f"| `{_cell(entry['name'])}` | {mark} {_outcome(entry)} | {cells} |")
        lines.append("")
    for entry in run:
        if entry["outcome"] == "REFUTED" and not as_expected(entry) and entry.get("counterexample"):
            example = entry["counterexample"]
            lines += [f"<details><summary>Counterexample to {entry['name']}</summary>", "", "```text"]
            lines += [
                f"{example['text']}\ninstance: {example['instance']}".replace("```", "'''"),
                "```",
                "",
                "</details>",
                "",
            ]
    if len(run) < len(entries):
        lines += [f"{len(entries) - len(run)} of {len(entries)} claims were not run.", ""]
    return "\n".join(lines)
