"""An evidence file as Markdown, for a page or a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from theorems.checking.records import Record
from theorems.evidence.badges import by_paper, summing_up
from theorems.evidence.file import as_expected, meant
from theorems.evidence.lines import grades, nearest, outcome
from theorems.evidence.partial import told

_MARK = {"HOLDS": "✅", "REFUTED": "❌", "INAPPLICABLE": "⚪", "UNDECIDED": "⚠️", None: "⚪"}


def _cells(entry: Record) -> list[str]:
    """How it was earned, how near to its bound, instances, mutants, time."""
    skipped = f" ({entry['inapplicable']} inapplicable)" if entry["inapplicable"] else ""
    mutants = entry["mutants"]
    return [
        grades(entry),
        nearest(entry),
        f"{entry['instances']}{skipped}",
        f"{mutants['refuted']}/{mutants['total']}" if mutants["total"] else "–",
        f"{entry['seconds']:.1f}",
    ]


_HEADINGS = ("grade", "residual/bound", "instances", "mutants refuted", "seconds")


def _cell(text: str) -> str:
    """Text that stays inside one cell of a Markdown table."""
    return (
        " ".join(text.split())
        .replace("\\", "\\\\")
        .replace("|", "\\|")
        .replace("<", "&lt;")
        .replace("`", "\\`")
    )


def markdown(evidence: Mapping[str, Any]) -> str:
    """A summary with a table per paper; of a refutation the counterexample."""
    entries: list[Record] = evidence["claims"]
    run = [entry for entry in entries if entry["outcome"] is not None]
    lines = [f"## theorems: {summing_up(meant(evidence))[0]}", ""]
    shown = ", ".join(f"{name} {number}" for name, number in evidence["versions"].items())
    if evidence.get("partial"):
        lines += [f"{told(evidence)}.", ""]
    lines += [f"Seed {evidence['seed']}, profile {_cell(evidence['profile'])}; {shown}.", ""]
    for own in by_paper(entries):
        if all(entry["outcome"] is None for entry in own):
            continue
        arxiv = own[0]["arxiv"]
        paper = f" ([{arxiv}](https://arxiv.org/abs/{arxiv}))" if arxiv else ""
        lines += [
            f"### {_cell(own[0].get('paper') or 'Conjectures')}{paper}: {summing_up(own)[0]}",
            "",
        ]
        lines += [f"| claim | outcome | {' | '.join(_HEADINGS)} |", "|---|---|---|--:|--:|--:|--:|"]
        for entry in (entry for entry in own if entry["outcome"] is not None):
            mark = (
                "✅"
                if as_expected(entry)
                else "❌"
                if entry["outcome"] == "HOLDS"
                else _MARK[entry["outcome"]]
            )
            cells = " | ".join(_cell(cell) for cell in _cells(entry))
            lines.append(f"| `{_cell(entry['name'])}` | {mark} {outcome(entry)} | {cells} |")
        lines.append("")
    for entry in run:
        if entry["outcome"] == "REFUTED" and not as_expected(entry) and entry.get("counterexample"):
            example = entry["counterexample"]
            lines += [
                f"<details><summary>Counterexample to {entry['name']}</summary>",
                "",
                "```text",
            ]
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
