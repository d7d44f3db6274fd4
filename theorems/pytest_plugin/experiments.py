"""Experiments on trained networks as test items, at the scale that takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from theorems.pytest_plugin.items import (
    EVIDENCE,
    SPENT,
    ClaimFailed,
    ClaimItem,
    calm,
    properties,
)

if TYPE_CHECKING:
    from theorems.checking.records import Record
    from theorems.experiments.experiment import Experiment
    from theorems.experiments.running import Blocks

SCALE = "smoke"


def chosen(names: tuple[str, ...]) -> list[Experiment]:
    """The experiments that are asked for, by name or glob; none for no name.

    Raises:
        InputError: for a name that matches nothing, with the nearest ones.
    """
    from theorems.commands.experiment import selected

    return selected(names) if names else []


class ExperimentItem(ClaimItem):
    """One experiment as a test: its networks are trained when it runs."""

    def __init__(self, *, experiment: Experiment, **rest: Any) -> None:
        """Pytest makes nodes by `from_parent`."""
        super().__init__(claim=experiment.claim, **rest)
        self.experiment = experiment

    def runtest(self) -> None:
        """Train, judge, and fail where the outcome is the other one; small trainings may leave open
        what larger ones decide, and then it is skipped.
        """
        from theorems.experiments.experiment import ALARM
        from theorems.experiments.running import run

        with calm():
            entry = run(
                self.experiment,
                scale=SCALE,
                seed=self.parent.options.seed,
                blocks=_blocks(self.session),
            )
        self.stash[EVIDENCE] = [entry]
        self.stash[SPENT] = (ALARM, 1)
        self.user_properties += properties(entry)
        if entry["outcome"] == "UNDECIDED":
            pytest.skip(f"undecided at scale {SCALE}: theorems experiment {self.name} decides")
        if entry["outcome"] != entry["expected"]:
            raise ClaimFailed(self._text(entry))

    def _text(self, entry: Record) -> str:
        lines = [
            f"{self.name} came out {entry['outcome']}, expected {entry['expected']}",
            self.claim.summary,
            "",
        ]
        told = entry["experiment"]
        lines += [
            f"  {effect['part']}: {effect['median']:.3g} {told['unit']}, above "
            f"{effect['margin']:g} in {effect['above']} of {told['replicates']} seeds"
            for effect in told["effects"]
        ]
        again = f"pytest --experiment {self.name} --theorems-seed {self.parent.options.seed}"
        return "\n".join([*lines, "", f"again: {again}"])


_BLOCKS = pytest.StashKey["Blocks"]()


def _blocks(session: pytest.Session) -> Blocks:
    """Trainings of this session: experiments that measure the same ones share them."""
    from theorems.experiments.running import Blocks

    if _BLOCKS not in session.stash:
        session.stash[_BLOCKS] = Blocks()
    return session.stash[_BLOCKS]
