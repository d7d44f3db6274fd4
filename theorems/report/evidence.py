"""An evidence file as the page reads it: checked, with everything optional filled in as absent."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from theorems.evidence.partial import told
from theorems.report.checks import CLAIM, INSIDE, ITEMS, NULLABLE, OPTIONAL, check_evidence
from theorems.report.figures import number
from theorems.verdict import Grade, Outcome


@dataclass(frozen=True)
class Standing:
    """What came out, against what was expected."""

    key: str
    label: str
    many: str
    mark: str
    meaning: str

    def said(self, count: int) -> str:
        """What follows the number in a sentence."""
        if count != 1:
            return self.many
        return (
            self.many.replace("hold", "holds", 1)
            .replace("are ", "is ", 1)
            .replace("were ", "was ", 1)
        )


STANDINGS = (
    Standing("holds", "holds", "hold", "✓", Outcome.HOLDS.value),
    Standing(
        "as-expected",
        "refuted, as expected",
        "are refuted, as expected",
        "⊘",
        "kept as it is printed or as one would guess it, and false: the suite found a "
        "counterexample, as it should",
    ),
    Standing("refuted", "refuted", "are refuted", "✗", Outcome.REFUTED.value),
    Standing(
        "unrefuted",
        "holds, unexpectedly",
        "hold, unexpectedly",
        "!",
        "expected to be refuted, and no instance refuted it",
    ),
    Standing("undecided", "undecided", "are undecided", "?", Outcome.UNDECIDED.value),
    Standing(
        "inapplicable",
        "inapplicable",
        "are inapplicable",
        "∅",
        Outcome.INAPPLICABLE.value + "; this never counts as a pass",
    ),
    Standing(
        "not-run",
        "not run",
        "were not run",
        "–",
        "nothing in this run touched the claim, so nothing is known about it",
    ),
)
_BY_KEY = {standing.key: standing for standing in STANDINGS}
GRADES = tuple((grade.name, grade.meaning) for grade in sorted(Grade, reverse=True))
_INVERSE = {
    "used by": "uses",
    "corrected by": "corrects",
    "special case of": "has the special case",
}
_FORWARD = {words: kind for kind, words in _INVERSE.items()}


def standing(outcome: str | None, expected: str) -> Standing:
    """Where a claim stands, given its outcome (None: not run) and the expected one."""
    if outcome is None:
        return _BY_KEY["not-run"]
    if outcome in ("UNDECIDED", "INAPPLICABLE"):
        return _BY_KEY[outcome.lower()]
    if expected == "REFUTED":
        return _BY_KEY["as-expected" if outcome == "REFUTED" else "unrefuted"]
    return _BY_KEY[outcome.lower()]


class Entry:
    """One claim of the file; a field that the file does not have reads as None."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        """Take a record that `Run` has checked; what is optional inside its parts reads as None, or
        as an empty list.
        """
        self._record = dict(record)
        for part, fields in INSIDE.items():
            if record.get(part) is not None:
                self._record[part] = {
                    f: record[part].get(f, [] if kind is list else None)
                    for f, kind in fields.items()
                }
                each = self._record[part].get("each")
                if each is not None:
                    self._record[part]["each"] = [
                        _filled(item, ITEMS[f"each of {part}"]) for item in each
                    ]
        if self._record.get("experiment"):
            self._record["experiment"]["effects"] = [
                _filled(item, ITEMS["effects"]) for item in self._record["experiment"]["effects"]
            ]
        self._record["places"] = [
            _filled(item, ITEMS["places"]) for item in record.get("places") or []
        ]
        self.standing = standing(record["outcome"], record["expected"])

    def __getattr__(self, field: str) -> Any:
        """A field of the record."""
        if field in CLAIM or field in NULLABLE or field in OPTIONAL:
            return self._record.get(field)
        raise AttributeError(field)

    @property
    def survivors(self) -> int:
        """Mutants that nothing refuted."""
        return int(self.mutants["total"]) - int(self.mutants["refuted"])

    @property
    def refuted_exactly(self) -> bool:
        """Whether nothing rounded where it was refuted: then there is no ratio to speak of."""
        return self.outcome == "REFUTED" and self.bound == 0

    @property
    def attention(self) -> str | None:  # noqa: PLR0911
        """Why a reader should look here first, or None."""
        if self.error:
            return "raised an error: nothing was judged"
        if self.standing.key == "refuted":
            failed = [p for p in self.places if p["outcome"] == "REFUTED" and p["where"]]
            more = f", and at {len(failed) - 3} more places" if len(failed) > 3 else ""
            where = "; ".join(f"at {p['where']}, {size_of(p)}" for p in failed[:3])
            return f"refuted {where}{more}" if where else "refuted by a counterexample"
        if self.standing.key == "unrefuted":
            return "expected to be refuted, but no instance refuted it"
        if self.standing.key == "undecided":
            return "undecided: the bound was too loose to tell"
        if self.standing.key == "as-expected" and self.survivors:
            return (
                f"refuted as expected, which ended its search with {self.survivors} of "
                f"{self.mutants['total']} mutants not caught"
            )
        if self.outcome not in (None, "INAPPLICABLE") and self.survivors:
            return f"{self.survivors} of {self.mutants['total']} mutants survived"
        return None


def size_of(place: Mapping[str, Any]) -> str:
    """By how much a place of a network missed its bound."""
    return f"residual {number(place['measured'])} against a bound of {number(place['bound'])}"


class Run:
    """A whole evidence file.

    Args:
        evidence: the parsed JSON.

    Raises:
        InputError: if it is not an evidence file of schema 1: what is missing or of the wrong kind,
            and where.
    """

    def __init__(self, evidence: Any) -> None:
        """Check the file."""
        check_evidence(evidence)
        self.seed: int = evidence["seed"]
        self.profile: str = evidence["profile"]
        self.versions: dict[str, str] = evidence["versions"]
        self.started: str | None = _moment(evidence.get("started"))
        self.false_alarm: float | None = evidence.get("false_alarm")
        self.says_chance = "false_alarm" in evidence
        self.partial: str | None = told(evidence) if evidence.get("partial") else None
        self.claims = [Entry(record) for record in evidence["claims"]]
        self.names = {claim.name: claim for claim in self.claims}
        self.said: dict[str, Any] = evidence.get("model") or {}
        self.examples: int = evidence.get("examples") or max(
            (c.instances for c in self.claims), default=0
        )

    @property
    def model(self) -> str | None:
        """The user's network that was checked, or None for drawn ones."""
        named = self.profile.removeprefix("model ") if self.profile.startswith("model ") else None
        return self.said.get("factory") or named

    @cached_property
    def attention(self) -> list[Entry]:
        """What a reader should look at first, the gravest first."""
        order = ["refuted", "unrefuted", "not-run", "undecided", "holds", "as-expected"]
        return sorted(
            (c for c in self.claims if c.attention),
            key=lambda claim: order.index(claim.standing.key),
        )

    @cached_property
    def papers(self) -> dict[str, list[Entry]]:
        """The claims by paper, in the order of the file."""
        found: dict[str, list[Entry]] = {}
        for claim in self.claims:
            found.setdefault(claim.arxiv, []).append(claim)
        return found

    def title(self, arxiv: str) -> str:
        """What the file calls a paper."""
        return next((c.paper for c in self.papers[arxiv] if c.paper), f"arXiv:{arxiv}")

    @cached_property
    def relations(self) -> list[tuple[str, str, str]]:
        """(name, kind, name) between claims of this file, each once."""
        found: dict[tuple[str, str, str], None] = {}
        for claim in self.claims:
            for other in claim.related or []:
                subject, kind, name = claim.name, str(other.get("kind")), str(other.get("name"))
                if kind in _FORWARD:
                    subject, kind, name = name, _FORWARD[kind], subject
                mirrored = kind == "contrasted with" and (name, kind, subject) in found
                if {subject, name} <= set(self.names) and name != subject and not mirrored:
                    found[subject, kind, name] = None
        return list(found)

    def neighbours(self, name: str) -> dict[str, list[str]]:
        """What a claim is to the others and they to it, in words."""
        found: dict[str, list[str]] = {}
        for subject, kind, other in self.relations:
            if subject == name:
                found.setdefault(kind, []).append(other)
            elif other == name:
                words = (
                    kind
                    if kind == "contrasted with"
                    else _INVERSE.get(kind, f"“{kind}” said of it by")
                )
                found.setdefault(words, []).append(subject)
        return found

    def command(self, claim: Entry) -> str:
        """What to type to see the same again."""
        if claim.experiment:
            return (
                f"theorems experiment {shlex.quote(claim.name)} --seed {self.seed} --scale "
                f"{claim.experiment['scale']}"
            )
        what = (
            f"--model {shlex.quote(self.model)}"
            if self.model
            else f"--examples {max(self.examples, 1)}"
        )
        for option in ("decay", "batch_size", "chunk"):
            if self.model and self.said.get(option) is not None:
                what += f" --{option.replace('_', '-')} {self.said[option]}"
        if self.model and self.said.get("double"):
            what += " --double"
        if self.profile == "thorough":
            what += " --thorough"
        return f"theorems check {shlex.quote(claim.name)} --seed {self.seed} {what}"

    def tally(self, claims: list[Entry]) -> Iterator[tuple[Standing, int]]:
        """How many of ``claims`` stand how, in fixed order, absent standings left out."""
        counts = Counter(claim.standing.key for claim in claims)
        return ((s, counts[s.key]) for s in STANDINGS if counts[s.key])


def _moment(value: Any) -> str | None:
    """An ISO time as a reader would write it; anything else as it is."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname() or ''}".strip()


def _filled(item: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {field: item.get(field) for field in fields}
