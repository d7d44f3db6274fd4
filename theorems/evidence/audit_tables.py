"""The tables of an audit, for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from theorems.checking.auditing import REGIMES, Audit, Tally, quantiles
from theorems.evidence.tables import fitted_table

_COUNTS = ("HOLDS", "UNDECIDED", "INAPPLICABLE", "refused", "REFUTED", "crashed")
_HEAD = ("claim", "instances", *_COUNTS, "median", "99 %", "largest", "smallest error refuted")
_EXPENDABLE = (
    "refused",
    "INAPPLICABLE",
    "median",
    "smallest error refuted",
    "99 %",
    "UNDECIDED",
    "crashed",
)


def _cells(tally: Tally) -> list[str]:
    return [
        str(tally.counts.total()),
        *(str(tally.counts[name]) for name in _COUNTS),
        *_ratios(tally),
    ]


def _ratios(tally: Tally) -> list[str]:
    found = quantiles(tally.ratios)
    return (
        ["", "", ""]
        if found is None
        else [f"{found[key]:.1e}" for key in ("median", "99%", "largest")]
    )


def _power(audit: Audit) -> str:
    return "" if audit.power is None else f"{audit.power:.0e}"


def audit_table(audits: Iterable[Audit], *, width: int | None = None) -> Table:
    """One row per claim."""
    rows = [[audit.claim.name, *_cells(audit.total), _power(audit)] for audit in audits]
    return fitted_table(_HEAD, rows, width=width, expendable=_EXPENDABLE)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


_TEXT = """# Audit of the numerical bounds

Written by `theorems audit -o docs/audit.md` (seed {seed}, {versions}).

Every claim whose verdicts may be NUMERICAL is judged by its rounding bound alone, on its own drawn instances and on wild ones: built from
ill-conditioned matrices (up to 1e12), magnitudes up to 1e±150, denormal numbers and columns of mixed magnitudes, in float64, float32, bfloat16 and
float16, everything that is measured measured anew by autograd. A false refutation or a crash would be a defect. UNDECIDED says that
the bound was too wide to tell (overflow, underflow, a condition beyond the format); *refused*, that no instance could be built (a gradient
that overflowed to infinity, say).

*median, 99 %, largest*: residual over bound of the verdicts that something rounded in; a verdict holds up to 1. *Smallest error refuted*: every entry of what is observed on a
tame instance is disturbed by a relative error of that size with a sign of its own; the median over instances of the smallest power of ten that is refuted.

## By claim

{claims}
## By regime, all claims together

{regimes}
## By claim and format

{formats}"""  # noqa: E501


def document(audits: Sequence[Audit], *, seed: int, versions: Mapping[str, str]) -> str:
    """The whole page."""
    regimes = []
    for name in REGIMES:
        total = Tally()
        for audit in audits:
            total.add(audit.regimes.get(name, Tally()))
        regimes.append([name, *_cells(total)[:-3], _ratios(total)[-1]])
    formats = [
        [f"`{audit.claim.name}`", label, *_cells(tally)]
        for audit in audits
        for label, tally in _by_format(audit)
    ]
    return _TEXT.format(
        seed=seed,
        versions=", ".join(f"{name} {number}" for name, number in versions.items()),
        claims=_markdown(
            _HEAD, ([f"`{a.claim.name}`", *_cells(a.total), _power(a)] for a in audits)
        ),
        regimes=_markdown(("regime", *_HEAD[1:-4], "largest"), regimes),
        formats=_markdown(("claim", "regime", *_HEAD[1:-1]), formats),
    )


def _by_format(audit: Audit) -> list[tuple[str, Tally]]:
    found: dict[str, Tally] = {}
    for name, tally in audit.regimes.items():
        label = name if name == REGIMES[0] or name.endswith(" tame") else f"{name.split()[0]} wild"
        found.setdefault(label, Tally()).add(tally)
    return list(found.items())
