"""Parameters whose gradient a line through all of them could not have seen to be wrong: lines of
their own, or their names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from theorems.impl.errors import InputError
from theorems.impl.slopes.directions import is_tiny, moves
from theorems.impl.slopes.handles import Handle
from theorems.impl.slopes.lines import Lines
from theorems.impl.slopes.loss_lines import COARSE, FEWEST, LossLine
from theorems.own.loss_slopes import slope_of
from theorems.own.places.subject import Places
from theorems.own.preconditions import POWER, autograd_gives_the_gradient
from theorems.verdict import Outcome

ROUNDS = 4
"""Lines through parameters of which the loss depends too little to be seen beside the others."""
FINE = 2.0**-7
"""The share of its gradient that an error has to be of: smaller ones are not looked for, larger
ones that may be there are named.
"""
_DUST = 2.0**-44
"""The share of the slope of all below which autograd's of one parameter is its rounding: it says
that there is none.
"""


class Seen:
    """Which share of the gradient of each parameter could be wrong without having been seen on the
    lines so far.
    """

    def __init__(self, lines: Lines) -> None:
        """Nothing has been seen."""
        self.lines, self.parameters = lines, lines.single()
        self.least = {id(h.parameters[0]): math.inf for h in self.parameters}

    def add(
        self, line: LossLine, handles: Sequence[Handle], steps: Sequence[float] | None = None
    ) -> None:
        """What a line shows that agrees; ``steps`` are all of it, where it knows a few."""
        seen = slope_of(line)
        if abs(float(line.slope) - seen.limit) > seen.bound:
            return
        for handle, weight in zip(
            handles, self.lines.speeds(handles, steps or line.steps.tolist()), strict=True
        ):
            for p in handle.parameters:
                slope = weight * abs(self.lines.shares[id(p)][0])
                if slope > 0:
                    self.least[id(p)] = min(self.least[id(p)], seen.bound / slope)

    def of(self, handle: Handle) -> float:
        """The share of one parameter."""
        return self.least[id(handle.parameters[0])]

    def beyond(self, share: float, handles: Sequence[Handle]) -> list[Handle]:
        """The parameters that could be wrong by more."""
        return [h for h in handles if not self.of(h) <= share]


def named(handles: Sequence[Handle], most: int = 4) -> str:
    """The modules of handles."""
    names = list(dict.fromkeys(h.module for h in handles))
    return (
        "parameters of "
        f"{', '.join(names[:most])}{f' and {len(names) - most} more' if len(names) > most else ''}"
    )


def _apart(lines: Lines, seen: Seen, whole: LossLine) -> tuple[list[Handle], list[Handle]]:
    """The parameters with which the loss moves, and those of which autograd says that it does
    not.
    """
    least = _DUST * float(whole.spread) if lines.wide else 0.0
    moving = [h for h in seen.parameters if math.sqrt(h.squares) > least]
    return moving, [h for h in seen.parameters if math.sqrt(h.squares) <= least]


def unseen(
    lines: Lines,
    whole: LossLine,
    grown: Callable[[], Lines],
    few: Sequence[Sequence[float]] = (),
) -> tuple[Places, str]:
    """Lines through the parameters whose gradient could be wrong without being seen on the line
    through all, and a note on those that stay.

    Args:
        lines: of the network.
        whole: the line through all parameters, which holds.
        grown: the same network where its tiny parameters are larger.
        few: steps that are tried before all others.
    """
    seen, found = Seen(lines), Places()
    seen.add(whole, lines.owners, lines.steps)
    moving, still = _apart(lines, seen, whole)
    before: list[Handle] = []
    for _ in range(ROUNDS + len(few)):
        left = seen.beyond(FINE, moving)
        altogether = seen.beyond(POWER, left)
        left = altogether or left
        if not left or (left == before and not few):
            break
        if left == before:  # they show no more
            few = ()
        before = left
        line = _at_few(lines, left, whole, few) or _through(lines, left, whole)
        if _outcome(line) is Outcome.REFUTED:
            return found | _wrong(lines, left, line), ""
        seen.add(line, left, (*COARSE, *lines.steps) if len(line.steps) == FEWEST else None)
        if altogether and not seen.beyond(POWER, left):
            found[f"{named(left)}, of which the loss depends little"] = line
    left = seen.beyond(POWER, moving)
    if left:
        left = lines.align(left)
        line = _through(lines, left, whole)
        if _outcome(line) is Outcome.REFUTED:
            return found | _wrong(lines, left, line), ""
        seen.add(line, left)
        if not seen.beyond(POWER, left):
            found[f"{named(left)}, of which the loss depends little"] = line
    hidden = [*seen.beyond(POWER, moving), *still]
    if still:
        line = _through(lines, still, whole)
        if _outcome(line) is Outcome.REFUTED:
            return found | _wrong(lines, still, line), ""
        alone = {h.module for h in still} - {h.module for h in moving}
        if _outcome(line) is Outcome.HOLDS and _is_faint(line):
            # it may be that their gradient is zero, and that it was made zero: named among what is
            # hidden
            still = []
        elif alone or _outcome(line) is not Outcome.HOLDS:
            # not of a bias before a norm, whose weight is seen
            unseen_below = f"a slope below {slope_of(line).bound:.2g} would not be seen"
            note = (
                f"autograd says that the loss does not depend on the {named(still, len(still))}; "
                f"{unseen_below}"
            )
            settled = _outcome(line) is not Outcome.UNDECIDED
            row = (
                replace(line, notes=(*line.notes, note))
                if settled
                else replace(line, hidden=_too_little(line, still))
            )
            found[f"{named(still)}, of which the loss depends little"] = row
    more, hidden = _grown(lines, hidden, whole, grown)
    return found | more | _named(lines, [h for h in hidden if h not in still], whole), _note(
        lines, seen, moving
    )


def _at_few(
    lines: Lines, handles: Sequence[Handle], whole: LossLine, few: Sequence[Sequence[float]]
) -> LossLine | None:
    """The same line at few steps, if it holds there and sees all of them to `POWER`, and at least
    three in four to `FINE`, smaller errors than which are not looked for.
    """
    steps = (*COARSE, *lines.steps)
    for some in few:
        line = replace(lines.along(handles, steps=steps, few=some), shared=float(whole.spread))
        alone = Seen(lines)
        alone.add(line, handles, steps)
        if (
            _outcome(line) is Outcome.HOLDS
            and not alone.beyond(POWER, handles)
            and 4 * len(alone.beyond(FINE, handles)) <= len(handles)
        ):
            return line
    return None


def _through(
    lines: Lines, handles: Sequence[Handle], whole: LossLine, *, even: bool = True
) -> LossLine:
    """A line through some parameters, with everything that rounding may do where it does not hold
    at once.
    """
    steps = lines.steps if len(lines.steps) < len(COARSE) + 1 else (*COARSE, *lines.steps)
    line = replace(lines.along(handles, steps=steps, even=even), shared=float(whole.spread))
    if _outcome(line) is Outcome.HOLDS:
        return line
    again = lines.along(handles, steps=steps, rounding=True, known=line, even=even)
    return replace(again, shared=float(whole.spread))


def _wrong(lines: Lines, handles: Sequence[Handle], line: LossLine) -> Places:
    """The row of a line that is refuted, and of each module on it that is by itself."""
    if len({h.module for h in handles}) == 1:
        return {named(handles): line}
    modules = dict.fromkeys(h.module for h in handles)
    groups = {name: [h for h in handles if h.module == name] for name in modules}
    wrong: Places = {}
    open_: list[Handle] = []
    for group in groups.values():
        row = _through(lines, group, line)
        if _outcome(row) is Outcome.UNDECIDED:
            # a bias does not slow its weight
            row = _through(lines, lines.align(group), line, even=False)
        if _outcome(row) is Outcome.REFUTED:
            wrong[named(group)] = row
        open_ += group if _outcome(row) is Outcome.UNDECIDED else []
    if wrong:
        return wrong
    among = (
        ", and of no one of them by itself can be told that it is wrong; it is one of "
        f"{named(open_)}"
        if open_
        else ""
    )
    return {f"{named(handles)}, of which the loss depends little{among}": line}


def _grown(
    lines: Lines, hidden: Sequence[Handle], whole: LossLine, grown: Callable[[], Lines]
) -> tuple[Places, list[Handle]]:
    """A line through what is hidden, at a point where tiny parameters are larger; and what stays
    hidden there too.
    """
    tiny = any(is_tiny(p) for p in lines.model.parameters() if p.requires_grad and moves(p))
    if not hidden or not tiny:
        return {}, list(hidden)
    try:
        there = grown()
    except InputError:
        return {}, list(hidden)
    seen = Seen(there)
    ids = {id(h.parameters[0]) for h in hidden}
    chosen = [h for h in seen.parameters if id(h.parameters[0]) in ids]
    found: Places = {}
    for _ in range(ROUNDS):
        left = seen.beyond(POWER, chosen)
        if not left:
            break
        before, line = len(left), _through(there, left, whole)
        if _outcome(line) is Outcome.REFUTED:
            return {
                f"{where}, where tiny parameters are larger": row
                for where, row in _wrong(there, left, line).items()
            }, []
        seen.add(line, left)
        if len(seen.beyond(POWER, left)) == before:
            break
        known = [h for h in left if seen.of(h) <= POWER]
        if _outcome(line) is Outcome.HOLDS:
            found[f"{named(known)}, where tiny parameters are larger"] = line
    stay = {id(h.parameters[0]) for h in seen.beyond(POWER, chosen)} | (
        ids - {id(h.parameters[0]) for h in chosen}
    )
    return found, [h for h in hidden if id(h.parameters[0]) in stay]


def _named(lines: Lines, hidden: Sequence[Handle], whole: LossLine) -> Places:
    """The row of what could be wrong altogether without being seen."""
    if not hidden:
        return {}
    line = _through(lines, hidden, whole)
    return {
        f"{named(hidden)}, of which the loss depends too little": replace(
            line, hidden=_too_little(line, hidden)
        )
    }


def _too_little(line: LossLine, hidden: Sequence[Handle]) -> str:
    """Why nothing can be said of them, and what would show more."""
    largest = max(abs(h.slope) for h in hidden)
    theirs = (
        f"theirs are at most {largest:.2g}" if largest else "autograd says that theirs are zero"
    )
    return (
        f"the loss depends too little on the {named(hidden, len(hidden))}: slopes below "
        f"{slope_of(line).bound:.2g} are not told from rounding and kinks, and {theirs}; a "
        "gradient that is wrong by a factor 2 there, or made zero, would not be seen; check it "
        "again after some training, or with larger initial weights there"
    )


def _is_faint(line: LossLine) -> bool:
    """Whether the loss moves where autograd says that it does not, by a share of the bound that
    rounding hardly reaches.
    """
    seen = slope_of(line)
    return abs(float(line.slope) - seen.limit) > POWER * seen.bound


def _note(lines: Lines, seen: Seen, moving: Sequence[Handle]) -> str:
    """The modules of which an error of some percent would not have been seen."""
    coarse = [h for h in seen.beyond(FINE, moving) if seen.of(h) <= POWER]
    if not coarse:
        return ""
    names = list(dict.fromkeys(h.module for h in coarse))
    share = 100 * max(seen.of(h) for h in coarse)
    who = (
        f"{', '.join(names)}" if len(names) < len(lines.owners) or len(names) == 1 else "any module"
    )
    return f"an error of less than {math.ceil(share)} % in the gradient of {who} would not be seen"


def _outcome(line: LossLine) -> Outcome:
    return autograd_gives_the_gradient(line).outcome
