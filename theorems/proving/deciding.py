"""`decide`: is a claim true for all sizes? Both of its sides are run on symbols, and their normal
forms are compared.

Soundness: an operand is an exact value at every size, so that equal forms are equal values there.
Everything that a side asks for and that has no one answer for all sizes and all entries is
refused (`NotOfThisFormError`), also where the code catches it; fields that are no operands refuse
to be read. What remains to be trusted is in the documentation, under "What proved means".
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from theorems.claim import Claim
from theorems.domains import unstated
from theorems.impl.errors import InputError
from theorems.impl.symbolic.arrays import Symbolic, number
from theorems.impl.symbolic.equal_ranks import RankOf, rank_is_least
from theorems.impl.symbolic.errors import NotOfThisFormError, refusals, within
from theorems.impl.symbolic.guards import field_names, guarded
from theorems.impl.symbolic.ranks import Least, Stacked
from theorems.impl.symbolic.relations import relations_used
from theorems.impl.symbolic.signs import is_positive, sign_of
from theorems.impl.symbolic.sizes import Size, same_shape
from theorems.impl.symbolic.source import SymbolicSource
from theorems.proving.cases import Case, Domain
from theorems.proving.domains import domain_of
from theorems.proving.induction import layer, steps_of, told
from theorems.proving.missing import missing
from theorems.proving.proof import CaseProof, How, Part, Proof
from theorems.proving.strict import by_hypothesis
from theorems.proving.watching import exceptions, narrowed, says_for_certain, watched_file
from theorems.relations import Comparison
from theorems.relations.ranks import RankIs, Within

_DECIDED: WeakKeyDictionary[Claim, Proof] = WeakKeyDictionary()


def decide(claim: Claim) -> Proof:
    """Whether ``claim`` holds for all sizes, as far as normal forms tell; decided once for each
    claim.
    """
    found = _DECIDED.get(claim)
    if found is None:
        started = time.perf_counter()
        domain = domain_of(claim)
        words, cases, reason = _decided(claim, domain)
        rules = [case.rule for case in cases if case.rule]
        beyond = "" if domain is None or rules else domain.beyond
        seconds = time.perf_counter() - started
        found = Proof(claim.name, words, cases, reason, seconds, beyond)
        _DECIDED[claim] = found
    return found


def _decided(claim: Claim, domain: Domain | None) -> tuple[str, tuple[CaseProof, ...], str]:
    """For what, every case, and why not."""
    reason = _beyond(claim, domain)
    if reason is not None or domain is None:
        return "", (), reason or ""
    found: list[CaseProof] = []
    for case in domain.cases:
        made = _instances(claim, case)
        if isinstance(made, str):
            return domain.words, (), made
        instance, other = made
        if _left_out(claim, instance) and _left_out(claim, other):
            continue
        proof = _case(claim, case, instance)
        if watched_file(claim) is not None and not isinstance(proof, str) and proof.decided:
            proof = _again(claim, case, other, proof)
        if isinstance(proof, str):
            return domain.words, tuple(found), proof
        found.append(proof)
        if any(part.how == "differs" for part in proof.parts):
            break
        if all(part.sign != "=" for part in proof.parts) and not proof.decided:
            break  # nothing differs in any other case, and all would have to be proved
    if not found:
        return domain.words, (), "where= leaves no case of it"
    words = ", ".join((domain.words, *(f"of the kind {kind!r}" for kind in claim.where)))
    if all(part.proved for case in found for part in case.parts):
        hidden = None if domain.family is None else unstated(claim, domain.family)
        if hidden is not None:
            unsaid = f"symbols build in {hidden!r}, on which the claim rests without stating it"
            return words, (), f"{unsaid}; name it in hypotheses=, with a check"
        step = _induction(claim)
        if step is not None:
            found.append(step)
            words = told(words)
    return words, tuple(found), ""


def _beyond(claim: Claim, domain: Domain | None) -> str | None:
    """Why nothing can be said of the claim, or None."""
    known = missing(claim)
    if known is not None and (
        domain is None or not isinstance(claim.relation, Comparison | RankIs)
    ):
        return known
    if not isinstance(claim.relation, Comparison | RankIs):
        return f"its relation is {type(claim.relation).__name__}, which no normal form decides"
    if domain is None:
        return f"no symbolic {claim.subject.__name__} stands for what its strategy draws"
    return None


def _induction(claim: Claim) -> CaseProof | None:
    """The step from any depth to the next, if one is known and all of its identities hold."""
    steps = steps_of(claim)
    if not steps:
        return None
    case = layer()
    net = symbolic(case)
    with refusals() as refused:
        try:
            parts = [
                _compared(_EQUAL, step.name, step.observed(net), step.predicted(net))
                for step in steps
            ]
        except Exception:  # noqa: BLE001
            return None
    if refused or not all(part.proved for part in parts):
        return None
    return CaseProof(case.words, tuple(parts), (), field_names(net), "induction over the layers")


_EQUAL = Comparison()


def symbolic(case: Case, prefix: str = "") -> Any:
    """The instance of symbols of one case, with a prefix to their names; what is no operand in it
    refuses to be read.
    """
    instance = case.make(SymbolicSource(case.shape, prefix))
    if case.finish is not None:
        instance = case.finish(instance)
    return guarded(instance, case.known)


def _instances(claim: Claim, case: Case) -> tuple[Any, Any] | str:
    """The instance of symbols of one case twice, by other names; or why there is none."""
    with refusals() as refused, exceptions(watched_file(claim)) as raised:
        try:
            made = symbolic(case), symbolic(case, "again.")
        except Exception as error:  # noqa: BLE001
            return f"no symbols can be handed to {case.words}: {_told(error)}"
    if refused or raised:  # and caught: the instance may be one of few
        return f"the constructor of {case.words} catches {(refused or raised)[0]}"
    return made


def _left_out(claim: Claim, instance: Any) -> bool:
    """Whether the claim says for certain that it does not speak of this case."""
    return any(says_for_certain(claim, p, instance) is False for p in claim.where.values())


def _case(claim: Claim, case: Case, instance: Any, *, backwards: bool = False) -> CaseProof | str:
    """The parts in one case, or why it is not of this form."""
    with relations_used() as relations, refusals(watched_file(claim)) as refused:
        try:
            with exceptions(watched_file(claim) if backwards else None) as raised:
                sides = [claim.observe, claim.predict]
                found = [_named(side(instance)) for side in sides[:: -1 if backwards else 1]]
            observed, predicted = found[:: -1 if backwards else 1]
            if raised:
                what = f"its code catches an exception, {raised[0]}"
                return f"{what}, which numbers may not raise ({case.words})"
            if set(observed) != set(predicted):
                return f"its sides have the parts {sorted(observed)} and {sorted(predicted)}"
            decide_part = _compared if isinstance(claim.relation, Comparison) else _ranked
            relation: Any = claim.relation
            parts = [
                decide_part(relation, name, observed[name], predicted[name]) for name in observed
            ]
            parts = by_hypothesis(claim, instance, parts)
        except Exception as error:  # noqa: BLE001
            return f"{refused[0] if refused else _told(error)} ({case.words})"
        if refused:  # and caught
            return f"{refused[0]} ({case.words})"
    less = narrowed(claim, instance)
    return CaseProof(
        case.words,
        tuple(parts),
        tuple(sorted(relations)),
        field_names(instance),
        wider=case.wider or bool(less),
        narrowed=less,
    )


def _again(claim: Claim, case: Case, other: Any, proof: CaseProof) -> CaseProof | str:
    """The same, if code of a user says the same of other symbols, asked the other way round, and
    catches nothing on the way.
    """
    second = _case(claim, case, other, backwards=True)
    if isinstance(second, str):
        return second
    if [(p.name, p.how) for p in second.parts] != [(p.name, p.how) for p in proof.parts]:
        return f"its code answers differently when it is asked again ({case.words})"
    return proof


def _told(error: Exception) -> str:
    """In words: what was asked of symbols that they have not, and where."""
    if isinstance(error, NotOfThisFormError):
        return str(error)
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if not within(frame.filename)
    ]
    place = (
        f", at {Path(frames[-1].filename).name}:{frames[-1].lineno} ({frames[-1].line})"
        if frames
        else ""
    )
    if isinstance(error, AttributeError) and error.name:
        return f"it asks for .{error.name}, which is nothing that an array of every size has{place}"
    if isinstance(error, InputError):
        return f"its code refuses arrays of every size{place}"
    return f"its code does not run on arrays of every size{place}"


def _named(side: Any) -> Mapping[str, Any]:
    return side if isinstance(side, Mapping) else {"": side}


def _symbolic(name: str, value: Any) -> Symbolic:
    if type(value) is Symbolic:
        return value
    if isinstance(value, Size):
        return value.number()
    if type(value) is int:
        return number(value)
    kind = type(value).__name__
    raise NotOfThisFormError(f"the part {name!r} is a {kind}" if name else f"a side is a {kind}")


def _compared(relation: Comparison, name: str, seen: Any, told: Any) -> Part:
    observed, predicted = _symbolic(name, seen), _symbolic(name, told)
    sign = relation.signs.get(name, relation.sign)
    if not same_shape(observed.shape, predicted.shape):
        raise NotOfThisFormError(
            f"shapes {observed.shape} observed and {predicted.shape} predicted, which "
            "differ at some sizes"
        )
    gap = (observed - predicted).terms
    how: How = "open"
    if sign == "=":
        how = "equal" if not gap else "differs"
    elif not gap and sign != ">":
        how = "equal"
    elif is_positive(gap) if sign == ">" else sign_of(gap) == (-1 if sign == "<=" else 1):
        how = "sign"
    return Part(name, sign, how, observed, predicted)


def _ranked(relation: RankIs, name: str, seen: Any, told: Any) -> Part:
    """Rank at most k; and σ_{k+1}(M) ≤ ‖E‖ where M − E has rank at most k (Eckart and Young)."""
    if isinstance(seen, Within):
        matrix = _symbolic(name, seen.matrix) - _symbolic(name, seen.slack)
    else:
        matrix = seen if isinstance(seen, Stacked) else _symbolic(name, seen)
    options = told.options if isinstance(told, Least) else (told,)
    bounds = [
        option if isinstance(option, RankOf) else _symbolic(name, option) for option in options
    ]
    proved = rank_is_least(matrix, tuple(bounds), equal=name in relation.equal)
    shown = matrix.array if isinstance(matrix, Stacked) else matrix
    first = bounds[0].matrix if isinstance(bounds[0], RankOf) else bounds[0]
    return Part(name, "rank", "rank" if proved else "open", shown, first)
