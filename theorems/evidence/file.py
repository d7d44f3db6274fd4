"""The evidence of a run as JSON: one writer and one reader for the command, the plugin, the badges
and the report.

What the fields mean is in ``schema.json`` beside this file. Everything that people look at is made
of that JSON alone, so this module knows claims only as what writes a record; reading imports
neither torch nor the catalogue.
"""

from __future__ import annotations

import json
import platform
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theorems.checking.records import Record, described, place
from theorems.files import replace_file

if TYPE_CHECKING:
    from theorems.checking.collected import Evidence
    from theorems.claim import Claim
    from theorems.own.models import Result

SCHEMA = 1
GRADES = ("STATISTICAL", "NUMERICAL", "CERTIFIED", "EXACT", "PROVED")
"""Names of the grades, the weakest first."""

_PRECEDENCE = ("REFUTED", "UNDECIDED", "HOLDS", "INAPPLICABLE", None)


def versions() -> dict[str, str]:
    """Versions that a result depends on."""
    packages = ("theorems", "torch", "numpy", "scipy", "hypothesis")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def not_run(claim: Claim, *, reason: str | None = None, where: str = "") -> Record:
    """The entry of a claim that nothing has judged: its outcome is null, which never reads as a
    pass.
    """
    empty: Record = {"outcome": None, "grade": None, "grades": {}, "measured": None, "bound": None}
    empty |= {"false_alarm": None}
    counts = {
        "instances": 0,
        "inapplicable": 0,
        "undecided": 0,
        "mutants": {"refuted": 0, "total": 0},
        "seconds": 0.0,
    }
    why = {
        "where": where,
        "outcome": None,
        "grade": None,
        "measured": None,
        "bound": None,
        "reason": reason,
    }
    return {
        **described(claim),
        **empty,
        **counts,
        "counterexample": None,
        "places": [why] if reason else [],
    }


def raised(claim: Claim, error: str, *, seconds: float = 0.0) -> Record:
    """The entry of a claim that could not be judged, since it, its strategy or its relation raised
    something.
    """
    return not_run(claim, reason=f"raised: {error}") | {
        "error": error,
        "seconds": round(seconds, 3),
    }


def record(seen: Evidence, *, places: Iterable[Record] = ()) -> Record:
    """The entry of a claim that was judged."""
    worst = seen.worst
    refuted = worst is not None and worst.outcome.name == "REFUTED"
    example = (
        {"text": repr(worst), "instance": repr(worst.instance), "script": None, "file": None}  # type: ignore[union-attr]
        if refuted
        else None
    )
    entry = {**described(seen.claim), "counterexample": example, "places": [], **seen.record()}
    return entry | {"places": [*entry["places"], *places]}


def judged(claim: Claim, results: Iterable[Result], *, seconds: float = 0.0) -> Evidence:
    """What was seen of a claim at the places of a network."""
    from theorems.checking.collected import Evidence

    seen = Evidence(claim, seconds=seconds, drawn=False)
    for result in results:
        seen.add(result.verdict)
        seen.seconds += result.seconds
    return seen


def model_record(seen: Evidence, results: Iterable[Result]) -> Record:
    """The entry of a claim that was judged at the places of a network."""
    return record(seen, places=[place(result.where, result.verdict) for result in results])


def ratio(entry: Record) -> float | None:
    """Residual over bound of the verdict that counts; None where nothing was measured."""
    measured, bound = entry["measured"], entry["bound"]
    if measured is None or bound is None:
        return None if entry["outcome"] is None or bound is None else float("inf")
    return 0.0 if measured == 0 else measured / bound if bound > 0 else float("inf")


def merge(first: Record, second: Record) -> Record:
    """Two entries of one claim as one: the worse outcome counts, counts and places add up."""
    ahead, behind = sorted((first, second), key=lambda entry: _PRECEDENCE.index(entry["outcome"]))
    merged = {
        **ahead,
        **behind,
        **{key: value for key, value in ahead.items() if value is not None},
        "outcome": ahead["outcome"],
    }
    if ahead["outcome"] == behind["outcome"]:
        grades = Counter(ahead["grades"]) + Counter(behind["grades"])
        worse = max((ahead, behind), key=lambda entry: ratio(entry) or 0.0)
        merged |= {"grades": {grade: grades[grade] for grade in reversed(GRADES) if grades[grade]}}
        merged |= {
            "grade": max(
                (e["grade"] for e in (ahead, behind) if e["grade"]), key=GRADES.index, default=None
            )
        }
        merged |= {key: worse[key] for key in ("measured", "bound")}
    else:
        merged |= {
            key: ahead[key] for key in ("grade", "grades", "measured", "bound", "counterexample")
        }
    merged |= {key: first[key] + second[key] for key in ("instances", "inapplicable", "undecided")}
    merged["judged"] = merged["instances"] - merged["inapplicable"]
    alarms = [entry.get("false_alarm") for entry in (first, second)]
    merged["false_alarm"] = min(1.0, sum(filter(None, alarms))) if any(alarms) else None
    merged["seconds"] = round(first["seconds"] + second["seconds"], 3)
    merged["mutants"] = max(
        first["mutants"],
        second["mutants"],
        key=lambda mutants: (int(mutants["total"]), len(mutants)),
    )
    merged["places"] = [*first["places"], *second["places"]]
    return merged


