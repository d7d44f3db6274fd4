"""A user's own tests that are tied to claims by ``@pytest.mark.claim("name")``."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from theorems.checking.records import Record, place
from theorems.evidence.file import not_run, record
from theorems.pytest_plugin.items import ClaimItem, properties, send

if TYPE_CHECKING:
    from theorems.checking.check import Evidence
    from theorems.claim import Claim
    from theorems.verdict import Verdict

TIED = pytest.StashKey[list["Claim"]]()
SEEN = pytest.StashKey[dict["Claim", "Evidence"]]()
_NAME = "theorems-marked"


def collected(
    collector: pytest.Collector, report: pytest.CollectReport, tied: Iterable[pytest.Item]
) -> None:
    """Look every marker up; a claim that there is not is an error of the collection."""
    from theorems.impl.errors import InputError

    manager = collector.config.pluginmanager
    if not manager.has_plugin(_NAME):
        manager.register(Marked(), _NAME)
    mistakes = []
    for item in tied:
        try:
            item.stash[TIED] = _claims_of(item)
        except InputError as error:
            mistakes.append(f"{item.nodeid}: {error}")
    if mistakes:
        report.outcome = "failed"
        report.longrepr = "\n".join(mistakes)
        report.result = []


def _claims_of(item: pytest.Item) -> list[Claim]:
    """The claims that a test names, by name or by the claim itself."""
    from theorems.claim import Claim
    from theorems.commands.selection import select
    from theorems.impl.errors import InputError

    found: list[Claim] = []
    for marker in item.iter_markers("claim"):
        wanted = '@pytest.mark.claim("name of a claim")'
        if not marker.args or marker.kwargs:
            got = ", ".join(marker.kwargs) or "no name"
            raise InputError(f"expected {wanted}, got {got}")
        for name in marker.args:
            if not isinstance(name, str | Claim):
                raise InputError(f"expected {wanted}, got {type(name).__name__}")
            found += [
                claim
                for claim in select([name if isinstance(name, str) else name.name])
                if claim not in found
            ]
    return found


class Marked:
    """Listens while tied tests run; registered when the first of them is collected."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Count the verdicts that are made while the test is set up and runs."""
        claims = item.stash.get(TIED, None)
        if claims is None or isinstance(item, ClaimItem):
            return (yield)
        from theorems.checking.check import Evidence
        from theorems.witness import witnessed

        seen = {claim: Evidence(claim, drawn=False) for claim in claims}
        item.stash[SEEN] = seen

        def count(claim: Claim, verdict: Verdict) -> None:
            if claim in seen:  # a mutant, or a claim that was replaced, is another claim
                seen[claim].add(verdict)

        with witnessed(count):
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """A tied test does not pass over a verdict that contradicts it: an ``assert`` was
        forgotten.
        """
        result = yield
        seen = item.stash.get(SEEN, {}).values()
        unexpected = [
            s for s in seen if s.outcome.name in ("REFUTED", "UNDECIDED") and not s.as_expected
        ]
        if unexpected:
            names = "; ".join(f"{s.claim.name} came out {s.outcome.name}" for s in unexpected)
            shown = [repr(s.worst) for s in unexpected if s.worst is not None]
            lines = [f"the test passed, but {names} in it: write `assert claim(...)`", *shown]
            pytest.fail("\n".join(lines), pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send what the test says of its claims along with its report."""
        from theorems.checking.alarms import spent

        report = yield
        over = call.when == "call" or (call.when == "setup" and report.failed)
        expected_failure = report.skipped and hasattr(report, "wasxfail")
        if over and SEEN in item.stash and (expected_failure or not report.skipped):
            why = (
                None
                if report.passed
                else call.excinfo.typename
                if call.excinfo is not None
                else "it did not pass"
            )
            entries = [
                _entry(item, seen, why) | {"seconds": round(call.duration, 3)}
                for seen in item.stash[SEEN].values()
            ]
            item.user_properties += [pair for entry in entries for pair in properties(entry)]
            send(report, entries, spent(item.stash[SEEN].values()))
        return report


def _entry(item: pytest.Item, seen: Evidence, failed: str | None) -> Record:
    """The record of one claim in one test; a test that failed has not established its claim,
    whatever its verdicts were.
    """
    if not seen.instances and failed is None:
        return not_run(
            seen.claim, reason="no verdict: the test never called the claim", where=item.nodeid
        )
    entry = record(seen, places=[_here(item, seen)]) if seen.instances else not_run(seen.claim)
    if failed is not None and not (entry["outcome"] == "REFUTED" != entry["expected"]):
        nothing = {"outcome": "UNDECIDED", "grade": None, "measured": None, "bound": None}
        places = [{"where": item.nodeid, **nothing, "reason": f"the test failed: {failed}"}]
        entry |= {**nothing, "grades": {}, "undecided": entry["undecided"] + 1, "places": places}
    return entry


def _here(item: pytest.Item, seen: Evidence) -> Record:
    if seen.worst is not None:
        return place(item.nodeid, seen.worst)
    nothing = {"grade": None, "measured": None, "bound": None}
    return {
        "where": item.nodeid,
        "outcome": seen.outcome.name,
        **nothing,
        "reason": "no instance met the hypotheses",
    }
