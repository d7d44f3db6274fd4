"""The verdict of a claim on a stack of instances: the worst of its members."""

from __future__ import annotations

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
    return tell(claim, worst) if worst.instance is stack else worst


def verdicts_on(claim: Any, stack: Any) -> list[Verdict]:
    """One per member, in their order; those that were judged in one go, which needs a type whose
    formulas keep members apart, share the verdict on the stack.

    Raises:
        InputError: whatever judging a member raises.
    """
    members = stack.members
    verdicts: list[Verdict | None] = [None] * len(members)
    apart = list(range(len(members)))
    # hypotheses are asked of each member: that some member meets one says nothing of the others
    if stack.together and claim.tag != "conjecture" and not any(map(claim.inapplicable, members)):
        with explained(claim, stack):
            found = evaluated(
                lambda it: holding_together(claim.relation, claim.observe, claim.predict, it), stack
            )
        if found is not None:
            seen, apart = found
            held = Verdict(
                claim.name, seen.outcome, seen.grade, seen.measured, seen.bound, stack, seen.context
            )
            verdicts = [held] * len(members)
    for at in apart:
        verdicts[at] = claim(members[at])
    return [verdict for verdict in verdicts if verdict is not None]
