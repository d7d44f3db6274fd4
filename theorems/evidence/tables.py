"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from theorems.claim import Claim
from theorems.evidence.collected import Evidence
from theorems.points import power_of_two
from theorems.verdict import Grade, Outcome

STYLE = {
    Outcome.HOLDS: "green",
    Outcome.REFUTED: "bold red",
    Outcome.INAPPLICABLE: "dim",
    Outcome.UNDECIDED: "yellow",
}


def _outcome(outcome: Outcome) -> str:
    return f"[{STYLE[outcome]}]{outcome.name}[/]"


def shown(seen: Evidence) -> str:
    """The outcome in its colour, with what was expected if that is something else."""
    return _outcome(seen.outcome) + ("" if seen.as_expected else f" [dim](expected {seen.claim.expected.name})[/]")


def sizes_table(evidence: Iterable[Evidence]) -> Table:
    """One row per claim: from where to where the sizes of its instances went."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("claim", no_wrap=True)
    table.add_column("sizes of the instances drawn", overflow="fold")
    for seen in evidence:
        table.add_row(seen.claim.name, ", ".join(f"{name} {span(*ends)}" for name, ends in seen.sizes.items()) or "–")
    return table


def tables_of(evidence: list[Evidence], *, sizes: bool) -> Group:
    """The table of a run and, if wanted, that of its sizes."""
    return Group(evidence_table(evidence), *([sizes_table(evidence)] if sizes else []))


def span(low: int, high: int) -> str:
    """One number, or both ends."""
    return f"{low}" if low == high else f"{low}–{high}"


def evidence_table(evidence: Iterable[Evidence]) -> Table:
    """One row per claim: outcome, how it was earned, how near to its bound, instances, what wrong versions met, time."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("claim", no_wrap=True)
    for name in ("outcome", "grade"):
        table.add_column(name, overflow="fold")
    for name in (
        "p(error) ≤",
        "residual/bound",
        "instances",
        "mutants refuted",
        "after",
        "hypotheses that bite",
        "seconds",
    ):
        table.add_column(name, justify="right")
    for seen in evidence:
        table.add_row(
            seen.claim.name,
            shown(seen),
            ", ".join(f"{grade.name} {count}" for grade, count in sorted(seen.grades.items(), reverse=True)) or "–",
            error_probability(seen),
            ratio(seen),
            _drawn(seen),
            f"[{'green' if not seen.survivors else 'yellow'}]{seen.mutants - len(seen.survivors)}/{seen.mutants}[/]",
            f"{seen.median_instances:g}" if seen.median_instances is not None else "–",
            bite(seen),
            f"{seen.seconds:.1f}",
        )
    return table


def bite(seen: Evidence) -> str:
    """How many hypotheses bite of those that must, and how many only give the statement its meaning."""
    idle = sum(condition.idle for condition in seen.conditions)
    count = f"{sum(c.bites is True for c in seen.conditions)}/{len(seen.conditions) - idle}"
    return f"{count} +{idle}" if idle else count


def error_probability(seen: Evidence) -> str:
    """With which probability a false identity passes the generic points; a dash where they say nothing, or the claim does not hold."""
    chance = seen.error_probability
    return "–" if chance is None else power_of_two(chance)


def families(evidence: Iterable[Evidence]) -> list[str]:
    """A line per family that p(error) is about, and one per reason why claims that HOLD have none; each with its claims."""
    about: dict[str, list[str]] = {}
    for seen in evidence:
        if seen.outcome is not Outcome.HOLDS or seen.generic is None:
            continue
        if seen.family is None:
            text = "no p(error) of {}: " + str(seen.no_error_probability)
        else:
            also = [f"also {name}" for name in seen.generic.also]
            also += [f"but it fails for {name}" for name in seen.generic.not_for if "masks" not in name]
            also += [f"{len(seen.generic.skipped)} shapes could not be tried"] if seen.generic.skipped else []
            kinds = [f"of the kind {kind!r}" for kind in seen.claim.where]
            text = "p(error) of {} is about " + "; ".join([", ".join([seen.family, *kinds]), *also])
        about.setdefault(text, []).append(seen.claim.name)
    return [text.replace("{}", ", ".join(names), 1) for text, names in about.items()]


def _drawn(seen: Evidence) -> str:
    """Instances, and how many of them repeat another one or lie outside the claim's hypotheses."""
    skipped = seen.outcomes[Outcome.INAPPLICABLE]
    notes = [f"{seen.distinct} different"] if seen.distinct < seen.instances else []
    notes += [f"{skipped} inapplicable"] if skipped else []
    return f"{seen.instances}" + (f" ({', '.join(notes)})" if notes else "")


def ratio(seen: Evidence) -> str:
    """The worst residual over its rounding bound; "0" says that every comparison was exact, a dash that none was bounded so."""
    if seen.outcome is Outcome.REFUTED and seen.worst is not None:
        return f"{seen.worst.ratio:.2g}"
    return f"{max(seen.ratios):.2g}" if seen.ratios else "0" if set(seen.grades) == {Grade.EXACT} else "–"


def claim_table(claims: Iterable[Claim]) -> Table:
    """The catalogue: name, paper, tag, what is expected, first sentence."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("claim", "arXiv", "tag", "expected", "statement"):
        table.add_column(name, overflow="fold")
    for claim in claims:
        table.add_row(claim.name, claim.source.arxiv, claim.tag, claim.expected.name, escape(claim.summary))
    return table
