"""What commands do about a refutation: print it, write its script, and say how likely chance alone
was.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from theorems.commands.console import print_counterexample
from theorems.commands.terminal import out

if TYPE_CHECKING:
    from theorems.checking.collected import Evidence
    from theorems.claim import Claim

DEFAULT = Path("counterexamples")
"""Where scripts of unexpected refutations go."""


def require_folder(path: Path | None, option: str) -> None:
    """Refuse what is a file, or a folder whose parent does not exist, before any work is done.

    Raises:
        InputError: if it cannot be a folder.
    """
    from theorems import files
    from theorems.impl.errors import require

    if path is not None:
        require(
            not path.exists() or path.is_dir(),
            f"expected {option} to be a folder, got the file {str(path)!r}",
        )
        require(
            path.resolve().parent.is_dir(),
            f"expected {option} in an existing folder, got {str(path)!r}",
        )
        files.require_folder(path, option)


def print_details(
    seen: Evidence, seed: int, folder: Path | None, *, verbose: bool, show: bool
) -> None:
    """What a line of the table does not say: the counterexample, which wrong variants survived,
    what is left open.

    Args:
        seen: evidence of one claim.
        seed: of the search.
        folder: for scripts, see `keep_counterexample`.
        verbose: say how the grade was earned.
        show: print what refutes a statement that is kept as printed, too.
    """
    from theorems.verdict import Outcome

    if verbose:
        out.print(f"\n[bold]{escape(seen.claim.name)}[/]: {escape(seen.earned)}", highlight=False)
    if seen.worst is not None and seen.outcome is Outcome.REFUTED:
        keep_counterexample(seen, seed, folder, show=show or not seen.as_expected)
    elif seen.untried is not None:
        out.print(
            f"[yellow]not tried:[/] {seen.claim.name} {escape(seen.untried)}", highlight=False
        )
    elif seen.worst is not None and not seen.as_expected:
        print_counterexample(seen.worst)
    if seen.spoken_of is not None and seen.untried is None:
        out.print(f"[yellow]note:[/] {seen.claim.name} {escape(seen.spoken_of)}", highlight=False)
    for name in seen.survivors:
        out.print(
            f"[yellow]not refuted in {seen.instances} instances:[/] {seen.claim.name}: "
            f"{escape(name)}"
        )
    print_power(seen)
    print_notes(seen.claim)


def keep_counterexample(
    seen: Evidence, seed: int, folder: Path | None, *, show: bool = True
) -> None:
    """Print a refutation and write its script, of which the evidence keeps a copy.

    Args:
        seen: evidence whose `worst` is the refutation.
        seed: of the search.
        folder: for scripts; by default unexpected refutations go to `DEFAULT` and expected ones
            nowhere.
        show: whether to print it, or only where its script is.
    """
    from theorems.evidence.refutations import keep_script

    assert seen.worst is not None
    if show:
        print_counterexample(seen.worst)
    found = keep_script(
        seen, seed=seed, folder=DEFAULT if folder is None and not seen.as_expected else folder
    )
    _, file = seen.script
    if file is not None:
        out.print(
            f"{'' if show else seen.claim.name}  script: {file} (run it with python or "
            "theorems replay)",
            highlight=False,
            markup=False,
        )
    elif found.script is None and show:
        out.print(f"  no script: {found.reason}", highlight=False, markup=False)


def print_alarm(evidence: Sequence[Evidence]) -> float | None:
    """Print the false-alarm probability of the whole run, if any of it was left to chance; give
    it.
    """
    from theorems.checking.alarms import spent

    return print_spent(spent(evidence))


def print_spent(found: tuple[float, int] | None) -> float | None:
    """Print what was left to chance, if anything was; give the probability."""
    from theorems.checking.alarms import said

    if found is None:
        return None
    out.print(f"[dim]{said(*found)}[/]", highlight=False)
    return found[0]


def print_power(seen: Evidence) -> None:
    """Say how large an effect a claim in law would have seen, and against which mutants it has the
    least power.
    """
    powers = {control.name: control.power for control in seen.controls if control.power is not None}
    if seen.detectable is not None:
        said = f"{seen.claim.name}: an effect that would have been seen: {escape(seen.detectable)}"
        out.print(f"[dim]{said}[/]", highlight=False)
    if powers:
        weakest = min(powers, key=lambda name: powers[name])
        out.print(
            f"[dim]{seen.claim.name}: power against its mutants {powers[weakest]:.2g} "
            f"({escape(weakest)}) to {max(powers.values()):.2g}[/]",
            highlight=False,
        )


def print_notes(claim: Claim) -> None:
    """Say what a claim of a user's own leaves open."""
    from theorems.statements import UNSTATED

    if claim.statement.startswith(UNSTATED):
        out.print(
            f"[yellow]note:[/] {claim.name} has no docstring; it is the statement that "
            "reports and badges show"
        )
    if claim.tag == "conjecture" and not claim.changes and ": " not in claim.name:
        out.print(
            f"[yellow]note:[/] {claim.name} has no mutants: nothing says that a wrong "
            "statement would have been caught"
        )