def meant(evidence: Mapping[str, Any]) -> list[Record]:
    """The entries of claims that the run was meant to try, or tried all the same."""
    return [entry for entry in evidence["claims"] if entry.get("asked", True)]


def as_expected(entry: Record) -> bool:
    """Whether the claim came out as the catalogue says."""
    return bool(entry["outcome"] == entry["expected"])


def document(
    records: Iterable[Record],
    *,
    seed: int,
    profile: str,
    started: datetime | None = None,
    claims: Iterable[Claim] = (),
    model: Mapping[str, Any] | None = None,
    false_alarm: float | None = None,
    partial: Mapping[str, Any] | None = None,
) -> Record:
    """The whole file.

    Args:
        records: entries, several of one claim allowed.
        seed: of the run.
        profile: how instances were drawn, or which network was checked.
        started: when the run began; the time of writing by default.
        claims: what the file must list, in this order: what has no record was not run.
        model: which network was checked and how (``factory``, and what was said beside it); None
            for drawn ones.
        false_alarm: probability that any statistical claim of the run is refuted although it is
            true; None if there is none.
        partial: why not everything that was meant to run did (`theorems.evidence.partial`); None if
            it did.
    """
    finished = datetime.now(UTC)
    merged: dict[str, Record] = {claim.name: not_run(claim) for claim in claims}
    for entry in records:
        merged[entry["name"]] = (
            merge(merged[entry["name"]], entry) if entry["name"] in merged else entry
        )
    return {
        "schema": SCHEMA,
        "seed": seed,
        "profile": profile,
        "versions": versions(),
        "started": (started or finished).isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        **({"partial": dict(partial)} if partial is not None else {}),
        **({"model": dict(model)} if model is not None else {}),
        "false_alarm": false_alarm,
        "claims": list(merged.values()),
    }


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write the evidence of a run, whole or not at all.

    Raises:
        InputError: if it cannot be written.
    """
    replace_file(path, text(content))


def text(content: Mapping[str, Any]) -> str:
    """The evidence of a run as it stands in a file."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def schema() -> Record:
    """The published JSON Schema of the file."""
    return dict(json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8")))


def parsed(path: Path) -> Any:
    """The JSON of a file, or of standard input for a dash.

    Raises:
        InputError: if there is no such file, or it holds no JSON.
    """
    from theorems.impl.errors import InputError, require

    piped = str(path) == "-"
    advice = "`theorems check --json FILE` writes one"
    require(piped or path.is_file(), f"expected an evidence file, got {str(path)!r}; {advice}")
    try:
        return json.loads(sys.stdin.read() if piped else path.read_text(encoding="utf-8"))
    except ValueError as error:  # not UTF-8 is one too
        raise InputError(f"expected JSON in {str(path)!r}, got something else: {error}") from error


def read(path: Path) -> Record:
    """Read and validate an evidence file, or standard input for a dash.

    Raises:
        InputError: if there is no such file, or it is not evidence of this schema; the message
            names the field.
    """
    from theorems.impl.errors import require

    content = parsed(path)
    found = content.get("schema") if isinstance(content, dict) else None
    require(
        found == SCHEMA,
        f"expected evidence of schema {SCHEMA} in {str(path)!r}, got schema {found!r}",
    )
    problem = first_problem(content)
    require(
        problem is None, f"expected evidence of schema {SCHEMA} in {str(path)!r}, got {problem}"
    )
    return dict(content)


def first_problem(content: Mapping[str, Any]) -> str | None:
    """Where and how the content departs from the schema first; None if it does not."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema()).iter_errors(content))
    if error is not None:
        message = error.message if len(error.message) < 200 else f"{error.message[:200]} …"
        return f"{error.json_path.removeprefix('$.')}: {message}"
    names = Counter(entry["name"] for entry in content["claims"])
    return next(
        (f"two entries of the claim {name}" for name, count in names.items() if count > 1), None
    )
