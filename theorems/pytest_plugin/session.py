"""One session: adds the claims to the items, gathers what their reports bring, and writes what was asked for."""

from __future__ import annotations

import importlib
import io
import os
from collections.abc import Generator
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from theorems.evidence.file import GRADES, Record, document, not_run, versions
from theorems.pytest_plugin.items import EVIDENCE, SPENT, Catalogue, ClaimItem, calm, send
from theorems.pytest_plugin.options import Options

_WIDE = 160  # a file or a log has no width of its own
_NARROW = 130


class Session:
    """Registered where anything is asked for, on workers of pytest-xdist too; only their controller writes."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        """Refuse what cannot be done before any work is done."""
        from impl.errors import InputError

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
        self.written: list[str] = []
        self.failures: list[str] = []
        try:
            with calm():
                self.claims = self._select()
            if options.html is not None and not self.worker:
                _renderer()
        except InputError as error:
            raise pytest.UsageError(" ".join(str(error).split())) from error

    def _select(self) -> list[Any]:
        """The claims that become items; on a network, what they presuppose comes first unless some are named."""
        from impl.errors import require
        from theorems.catalogue import CLAIMS
        from theorems.commands.console import checked_on_networks, select
        from theorems.relations.alarms import shared_out

        if not self.options.collect:
            return []
        chosen = select(self.options.claims, on_model=self.options.model is not None)
        for claim in chosen:
            taken = claim not in CLAIMS and claim.name in [other.name for other in CLAIMS]
            require(not taken, f"expected a name that no claim of the catalogue has, got {claim.name!r}; rename yours")
        if self.options.model is not None:
            return checked_on_networks(chosen)
        return shared_out(chosen, self.options.examples)

    def pytest_report_header(self) -> str:
        """What a reader needs to see the same again."""
        shown = " ".join(f"{name} {number}" for name, number in versions().items())
        drawn = f", {self.options.examples} instances per claim" if self.options.model is None else ""
        return f"theorems: seed {self.options.seed}, profile {self.options.profile}{drawn}; {shown}"

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Try the user's factory before anything runs: a mistake in it is one line, also where workers will call it again."""
        from impl.errors import InputError

        if not self.options.collect:
            return
        self.catalogue = Catalogue.from_parent(
            session, name="theorems", nodeid="theorems", options=self.options, claims=self.claims
        )
        if self.options.model is None or self.worker or self.config.getoption("collectonly"):
            return
        try:
            with calm():
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

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send what an item has seen along with its report; reports travel from worker to controller."""
        report = yield
        if call.when == "call" and isinstance(item, ClaimItem):
            broken = "failed without a verdict" if report.failed else "skipped without a verdict"
            entries = item.stash.get(EVIDENCE, [not_run(item.claim, reason=broken, where=item.nodeid)])
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
        from theorems.catalogue import CLAIMS
        from theorems.preconditions import autograd_gives_the_gradient
        from theorems.relations.alarms import together

        options = self.options
        first = [claim for claim in self.claims if claim is autograd_gives_the_gradient]
        self.alarm = together(self.spent)
        self.evidence = document(
            # workers report in any order: which test came first must not show
            [entry for _, entry in sorted(self.records, key=itemgetter(0))],
            seed=options.seed,
            profile=options.profile,
            started=self.started,
            claims=[*first, *CLAIMS, *self.claims],
            model=None if options.model is None else self._model(),
            false_alarm=None if self.alarm is None else self.alarm[0],
        )
        self._write(self.evidence)
        self.failures = self._below()
        if self.failures and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _write(self, evidence: Record) -> None:
        from theorems.evidence.badges import write_badges
        from theorems.evidence.file import write
        from theorems.evidence.summaries import markdown

        options = self.options
        if options.json is not None:
            write(options.json, evidence)
        if options.html is not None:
            options.html.write_text(_renderer()(evidence), encoding="utf-8")
        if options.badges is not None:
            write_badges(evidence, options.badges)
        if options.markdown is not None:
            text = markdown(evidence)
            options.markdown.write_text(text, encoding="utf-8")
            summary = os.environ.get("GITHUB_STEP_SUMMARY")
            if summary:
                with Path(summary).open("a", encoding="utf-8") as file:
                    file.write(text)
        self.written = [str(path) for path in (options.json, options.html, options.badges, options.markdown) if path]

    def _below(self) -> list[str]:
        """A line for each claim that was run and earned less than was asked for; what applies nowhere has nothing to earn."""
        wanted = self.options.fail_under
        if wanted is None or self.evidence is None:
            return []
        run = [entry for entry in self.evidence["claims"] if entry["name"] in self.asked]
        judged = [entry for entry in run if entry["outcome"] != "INAPPLICABLE"]
        if not judged:
            return [f"expected grade {wanted} or better, but no claim was judged"]
        low = [
            entry for entry in judged if entry["grade"] is None or GRADES.index(entry["grade"]) < GRADES.index(wanted)
        ]
        return [
            f"expected {entry['name']} to earn {wanted} or better, got {entry['grade'] or entry['outcome'] or 'no verdict'}"
            for entry in low
        ]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table of claims that were run, those that were not as a number, and where everything is."""
        if self.evidence is None:
            return
        from rich.console import Console

        from theorems.evidence.summaries import table
        from theorems.relations.alarms import said

        entries = self.evidence["claims"]
        run = [entry for entry in entries if entry["outcome"] is not None]
        terminalreporter.section("theorems")
        writer = terminalreporter._tw  # noqa: SLF001 - the public methods know neither width nor colours
        if run:
            text = io.StringIO()
            width = writer.fullwidth if terminalreporter.isatty else _WIDE
            page = Console(file=text, width=width, force_terminal=writer.hasmarkup, no_color=not writer.hasmarkup)
            page.print(table(run, narrow=width < _NARROW))
            for line in text.getvalue().splitlines():
                terminalreporter.line(line.rstrip())
        for entry in entries:
            silent = (
                [place for place in entry["places"] if place["outcome"] is None] if entry["outcome"] is None else []
            )
            for place in silent:
                terminalreporter.line(f"{entry['name']}: not run; {place['where']}: {place['reason']}", yellow=True)
        if self.alarm is not None:
            terminalreporter.line(said(*self.alarm))
        if len(run) < len(entries):
            terminalreporter.line(f"{len(entries) - len(run)} of {len(entries)} claims not run")
        for path in self.written:
            terminalreporter.line(f"wrote {os.path.relpath(path, self.config.invocation_params.dir)}")
        for line in self.failures:
            terminalreporter.line(f"theorems: {line}", red=True)


def _renderer() -> Any:
    """What makes the report; needed only where one is asked for."""
    from impl.errors import InputError

    try:
        report = importlib.import_module("theorems.report")
        report.require_packages()
    except (ImportError, InputError) as error:
        raise InputError(f"--theorems-html needs the extra: pip install 'theorems[report]' ({error})") from error
    return report.render
