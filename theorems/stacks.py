"""The verdict of a claim on a stack of instances: the worst of its members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from theorems.impl.numbers.exact_arrays import evaluated
from theorems.relations.stacked import holding_together
from theorems.statements import explained
from theorems.verdict import Verdict, worst_of
from theorems.witness import tell


def on_members(claim: Any, stack: Any) -> Verdict:
    """The worst verdict.

    Args:
        claim: what is judged.
        stack: made by `Instance.stack` or `Instance.split`.

    Raises:
        InputError: whatever judging a member raises.
    """
    worst = worst_of(verdicts_on(claim, stack))
    return tell(claim, worst) if worst.instance.members else worst  # others are told already


def verdicts_on(claim: Any, stack: Any) -> list[Verdict]:
    """One per member, in their order; those that were judged in one go, which needs a type whose
    formulas keep members apart, share the verdict on the stack.

    Raises:
        InputError: whatever judging a member raises.
    """
    members = stack.members
    # hypotheses are asked of each member: that some member meets one says nothing of the others
    asked = stack.together and claim.tag != "conjecture"
    able = [at for at, one in enumerate(members) if asked and claim.inapplicable(one) is None]
    verdicts = dict(_together(claim, stack, able))
    return [verdicts[at] if at in verdicts else claim(one) for at, one in enumerate(members)]


_FEW = 4
"""Members that are not worth another try together."""


def _together(claim: Any, stack: Any, able: list[int]) -> Iterator[tuple[int, Verdict]]:
    """The verdicts of members that hold together. Where some of them do not, each half is tried:
    one that is refuted, or open, costs the others little.
    """
    if len(able) < 2:
        return
    part = stack.picked(able)
    with explained(claim, part):
        found = evaluated(
            lambda it: holding_together(claim.relation, claim.observe, claim.predict, it), part
        )
    if found is None:
        if len(able) > _FEW:
            half = len(able) // 2
            yield from _together(claim, stack, able[:half])
            yield from _together(claim, stack, able[half:])
        return
    seen, apart = found
    held = Verdict(
        claim.name, seen.outcome, seen.grade, seen.measured, seen.bound, part, seen.context
    )
    yield from ((at, held) for place, at in enumerate(able) if place not in set(apart))
