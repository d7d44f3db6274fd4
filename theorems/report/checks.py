"""Whether an evidence file is one that the page can be made of: what is missing, or of the wrong
kind, and where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from theorems.impl.errors import InputError
from theorems.verdict import Outcome

_RUN = {"schema": int, "seed": int, "profile": str, "versions": dict, "claims": list}
MODEL = {"factory": str, "decay": (int, float), "batch_size": int, "chunk": int, "double": bool}
"""What the run says of the network that was checked, if it was one."""
_PARTIAL = {"reason": str, "judged": int, "of": int}
_WHOLE = {"reason": "", "judged": 0, "of": 0}
CLAIM = {
    "name": str,
    "arxiv": str,
    "tag": str,
    "expected": str,
    "instances": int,
    "inapplicable": int,
    "mutants": dict,
}
NULLABLE: dict[str, Any] = {
    "outcome": str,
    "grade": str,
    "measured": (int, float),
    "bound": (int, float),
}
_NUMBER = (int, float)
OPTIONAL: dict[str, Any] = {
    "paper": str,
    "where": str,
    "statement": str,
    "summary": str,
    "grades": dict,
    "undecided": int,
    "ratios": dict,
    "hypotheses": dict,
    "earned": str,
    "error_probability": _NUMBER,
    "counterexample": dict,
    "places": list,
    "related": list,
    "seconds": _NUMBER,
    "error": str,
    "kept_from": str,
    "generic": dict,
    "detectable": str,
    "proof": dict,
    "experiment": dict,
}
INSIDE: dict[str, dict[str, Any]] = {
    "mutants": {"refuted": int, "total": int, "median_instances": _NUMBER, "each": list},
    "hypotheses": {"bite": int, "total": int, "each": list},
    "ratios": {"median": _NUMBER, "largest": _NUMBER, "histogram": list},
    "generic": {
        "points": int,
        "grades": dict,
        "family": str,
        "reason": str,
        "shapes": list,
        "skipped": list,
        "also": list,
    },
    "proof": {"status": str, "words": str, "rules": list, "sentence": str},
    "experiment": {
        "scale": str,
        "replicates": int,
        "unit": str,
        "reported": str,
        "differs": str,
        "news": str,
        "confidence": _NUMBER,
        "effects": list,
    },
    "counterexample": {"text": str, "instance": str, "script": str, "file": str},
}
ITEMS: dict[str, dict[str, Any]] = {
    "each of mutants": {"name": str, "refuted": bool, "instances": int, "power": _NUMBER},
    "each of hypotheses": {"name": str, "checked": bool, "bites": bool},
    "places": {
        "where": str,
        "outcome": str,
        "grade": str,
        "measured": _NUMBER,
        "bound": _NUMBER,
        "reason": str,
    },
    "related": {"kind": str, "name": str},
    "effects": {
        "part": str,
        "median": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
        "margin": _NUMBER,
        "above": int,
        "needed": int,
    },
}


def check_evidence(evidence: Any) -> None:
    """Refuse what is no evidence of schema 1; fields that are not known are let be.

    Raises:
        InputError: naming the field and the claim.
    """
    _check(evidence, _RUN, "the evidence file")
    if evidence["schema"] != 1:
        raise InputError(
            f"expected an evidence file of schema 1, got schema={evidence['schema']!r}; "
            "update theorems"
        )
    _check_optional(evidence, {"model": dict, "partial": dict}, "the evidence file")
    _check(evidence.get("partial") or _WHOLE, _PARTIAL, "'partial' of the evidence file")
    _check_optional(evidence.get("model") or {}, MODEL, "'model' of the evidence file")
    for index, record in enumerate(evidence["claims"]):
        _check_claim(record, f"claim {index}")
    for name, count in Counter(record["name"] for record in evidence["claims"]).items():
        if count > 1:
            raise InputError(
                f"expected every claim once in the evidence file, got {name!r} {count} times"
            )


def _check(record: Any, fields: Mapping[str, Any], where: str) -> None:
    if not isinstance(record, Mapping):
        raise InputError(
            f"expected {where} to be an object, got {type(record).__name__}; write it with "
            "`theorems check --json`"
        )
    for field, kind in fields.items():
        if field not in record:
            raise InputError(
                f"expected {where} to have the field {field!r} (evidence schema 1); write "
                "it with `theorems check --json`"
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
    _check(record, CLAIM, where)
    if missing := [field for field in NULLABLE if field not in record]:
        raise InputError(
            f"expected {where} to have the field {missing[0]!r} (null if there is none)"
        )
    _check_optional(record, NULLABLE | OPTIONAL, where)
    for field in ("outcome", "expected"):
        if record[field] is not None and record[field] not in Outcome.__members__:
            raise InputError(
                f"expected {field!r} of {where} to be one of {', '.join(Outcome.__members__)}, got "
                f"{record[field]!r}"
            )
    _check(record["mutants"], {"refuted": int, "total": int}, f"'mutants' of {where}")
    for part, fields in INSIDE.items():
        if record.get(part) is not None:
            _check_optional(record[part], fields, f"{part!r} of {where}")
            _check_items(record[part].get("each"), f"each of {part}", where)
            _check_items(record[part].get("effects"), "effects", where)
    for part in ("places", "related"):
        _check_items(record.get(part), part, where)
    for bar in (record.get("ratios") or {}).get("histogram") or []:
        if (
            not isinstance(bar, list | tuple)
            or len(bar) != 2
            or not all(isinstance(number, int) for number in bar)
        ):
            raise InputError(
                f"expected 'histogram' of {where} to hold pairs [decade exponent, count], "
                f"got {bar!r:.80}"
            )


def _check_items(items: Any, part: str, where: str) -> None:
    for item in items or []:
        _check_kind(item, dict, f"an entry of {part!r} of {where}")
        _check_optional(item, ITEMS[part], f"an entry of {part!r} of {where}")


def _check_optional(record: Mapping[str, Any], fields: Mapping[str, Any], where: str) -> None:
    for field, kind in fields.items():
        if record.get(field) is not None:
            _check_kind(record[field], kind, f"{field!r} of {where}")
