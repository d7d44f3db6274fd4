"""Whether autograd's gradient is that of the loss: along all parameters of a user's network, and module by module where it is not."""

from __future__ import annotations

from impl.errors import InputError
from impl.loss_lines import Lines, LossLine
from theorems.places.subject import Places, Subject
from theorems.preconditions import autograd_gives_the_gradient
from theorems.verdict import Outcome


def loss_lines(subject: Subject) -> Places | str:
    """One random line through all parameters; if the loss contradicts autograd on it, one for the parameters of each module.

    Before it contradicts, what rounding inside the network does is looked at. A network on a kink is looked at beside it: a wrong gradient is wrong there
    too, and the kink is gone.
    """
    lines = Lines(*subject.task, seed=subject.seed)
    part = f", {lines.samples}" if lines.samples else ""
    whole = lines.along()
    if _outcome(whole) is Outcome.INAPPLICABLE and not whole.cut:
        try:
            beside = Lines(*subject.task, seed=subject.seed, beside=True)
            lines, whole, part = beside, beside.along(), f"{part}, beside a kink of the loss"
        except InputError:
            pass  # the network is not defined there
    if _outcome(whole) is Outcome.REFUTED:
        whole = lines.along(rounding=True)
    found: Places = {f"all parameters{part}": whole}
    if _outcome(whole) is Outcome.REFUTED:
        for name, parameters in lines.owners.items():
            found[f"parameters of {name or type(subject.model).__name__}{part}"] = lines.along(
                parameters, rounding=True
            )
    return found


def _outcome(line: LossLine) -> Outcome:
    return autograd_gives_the_gradient(line).outcome
