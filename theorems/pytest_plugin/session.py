"""One session: adds the claims to the items, gathers what their reports bring, and writes what was
asked for.
"""

from __future__ import annotations

import io
from collections.abc import Generator
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import pytest

from theorems.checking.records import Record
from theorems.evidence.file import GRADES, document, not_run, versions
from theorems.evidence.partial import INTERRUPTED, NARROWED, partial, told, tried
from theorems.impl.errors import InputError, visible
from theorems.pytest_plugin.experiments import ExperimentItem, chosen
from theorems.pytest_plugin.items import EVIDENCE, SPENT, Catalogue, ClaimItem, calm, send
from theorems.pytest_plugin.options import Options
from theorems.pytest_plugin.outputs import Outputs, renderer


class Session:
    """Registered where anything is asked for, on workers of pytest-xdist too; only their controller
    writes.
    """

    def __init__(self, config: pytest.Config, options: Options) -> None:
        """Refuse what cannot be done before any work is done."""
        self.config = config
        self.options = options
        self.worker = hasattr(config, "workerinput")
        self.started = datetime.now(UTC)
        self.records: list[tuple[str, Record]] = []
        self.spent: list[tuple[float, int]] = []
        self.asked: set[str] = set()
        self.evidence: Record | None = None
        self.alarm: tuple[float, int] | None = None
        self.catalogue: Catalogue | None = None
        self.notes: list[str] = []
        self.failures: list[str] = []
        try:
            with calm():
                self.experiments = chosen(options.experiments)
                self.claims = self._select()
                self.planned = [] if self.worker else self._planned()
            if options.html is not None and not self.worker:
                renderer()
        except InputError as error:
            raise pytest.UsageError(" ".join(str(error).split())) from error

    def _select(self) -> list[Any]:
        """The claims that become items; on a network, what they presuppose comes first unless some
        are named.
        """
        from theorems.catalogue import CLAIMS
        from theorems.checking.alarms import shared_out
        from theorems.commands.selection import checked_on_networks, select
        from theorems.impl.errors import require

        if not self.options.collect:
            return []
        chosen = select(self.options.claims, on_model=self.options.model is not None)
        for claim in chosen:
            taken = claim not in CLAIMS and claim.name in [other.name for other in CLAIMS]
            require(
                not taken,
                f"expected a name that no claim of the catalogue has, got {claim.name!r}; "
                "rename yours",
            )
        if self.options.model is not None:
            return checked_on_networks(chosen)
        return shared_out(chosen, self.options.examples)

    def _planned(self) -> list[Any]:
        """The claims that the files are about: those that this run may leave out included."""
        from theorems.commands.selection import checked_on_networks, select

        if self.options.planned is None:
            return []
        chosen = select(self.options.planned, on_model=self.options.model is not None)
        chosen += [
            claim for claim in self.claims if claim.name not in {other.name for other in chosen}
        ]
        return checked_on_networks(chosen) if self.options.model is not None else chosen

    def pytest_report_header(self) -> str:
        """What a reader needs to see the same again."""
        shown = " ".join(f"{name} {number}" for name, number in versions().items())
        drawn = (
            f", {self.options.examples} instances per claim" if self.options.model is None else ""
        )
        return f"theorems: seed {self.options.seed}, profile {self.options.profile}{drawn}; {shown}"

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Try the user's factory before anything runs: a mistake in it is one line, also where
        workers will call it again.
        """
        from theorems.commands.terminal import naming

        if not (self.options.collect or self.experiments):
            return
        self.catalogue = Catalogue.from_parent(
            session, name="theorems", nodeid="theorems", options=self.options, claims=self.claims
        )
        if not self.claims or self.options.model is None:
            return
        if self.worker or self.config.getoption("collectonly"):
            return
        try:
            say = self.config.get_terminal_writer().line
            with calm(), naming(f"calling {self.options.model}", say):
                self.catalogue.load()
        except InputError as error:
            raise pytest.UsageError(" ".join(str(error).split())) from error

    def _model(self) -> dict[str, Any]:
        """Which network was checked, and how many of its layers are seen."""
        covered = {} if self.catalogue is None else self.catalogue.covered
        return {"factory": self.options.model, **({"layers": covered} if covered else {})}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Add the claims before -k, -m and --deselect choose."""
        if self.catalogue is not None:
            hook = self.config.hook
            report = hook.pytest_make_collect_report(collector=self.catalogue)
            for item in report.result:
                hook.pytest_itemcollected(item=item)
            hook.pytest_collectreport(report=report)
            items += report.result
            for one in self.experiments:
                added = ExperimentItem.from_parent(self.catalogue, name=one.name, experiment=one)
                hook.pytest_itemcollected(item=added)
                items.append(added)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send what an item has seen along with its report; reports travel from worker to
        controller.
        """
        report = yield
        if call.when == "call" and isinstance(item, ClaimItem):
            broken = "failed without a verdict" if report.failed else "skipped without a verdict"
            nothing = not_run(item.claim, reason=broken, where=item.nodeid)
            if report.failed and call.excinfo is not None:
                nothing["error"] = (
                    " ".join(str(call.excinfo.value).split()) or call.excinfo.typename
                )
            entries = item.stash.get(EVIDENCE, [nothing])
            send(report, entries, item.stash.get(SPENT, None))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather."""
        for entry in getattr(report, "theorems", ()):
            self.records.append((report.nodeid, entry))
            self.asked.add(entry["name"])
        spent = getattr(report, "theorems_spent", None)
        if spent is not None:
            self.spent.append((spent[0], spent[1]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the evidence and what is made of it."""
        usage = exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR)
        if self.worker or usage or self.config.getoption("collectonly"):
            return
        from theorems.checking.alarms import together

        self.alarm = together(self.spent)
        self.evidence = self._document(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
        try:
            self.notes = Outputs(
                self.options, self.evidence, self.config.invocation_params.dir
            ).write()
        except InputError as error:
            self.failures = [" ".join(str(error).split())]
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        self.failures += self._below()
        if self.failures and exitstatus == session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _document(self, *, interrupted: bool) -> Record:
        """The evidence of this run: every claim of the catalogue, and whether all that were meant
        to be tried were.
        """
        from theorems.catalogue import CLAIMS
        from theorems.own.preconditions import autograd_gives_the_gradient

        options = self.options
        listed = [*self.planned, *self.claims]
        first = [claim for claim in listed if claim is autograd_gives_the_gradient]
        content = document(
            # workers report in any order: which test came first must not show
            [entry for _, entry in sorted(self.records, key=itemgetter(0))],
            seed=options.seed,
            profile=options.profile,
            started=self.started,
            claims=[*first[:1], *CLAIMS, *listed],
            model=None if options.model is None else self._model(),
            false_alarm=None if self.alarm is None else self.alarm[0],
        )
        names = {claim.name for claim in self.planned}
        for entry in content["claims"]:
            if names and entry["name"] not in names and not tried(entry):
                entry["asked"] = False
            if not names and options.planned is None and not tried(entry):
                entry["asked"] = False  # tests that are tied to claims are all there is
        left = any(entry["name"] in names and not tried(entry) for entry in content["claims"])
        if interrupted or left or (not names and options.narrowed):
            meant = [entry for entry in content["claims"] if entry.get("asked", True)]
            content["partial"] = partial(
                INTERRUPTED if interrupted else NARROWED, content["claims"], meant=len(meant)
            )
        return content

    def _below(self) -> list[str]:
        """A line for each claim that was run and earned less than was asked for; what applies
        nowhere has nothing to earn.
        """
        wanted = self.options.fail_under
        if wanted is None or self.evidence is None:
            return []
        run = [entry for entry in self.evidence["claims"] if entry["name"] in self.asked]
        judged = [entry for entry in run if entry["outcome"] != "INAPPLICABLE"]
        if not judged:
            return [f"expected grade {wanted} or better, but no claim was judged"]
        low = [
            entry
            for entry in judged
            if entry["grade"] is None or GRADES.index(entry["grade"]) < GRADES.index(wanted)
        ]
        return [
            f"expected {entry['name']} to earn {wanted} or better, got "
            f"{entry['grade'] or entry['outcome'] or 'no verdict'}"
            for entry in low
        ]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table of claims that were run, those that were not as a number, and where everything
        is.
        """
        if self.evidence is None:
            return
        from rich.console import Console

        from theorems.checking.alarms import said
        from theorems.evidence.lines import fitted, summing_up

        entries = self.evidence["claims"]
        run = [
            entry for entry in entries if entry["outcome"] is not None and "kept_from" not in entry
        ]
        terminalreporter.section("theorems")
        writer = terminalreporter._tw  # noqa: SLF001
        if run:
            text = io.StringIO()
            lines = fitted(run, writer.fullwidth if terminalreporter.isatty else None)
            page = Console(
                file=text, force_terminal=writer.hasmarkup, no_color=not writer.hasmarkup
            )
            for line in (lines.head(), *map(lines.row, run)):
                page.print(line, soft_wrap=True)
            for shown in text.getvalue().splitlines():
                terminalreporter.line(shown.rstrip())
            terminalreporter.line(summing_up(run), bold=True)
        for entry in entries:
            silent = (
                [place for place in entry["places"] if place["outcome"] is None]
                if entry["outcome"] is None
                else []
            )
            for place in silent:
                said_of = f"{entry['name']}: not run; {place['where']}: {place['reason']}"
                terminalreporter.line(visible(said_of), yellow=True)
        if self.alarm is not None:
            terminalreporter.line(said(*self.alarm))
        if len(run) < len(entries):
            terminalreporter.line(f"{len(entries) - len(run)} of {len(entries)} claims not run")
        if self.evidence.get("partial") and self.options.outputs:
            terminalreporter.line(told(self.evidence), yellow=True)
        for note in self.notes:
            terminalreporter.line(visible(note))
        for failure in self.failures:
            terminalreporter.line(visible(f"theorems: {failure}"), red=True)
