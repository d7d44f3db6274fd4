"""What commands do about a refutation: print it, write its script, and say how likely chance alone was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from theorems.commands.console import out, print_counterexample

if TYPE_CHECKING:
    from theorems.claim import Claim
    from theorems.evidence.collected import Evidence

DEFAULT = Path("counterexamples")
"""Where scripts of unexpected refutations go."""


def require_folder(path: Path | None, option: str) -> None:
    """Refuse what is a file, or a folder whose parent does not exist, before any work is done.

    Raises:
        InputError: if it cannot be a folder.
    """
    from impl.errors import require

    if path is not None:
        require(not path.exists() or path.is_dir(), f"expected {option} to be a folder, got the file {str(path)!r}")
        require(path.resolve().parent.is_dir(), f"expected {option} in an existing folder, got {str(path)!r}")


def require_repeatable(seen: Evidence) -> None:
    """Refuse a refutation that does not come out a second time on the same instance.

    Raises:
        InputError: for a claim that changes its mind.
    """
    from impl.errors import require
    from theorems.verdict import Outcome

    worst = seen.worst
    if worst is None or seen.outcome is not Outcome.REFUTED or seen.watched is not None:
        return
    require(
        seen.claim(worst.instance).outcome is worst.outcome,
        f"expected {seen.claim.name} to answer alike on equal instances, got REFUTED and then something else: take every random number from a "
        f"generator seeded by the instance; on {worst.instance!r}",
    )


def keep_counterexample(seen: Evidence, seed: int, folder: Path | None) -> None:
    """Print a refutation and write its script, of which the evidence keeps a copy.

    Args:
        seen: evidence whose `worst` is the refutation.
        seed: of the search.
        folder: for scripts; by default unexpected refutations go to `DEFAULT` and expected ones nowhere.
    """
    from theorems.counterexamples import counterexample

    assert seen.worst is not None
    watched = seen.watched is not None and seen.worst is seen.watched[1]
    claim = seen.watched[0] if watched and seen.watched is not None else seen.claim
    print_counterexample(seen.worst)
    found = counterexample(claim, seen.worst, seed=seed)
    target = DEFAULT if folder is None and not seen.as_expected else folder
    file = found.write(target) if target is not None else None
    if file is not None:
        out.print(f"  script: {file} (run it with python or theorems replay)", highlight=False, markup=False)
    elif found.script is None:
        out.print(f"  no script: {found.reason}", highlight=False, markup=False)
    seen.script = (found.script, None if file is None else str(file))


def print_alarm(evidence: Sequence[Evidence]) -> float | None:
    """Print the false-alarm probability of the whole run, if any of it was left to chance; give it."""
    from theorems.relations.alarms import spent

    found = spent(evidence)
    if found is None:
        return None
    alarm, verdicts = found
    out.print(
        f"[dim]chance alone refutes a true claim in this run with probability at most {alarm:.2g} "
        f"({verdicts} statistical verdicts)[/]",
        highlight=False,
    )
    return alarm


def print_power(seen: Evidence) -> None:
    """Say against which mutants a claim in law has the least power."""
    powers = {control.name: control.power for control in seen.controls if control.power is not None}
    if powers:
        weakest = min(powers, key=lambda name: powers[name])
        out.print(
            f"[dim]{seen.claim.name}: power against its mutants {powers[weakest]:.2g} ({escape(weakest)}) to {max(powers.values()):.2g}[/]",
            highlight=False,
        )


def print_notes(claim: Claim) -> None:
    """Say what a claim of a user's own leaves open."""
    from theorems.statements import UNSTATED

    if claim.statement.startswith(UNSTATED):
        out.print(f"[yellow]note:[/] {claim.name} has no docstring; it is the statement that reports and badges show")
    if claim.tag == "conjecture" and not claim.changes and ": " not in claim.name:
        out.print(
            f"[yellow]note:[/] {claim.name} has no mutants: nothing says that a wrong statement would have been caught"
        )
