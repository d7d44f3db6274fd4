"""An evidence file as the page reads it: checked, with everything optional filled in as absent."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from impl.errors import InputError
from theorems.verdict import Grade, Outcome

_RUN = {"schema": int, "seed": int, "profile": str, "versions": dict, "claims": list}
_CLAIM = {
    "name": str,
    "arxiv": str,
    "tag": str,
    "expected": str,
    "instances": int,
    "inapplicable": int,
    "mutants": dict,
}
_NULLABLE: dict[str, Any] = {"outcome": str, "grade": str, "measured": (int, float), "bound": (int, float)}
_NUMBER = (int, float)
_OPTIONAL: dict[str, Any] = {
    "paper": str, "where": str, "statement": str, "summary": str, "grades": dict, "undecided": int, "ratios": dict,
    "hypotheses": dict, "earned": str, "error_probability": _NUMBER, "counterexample": dict, "places": list,
    "related": list, "seconds": _NUMBER,
}  # fmt: skip
_INSIDE: dict[str, dict[str, Any]] = {
    "mutants": {"refuted": int, "total": int, "median_instances": _NUMBER, "each": list},
    "hypotheses": {"bite": int, "total": int, "each": list},
    "ratios": {"median": _NUMBER, "largest": _NUMBER, "histogram": list},
    "counterexample": {"text": str, "instance": str, "script": str, "file": str},
}
_ITEMS: dict[str, dict[str, Any]] = {
    "each of mutants": {"name": str, "refuted": bool, "instances": int, "power": _NUMBER},
    "each of hypotheses": {"name": str, "checked": bool, "bites": bool},
    "places": {"where": str, "outcome": str, "grade": str, "measured": _NUMBER, "bound": _NUMBER, "reason": str},
    "related": {"kind": str, "name": str},
}


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
        return (
            self.many
            if count != 1
            else self.many.replace("hold", "holds", 1).replace("are ", "is ", 1).replace("were ", "was ", 1)
        )


STANDINGS = (
    Standing("holds", "holds", "hold", "✓", Outcome.HOLDS.value),
    Standing("as-expected", "refuted, as expected", "are refuted, as expected", "⊘", "kept as it is printed or as one would guess it, and false: the suite found a counterexample, as it should"),
    Standing("refuted", "refuted", "are refuted", "✗", Outcome.REFUTED.value),
    Standing("unrefuted", "holds, unexpectedly", "hold, unexpectedly", "!", "expected to be refuted, and no instance refuted it"),
    Standing("undecided", "undecided", "are undecided", "?", Outcome.UNDECIDED.value),
    Standing("inapplicable", "inapplicable", "are inapplicable", "∅", Outcome.INAPPLICABLE.value + "; this never counts as a pass"),
    Standing("not-run", "not run", "were not run", "–", "nothing in this run touched the claim, so nothing is known about it"),
)  # fmt: skip
_BY_KEY = {standing.key: standing for standing in STANDINGS}
GRADES = tuple((grade.name, grade.meaning) for grade in sorted(Grade, reverse=True))
_INVERSE = {"used by": "uses", "corrected by": "corrects", "special case of": "has the special case"}
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
        """Take a record that `Run` has checked; what is optional inside its parts reads as None, or as an empty list."""
        self._record = dict(record)
        for part, fields in _INSIDE.items():
            if record.get(part) is not None:
                self._record[part] = {
                    f: record[part].get(f, [] if kind is list else None) for f, kind in fields.items()
                }
                each = self._record[part].get("each")
                if each is not None:
                    self._record[part]["each"] = [_filled(item, _ITEMS[f"each of {part}"]) for item in each]
        self._record["places"] = [_filled(item, _ITEMS["places"]) for item in record.get("places") or []]
        self.standing = standing(record["outcome"], record["expected"])

    def __getattr__(self, field: str) -> Any:
        """A field of the record."""
        if field in _CLAIM or field in _NULLABLE or field in _OPTIONAL:
            return self._record.get(field)
        raise AttributeError(field)

    @property
    def survivors(self) -> int:
        """Mutants that nothing refuted."""
        return int(self.mutants["total"]) - int(self.mutants["refuted"])

    @property
    def attention(self) -> str | None:
        """Why a reader should look here first, or None."""
        if self.standing.key == "refuted":
            return "refuted by a counterexample"
        if self.standing.key == "unrefuted":
            return "expected to be refuted, but no instance refuted it"
        if self.standing.key == "undecided":
            return "undecided: the bound was too loose to tell"
        if self.standing.key == "as-expected" and self.survivors:
            return f"refuted as expected, which ended its search with {self.survivors} of {self.mutants['total']} mutants not caught"
        if self.outcome not in (None, "INAPPLICABLE") and self.survivors:
            return f"{self.survivors} of {self.mutants['total']} mutants survived"
        return None


class Run:
    """A whole evidence file.

    Args:
        evidence: the parsed JSON.

    Raises:
        InputError: if it is not an evidence file of schema 1: what is missing or of the wrong kind, and where.
    """

    def __init__(self, evidence: Any) -> None:
        """Check the file."""
        _check(evidence, _RUN, "the evidence file")
        if evidence["schema"] != 1:
            raise InputError(
                f"expected an evidence file of schema 1, got schema={evidence['schema']!r}; update theorems"
            )
        for index, record in enumerate(evidence["claims"]):
            _check_claim(record, f"claim {index}")
        names = [record["name"] for record in evidence["claims"]]
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise InputError(
                f"expected every claim once in the evidence file, got {twice[0]!r} {names.count(twice[0])} times"
            )
        self.seed: int = evidence["seed"]
        self.profile: str = evidence["profile"]
        self.versions: dict[str, str] = evidence["versions"]
        self.started: str | None = _moment(evidence.get("started"))
        self.false_alarm: float | None = evidence.get("false_alarm")
        self.claims = [Entry(record) for record in evidence["claims"]]
        self.names = {claim.name: claim for claim in self.claims}
        self.examples: int = evidence.get("examples") or max((c.instances for c in self.claims), default=0)

    @property
    def model(self) -> str | None:
        """The user's network that was checked, or None for drawn ones."""
        return self.profile.removeprefix("model ") if self.profile.startswith("model ") else None

    @cached_property
    def attention(self) -> list[Entry]:
        """What a reader should look at first, the gravest first."""
        order = ["refuted", "unrefuted", "undecided", "holds", "as-expected"]
        return sorted((c for c in self.claims if c.attention), key=lambda claim: order.index(claim.standing.key))

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
                words = kind if kind == "contrasted with" else _INVERSE.get(kind, f"“{kind}” said of it by")
                found.setdefault(words, []).append(subject)
        return found

    def command(self, claim: Entry) -> str:
        """What to type to see the same again."""
        what = f"--model {shlex.quote(self.model)}" if self.model else f"--examples {max(self.examples, 1)}"
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


