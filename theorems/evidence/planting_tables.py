"""What became of planted errors, as tables."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from theorems.evidence.tables import fitted_table
from theorems.planting.trial import Fate, Trial, summary

_EQUIVALENT = (Fate.RAISES, Fate.SAME, Fate.WEAKER, Fate.STILLBORN, Fate.IDLE)
"""No wrong theorems: they change nothing that the claim predicts, or leave no statement that could
be checked everywhere.
"""


def _row(trials: Sequence[Trial]) -> tuple[str, ...]:
    counts = summary(trials)
    real = [trial for trial in trials if trial.fate not in _EQUIVALENT]
    needed = [trial.instances for trial in real if trial.fate is Fate.REFUTED]
    rate = f"{len(needed)}/{len(real)}" + (f" ({len(needed) / len(real):.1%})" if real else "")
    after = f"{statistics.median(needed):g}" if needed else "–"
    return (
        rate,
        after,
        *(str(counts[fate]) for fate in (Fate.SURVIVED, Fate.UNDECIDED, *_EQUIVALENT)),
    )


_COLUMNS = (
    "claim",
    "refuted",
    "after",
    "survived",
    "undecided",
    "raises",
    "same",
    "weaker",
    "stillborn",
    "idle",
)
_EXPENDABLE = ("idle", "stillborn", "weaker", "same", "after", "raises", "undecided")


def _rows(done: Mapping[str, Sequence[Trial]]) -> list[tuple[str, ...]]:
    everything = [trial for trials in done.values() for trial in trials]
    return [(name, *_row(trials)) for name, trials in done.items()] + [("all", *_row(everything))]


def trial_table(done: Mapping[str, Sequence[Trial]], *, width: int | None = None) -> Table:
    """One row per claim and one for all of them; "after" is the median number of instances that a
    refutation took.
    """
    return fitted_table(_COLUMNS, _rows(done), width=width, expendable=_EXPENDABLE)


def markdown(done: Mapping[str, Sequence[Trial]], *, examples: int, seed: int) -> str:
    """The same table for a page, what each fate means, and every error that was not refuted."""
    lines = ["# Planted errors", ""]
    lines += [
        (
            f"Every single-token change of every prediction, up to {examples} instances each, "
            f"seed {seed}."
        ),
        "",
    ]
    lines += ["| " + " | ".join(_COLUMNS) + " |", "|---" * len(_COLUMNS) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in _rows(done)]
    lines += [""] + [f"* *{fate.name.lower()}*: {fate.value}." for fate in Fate]
    for fate in (Fate.SURVIVED, Fate.UNDECIDED, Fate.RAISES, Fate.WEAKER, Fate.SAME):
        lines += ["", f"## {fate.name.capitalize()}", ""]
        for name, trials in done.items():
            for trial in trials:
                if trial.fate is fate:
                    change = trial.planted.change
                    where = f"{'/'.join(Path(change.path).parts[-3:])}:{change.line}"
                    lines.append(f"* `{name}`, {change.rule}, {where}: `{change}`")
    return "\n".join(lines) + "\n"
