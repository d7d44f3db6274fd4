"""How a grade was earned, in short sentences made of what the evidence file counts."""

from __future__ import annotations

from typing import Any

from theorems.report.evidence import GRADES, Entry
from theorems.report.figures import number

_MEANINGS = dict(GRADES)


def earned(claim: Entry) -> list[str]:
    """A sentence per grade, then what generic points add; the file's own sentence where it has no
    counts.
    """
    if not claim.grades:
        return [claim.earned] if claim.earned else []
    said = [_graded(name, count, claim.instances) for name, count in claim.grades.items()]
    return [*_proof(claim), *said, *_generic(claim)]


def _proof(claim: Entry) -> list[str]:
    """What was decided for all sizes; nothing where the claim is not of that kind."""
    proof = claim.proof
    if not proof or not proof["sentence"] or proof["status"] == "not of this form":
        return []
    sentence = str(proof["sentence"])
    return [f"{sentence[0].upper()}{sentence[1:]}."]


def _graded(name: str, count: Any, instances: int) -> str:
    meaning = _MEANINGS.get(name)
    return (
        f"{number(count)} of {number(instances)} {name.lower()}{f': {meaning}' if meaning else ''}."
    )


def _generic(claim: Entry) -> list[str]:
    generic = claim.generic
    if not generic or claim.outcome != "HOLDS":
        return []
    if claim.error_probability is None or not generic["family"]:
        return [f"No error probability: {generic['reason']}."] if generic["reason"] else []
    said = [
        (
            f"Besides, {number(generic['points'])} generic points, entries of 2^61 values: "
            f"{generic['family']}."
        )
    ]
    if generic["also"]:
        said.append(f"It passes there too: {', '.join(map(str, generic['also']))}.")
    said.append(
        f"If it were false there, chance would let it pass with probability {_chance(claim)}."
    )
    return [*said, "Of other instances this says nothing."]


def _chance(claim: Entry) -> str:
    return f"at most {number(claim.error_probability)}" if claim.error_probability else "zero"