def _check(record: Any, fields: Mapping[str, Any], where: str) -> None:
    if not isinstance(record, Mapping):
        raise InputError(
            f"expected {where} to be an object, got {type(record).__name__}; write it with `theorems check --json`"
        )
    for field, kind in fields.items():
        if field not in record:
            raise InputError(
                f"expected {where} to have the field {field!r} (evidence schema 1); write it with `theorems check --json`"
            )
        _check_kind(record[field], kind, f"{field!r} of {where}")


def _check_kind(value: Any, kind: Any, where: str) -> None:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(k.__name__ for k in kinds)
        raise InputError(f"expected {where} to be of type {wanted}, got {value!r:.80}")


def _check_claim(record: Any, where: str) -> None:
    _check(record, {"name": str}, where)
    where = f"{where} ({record['name']})"
    _check(record, _CLAIM, where)
    if missing := [field for field in _NULLABLE if field not in record]:
        raise InputError(f"expected {where} to have the field {missing[0]!r} (null if there is none)")
    _check_optional(record, _NULLABLE | _OPTIONAL, where)
    for field in ("outcome", "expected"):
        if record[field] is not None and record[field] not in Outcome.__members__:
            raise InputError(
                f"expected {field!r} of {where} to be one of {', '.join(Outcome.__members__)}, got {record[field]!r}"
            )
    _check(record["mutants"], {"refuted": int, "total": int}, f"'mutants' of {where}")
    for part, fields in _INSIDE.items():
        if record.get(part) is not None:
            _check_optional(record[part], fields, f"{part!r} of {where}")
            _check_items(record[part].get("each"), f"each of {part}", where)
    for part in ("places", "related"):
        _check_items(record.get(part), part, where)
    for bar in (record.get("ratios") or {}).get("histogram") or []:
        if not isinstance(bar, list | tuple) or len(bar) != 2 or not all(isinstance(number, int) for number in bar):
            raise InputError(f"expected 'histogram' of {where} to hold pairs [decade exponent, count], got {bar!r:.80}")


def _check_items(items: Any, part: str, where: str) -> None:
    for item in items or []:
        _check_kind(item, dict, f"an entry of {part!r} of {where}")
        _check_optional(item, _ITEMS[part], f"an entry of {part!r} of {where}")


def _check_optional(record: Mapping[str, Any], fields: Mapping[str, Any], where: str) -> None:
    for field, kind in fields.items():
        if record.get(field) is not None:
            _check_kind(record[field], kind, f"{field!r} of {where}")


def _filled(item: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {field: item.get(field) for field in fields}
