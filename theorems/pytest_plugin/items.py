"""Claims as test items."""

from __future__ import annotations

import os
import shlex
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from theorems.checking.records import Record
from theorems.evidence.file import judged, model_record, record
from theorems.exits import kept_running
from theorems.impl.errors import InputError, visible
from theorems.pytest_plugin import ITEMS
from theorems.pytest_plugin.options import Options

if TYPE_CHECKING:
    from theorems.checking.collected import Evidence
    from theorems.claim import Claim
    from theorems.own.models import Result
    from theorems.own.places import Subject

_LONGEST = 2000  # characters of an instance that a terminal shows

EVIDENCE = pytest.StashKey[list[Record]]()
"""What the evidence file will say of the claims that an item has judged."""

SPENT = pytest.StashKey[tuple[float, int] | None]()
"""What its statistical verdicts add to the false-alarm probability of the run, and how many there
were (`alarms.spent`).
"""


@contextmanager
def calm() -> Iterator[None]:
    """Warnings of torch stay warnings where a repository turns its own into errors, and small
    networks get one thread.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # drawn networks are small: with more threads they stall
    try:
        with warnings.catch_warnings(), kept_running():
            warnings.simplefilter("default")
            yield
    finally:
        torch.set_num_threads(threads)


class Catalogue(pytest.Collector):
    """The parent of the claims: what stands before ``::`` in their ids."""

    def __init__(self, *, options: Options, claims: list[Claim], **rest: Any) -> None:
        """Pytest makes nodes by `from_parent`."""
        super().__init__(**rest)
        self.options = options
        self.claims = claims
        self.subject: Subject | None = None
        self.chunks: list[tuple[int, int] | None] = []
        self.places: dict[Any, Any] = {}
        self.covered: dict[str, Any] = {}
        self.judged: dict[Claim, list[Result]] = {}

    def collect(self) -> list[pytest.Item]:
        """An item per claim."""
        return [ClaimItem.from_parent(self, name=claim.name, claim=claim) for claim in self.claims]

    def load(self) -> Subject:
        """The user's network, made once per process and known to run."""
        if self.subject is None:
            from theorems.own.models import load
            from theorems.own.places.chunks import chunks, cut

            assert self.options.model is not None
            subject = replace(load(self.options.model), seed=self.options.seed)
            self.chunks = chunks(subject)
            first = self.chunks[0]
            part = subject if first is None else cut(subject, *first)
            try:
                self.covered = part.coverage.record()
            except Exception:  # noqa: BLE001
                self._look_at_the_gradient(part)
            self.subject = subject
        return self.subject

    def _look_at_the_gradient(self, part: Subject) -> None:
        """Rows of a network whose layers cannot be looked at: its gradient is NaN, say, which the
        row about the gradient tells.

        Raises:
            InputError: the network cannot be judged at all.
        """
        from theorems.impl.slopes.loss_lines import LossLine
        from theorems.own.places import instances_of

        self.places |= instances_of(part, {LossLine, *(claim.subject for claim in self.claims)})
        self.chunks = [None]

    def results(self, claim: Claim) -> list[Result]:
        """What came out for one claim at every place of the user's network.

        Instances are found once per process; of a batch in chunks nothing is held, so the claims
        about one type of them are judged together.
        """
        from theorems.own.models import check_places, check_subject
        from theorems.own.places import instances_of

        subject = self.load()
        if self.chunks == [None]:
            if claim.subject not in self.places:
                self.places |= instances_of(subject, {claim.subject})
            return check_places(claim, self.places)
        if claim not in self.judged:
            chosen = [item.claim for item in self.session.items if isinstance(item, ClaimItem)]
            together = [
                other for other in chosen if other.subject is claim.subject and other in self.claims
            ]
            self.judged |= {other: [] for other in together}
            for result in check_subject(subject, claims=together):
                self.judged[result.claim].append(result)
        return self.judged[claim]


class ClaimFailed(Exception):  # noqa: N818
    """A claim came out otherwise than the catalogue says."""


