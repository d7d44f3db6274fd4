"""Whether autograd's gradient is that of the loss: along all parameters of a user's network, and
where it goes wrong if it is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from theorems.impl.errors import InputError
from theorems.impl.slopes.handles import Handle
from theorems.impl.slopes.lines import Lines
from theorems.impl.slopes.loss_lines import FEW, STEPS, LossLine
from theorems.own.loss_slopes import ROOM, off, slope_of
from theorems.own.places.compiled import compiled_line, is_compiled
from theorems.own.places.subject import Places, Subject
from theorems.own.places.unseen import unseen
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.verdict import Outcome


def loss_lines(subject: Subject) -> Places | str:
    """One random line through all parameters, and one through those that it cannot see; where loss
    and autograd differ, what is wrong last.

    Before it contradicts, what rounding inside the network does is looked at. A network on a kink
    is looked at beside it: a wrong gradient is wrong there too, and the kink is gone.
    """
    found = _followed(subject, FEW)
    return _followed(subject, ()) or {} if found is None else found


def _followed(subject: Subject, few: Sequence[Sequence[float]]) -> Places | None:
    """The same at few steps where those show as much; None if not all of what they were tried on
    holds: then every answer is given at all steps.
    """
    lines = _lines(subject)
    few = () if is_compiled(subject) or len(lines.steps) < len(STEPS) else few
    part = f", {lines.samples}" if lines.samples else ""
    whole = _clear(lines, few) or lines.along()
    if _outcome(whole) is Outcome.INAPPLICABLE and not whole.cut:
        try:
            beside = _lines(subject, beside=True)
            lines, whole, part = beside, beside.along(), f"{part}, beside a kink of the loss"
        except InputError:
            pass  # the network is not defined there
    if _outcome(whole) in (Outcome.REFUTED, Outcome.UNDECIDED):
        whole = lines.along(rounding=True, known=whole)
    found: Places = {f"all parameters{part}": whole}
    if _outcome(whole) is Outcome.REFUTED and math.isfinite(float(whole.slope)):
        said, wrong = _located(lines, whole)
        found[f"all parameters{part}"] = replace(whole, said=said)
        return found | {f"{where}{part}": line for where, line in wrong.items()}
    if _outcome(whole) is Outcome.HOLDS:
        compiled = compiled_line(subject, lines, whole) if is_compiled(subject) else ""
        if isinstance(compiled, LossLine):
            found["compiled graph"] = compiled
        elif compiled:
            whole = found[f"all parameters{part}"] = replace(whole, notes=(*whole.notes, compiled))
        more, note = unseen(
            lines,
            whole,
            lambda: Lines(*subject.task, seed=subject.seed, grown=True, wide=lines.wide),
            few,
        )
        lines_there: Any = more.values()
        if few and any(_outcome(line) is not Outcome.HOLDS for line in lines_there):
            return None
        if note:
            found[f"all parameters{part}"] = replace(whole, notes=(*whole.notes, note))
        found |= {f"{where}{part}": line for where, line in more.items()}
    return found


def _clear(lines: Lines, few: Sequence[Sequence[float]]) -> LossLine | None:
    """The line through all at the first few steps, if it holds to `CLEAR` there."""
    for some in few[:1]:
        whole = lines.along(few=some)
        if _outcome(whole) is Outcome.HOLDS and slope_of(whole).bound <= CLEAR * float(
            whole.spread
        ):
            return whole
    return None


def _lines(subject: Subject, *, beside: bool = False) -> Lines:
    try:
        return Lines(*subject.task, seed=subject.seed, beside=beside)
    except InputError as error:
        try:
            return Lines(*subject.task, seed=subject.seed, beside=beside, wide=False)
        except InputError:
            raise error from None


def _located(lines: Lines, whole: LossLine) -> tuple[str, dict[str, LossLine]]:
    """Where autograd goes wrong, by bisection: the last of all parameters, inputs and outputs of
    modules whose gradient is not that of the loss.
    """
    try:
        everything = lines.handles()
    except InputError:
        everything = []
    near = _near(whole, lines.steps)
    for handles, steps in _searches(lines, everything, near):
        low = _last_wrong(lines, handles, steps, whole)
        if low < 0:
            continue
        alone = _alone(lines, handles[low], steps, whole)
        if _outcome(alone) is not Outcome.HOLDS:  # else it is blamed for what several share
            break
    else:
        return _nowhere(whole), {}
    last = handles[low]
    following = next((h for h in handles[low + 1 :] if h.squares > 0), None)
    found = {last.name: alone}
    if last.kind != "parameters":
        below = next(
            (h for h in reversed(handles[:low]) if h.kind == "parameters" and h.squares > 0), None
        )
        if below is not None:
            found[below.name] = _alone(lines, below, steps, whole)
    above = [h for h in handles[low + 1 :] if h.kind == "parameters" and h.parameters]
    if above:
        line = lines.along(above, steps=steps, known=whole)
        found[_names(above)] = (
            lines.along(above, rounding=True) if _outcome(line) is Outcome.REFUTED else line
        )
    if handles is not everything:
        tied = "".join(f" or {name}, which shares its parameters" for name in _sharing(lines, last))
        words = (
            f"the gradient of the {last.name} is wrong, and that of what is called later "
            f"right: it goes wrong in {last.module}{tied}, or on the way from it to the next "
            "parameters"
        )
        return words, found
    return _said(last, following, _sharing(lines, last)), found


def _searches(
    lines: Lines, everything: Sequence[Handle], near: Sequence[float]
) -> Iterator[tuple[Sequence[Handle], Sequence[float]]]:
    """Among what is searched, at which steps, one after the other: what passes between modules
    meets more kinks than the parameters do.
    """
    yield everything, near
    yield lines.owners, near
    yield lines.owners, lines.steps
    yield lines.align(lines.owners), lines.steps


def _last_wrong(
    lines: Lines, handles: Sequence[Handle], steps: Sequence[float], whole: LossLine
) -> int:
    """The last handle whose gradient is wrong, by bisection; -1 if all together do not show that
    one is.
    """

    def wrong_from(k: int) -> bool:
        return _outcome(lines.along(handles[k:], steps=steps, known=whole)) is Outcome.REFUTED

    if not handles or not wrong_from(0):
        return -1
    low, high = 0, len(handles)  # the last wrong one is in [low, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wrong_from(middle) else (low, middle)
    return low


def _alone(lines: Lines, handle: Handle, steps: Sequence[float], whole: LossLine) -> LossLine:
    """One handle: at few steps where it is clearly wrong, else with everything that rounding may
    do.
    """
    line = lines.along([handle], steps=steps, known=whole, bits=True)
    seen = slope_of(line)
    clear = abs(float(line.slope) - seen.limit) > ROOM * seen.bound
    return (
        line if clear or _outcome(line) is Outcome.HOLDS else lines.along([handle], rounding=True)
    )


def _names(handles: Sequence[Handle]) -> str:
    names = [h.module for h in handles]
    return (
        "parameters of "
        f"{', '.join(names[:4])}{f' and {len(names) - 4} more' if len(names) > 4 else ''}, above it"
    )


def _nowhere(whole: LossLine) -> str:
    """What to say where the whole is wrong, and no part of it is by itself."""
    gap = abs(float(whole.slope) - slope_of(whole).limit)
    return (
        f"where it goes wrong cannot be told: all parameters together are off by {gap:.2g}, and no "
        "module by itself is off by more than kinks and rounding hide on its own line (an error "
        "shared by many modules is like that: their common input or output, a hook on all of "
        "them, the loss)"
    )


def _sharing(lines: Lines, handle: Handle) -> list[str]:
    """The other modules that hold one of these parameters: their gradients are one, and what goes
    wrong may go wrong in either.
    """
    mine = {id(p) for p in handle.parameters}
    return [
        h.module
        for h in lines.owners
        if h.module != handle.module and mine & {id(p) for p in h.parameters}
    ]


def _said(last: Handle, following: Handle | None, sharing: Sequence[str] = ()) -> str:
    after = "the loss" if following is None else f"the {following.name}"
    if last.kind == "parameters":
        tied = f", in {' or '.join(sharing)}, which shares its parameters," if sharing else ","
        return (
            f"the gradient of the {last.name} is wrong, and that of {after} right: it goes "
            f"wrong in {last.module} itself{tied} or in a hook on its parameters"
        )
    if last.kind == "input":
        return (
            f"the gradient at the {last.name} is wrong, and at {after} right: it goes wrong in "
            f"the backward pass of {last.module}, or in a hook on it (a surrogate on purpose "
            "is held if it is written as x + (f(x) - x).detach())"
        )
    where = "in the loss" if following is None else f"between {last.module} and {following.module}"
    return (
        f"the gradient at the {last.name} is wrong, and at {after} right: it goes wrong "
        f"{where}, where what {last.module} returns is used"
    )


def _near(whole: LossLine, steps: Sequence[float]) -> Sequence[float]:
    """The finest steps at which rounding is well below what autograd is off by: six, where kinks
    are fewest.
    """
    gap = abs(float(whole.slope) - slope_of(whole).limit)
    least = float(off(whole).min())  # what is rougher on larger steps are kinks
    rounded = (ROOM * least / whole.steps)[: len(steps)]
    clear = int((rounded <= gap / ROOM).sum())
    last = max(min(clear, len(steps)), min(_FEW, len(steps)))
    return steps[max(0, last - _FEW) : last]


_FEW = 6
CLEAR = 2.0**-18
"""The share of the slope of a typical direction to which four steps have to tell it."""


def _outcome(line: LossLine) -> Outcome:
    return autograd_gives_the_gradient(line).outcome