class ClaimItem(pytest.Item):
    """One claim as a test."""

    parent: Catalogue

    def __init__(self, *, claim: Claim, **rest: Any) -> None:
        """Pytest makes nodes by `from_parent`."""
        super().__init__(**rest)
        self.claim = claim
        self._no_script = ""
        self.add_marker(pytest.mark.claim(claim.name))
        package = claim.predict.__module__.split(".")
        self.extra_keyword_matches |= {claim.source.arxiv, *package[1:2]}

    def runtest(self) -> None:
        """Judge the claim over drawn instances, or at every place of the user's network."""
        with calm():
            entry = (
                self._over_a_model()
                if self.parent.options.model is not None
                else self._over_drawn_instances()
            )
        self.stash[EVIDENCE] = [entry]
        self.user_properties += properties(entry)
        reasons = dict.fromkeys(place["reason"] for place in entry["places"] if place["reason"])
        if entry["outcome"] == "INAPPLICABLE":
            pytest.skip(
                "does not apply: "
                + (visible("; ".join(reasons)) or "no instance met the hypotheses")
            )
        if entry["outcome"] != entry["expected"]:
            raise ClaimFailed(self._failure(entry))

    def _over_drawn_instances(self) -> Record:
        from theorems.checking.check import check
        from theorems.commands.console import drawing
        from theorems.evidence.refutations import require_repeatable

        options = self.parent.options
        with drawing(self.claim):
            seen = check(self.claim, examples=options.examples, seed=options.seed)
        require_repeatable(seen)
        self._keep(seen)
        return record(seen)

    def _over_a_model(self) -> Record:
        from theorems.evidence.refutations import take_fewer

        subject = self.parent.load()
        started = time.perf_counter()
        results = self.parent.results(self.claim)
        seen = judged(self.claim, results)
        take_fewer(seen, subject, results)
        self._keep(seen)
        seen.seconds = time.perf_counter() - started
        return model_record(seen, results)

    def _keep(self, seen: Evidence) -> None:
        """What the run needs besides the record: the script of a refutation, and what was left to
        chance.
        """
        from theorems.checking.alarms import spent
        from theorems.evidence.refutations import keep_script

        self.stash[SPENT] = spent([seen])
        if seen.outcome.name == "REFUTED":
            found = keep_script(
                seen, seed=self.parent.options.seed, folder=self.parent.options.counterexamples
            )
            text, file = seen.script
            here = self.config.invocation_params.dir
            seen.script = (text, None if file is None else os.path.relpath(file, here))
            self._no_script = found.reason

    def _failure(self, entry: Record) -> str:
        """Verdict, counterexample, statement, and how to see the same again."""
        from theorems.commands.selection import select

        options = self.parent.options
        lines = [
            f"{self.claim.name} came out {entry['outcome']}, expected {entry['expected']}",
            self.claim.summary,
        ]
        lines += [entry["untried"]] if entry.get("untried") else []
        example = entry["counterexample"]
        if example is not None:
            lines += ["", example["text"]]
            if options.model is None:  # of a network of theirs the place says more than its numbers
                whole = example["instance"]
                cut = f"{whole[:_LONGEST]} … (the whole is in the file of --theorems-json)"
                lines.append(f"  instance: {whole if len(whole) <= _LONGEST else cut}")
            lines.append(f"  {self._script(example)}")
        bad = [place for place in entry["places"] if place["outcome"] == entry["outcome"]]
        for place in bad:
            numbers = (
                ""
                if place["grade"] is None
                else f" residual {place['measured']}, bound {place['bound']}"
            )
            lines.append(f"  at {place['where'] or 'the network'}: {place['outcome']}{numbers}")
        how = (
            f"--theorems-examples {options.examples}"
            if options.model is None
            else f"--theorems-model {options.model}"
        )
        which = f"{ITEMS}::{self.claim.name}"
        if self.claim.name not in [claim.name for claim in select((), on_model=True)]:
            file = os.path.relpath(self.claim.file, self.config.invocation_params.dir)
            which = f"--claim {shlex.quote(f'{file}:{self.claim.name}')}"
        again = f"pytest {which} --theorems-seed {options.seed} {how}"
        return "\n".join([*lines, "", f"again: {again}"])

    def _script(self, example: Record) -> str:
        """Where the script of a counterexample is."""
        if example["script"] is None:
            return f"no script: {self._no_script}"
        if example["file"] is None:
            return (
                "script: --theorems-counterexamples DIR writes one there, and the file of "
                "--theorems-json has it"
            )
        return f"script: {example['file']} (run it with python or theorems replay)"

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **options: Any
    ) -> Any:
        """The verdict, or the one line of a mistake; a traceback through this package only where
        ``--full-trace`` asks for it.
        """
        wanted = self.config.getoption("fulltrace") and not isinstance(excinfo.value, ClaimFailed)
        if isinstance(excinfo.value, ClaimFailed | InputError) and not wanted:
            return visible(str(excinfo.value))
        return super().repr_failure(excinfo, *args, **options)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """No file: the id alone says where."""
        return self.config.rootpath / ITEMS, None, self.name


def send(report: pytest.TestReport, entries: list[Record], spent: tuple[float, int] | None) -> None:
    """Let evidence travel with a report: from a worker of pytest-xdist to its controller, even if
    the worker dies later.

    Args:
        report: of the test.
        entries: what the evidence file will say.
        spent: what the test's statistical verdicts add to the false-alarm probability, and how many
            there were.
    """
    vars(report)["theorems"] = entries
    vars(report)["theorems_spent"] = spent


def properties(entry: Record) -> list[tuple[str, object]]:
    """What JUnit files say of a claim."""
    shown = ("name", "arxiv", "outcome", "expected", "grade", "measured", "bound", "instances")
    return [(f"theorems.{key}", entry[key]) for key in shown if entry[key] is not None]
