"""The pytest plugin: claims as test items in any repository, and evidence from tests that are tied
to claims.

Every pytest that runs where this package is installed loads this module, so it imports nothing but
pytest, and nothing more happens until somebody asks: by an option (`options`), or by the marker
``@pytest.mark.claim("name")`` (`marked`).

A claim that comes out unexpected, or UNDECIDED, fails; one that applies nowhere is skipped with the
reason. What the tests have seen travels with their reports, so it arrives from the workers of
pytest-xdist too; the controller writes the files (`session`).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from theorems.pytest_plugin.options import TYPED, add_options, read_options

ITEMS = "theorems"
"""The part of a node id before the name of a claim."""

ASKED = pytest.StashKey[Sequence[str]]()
"""Claims that were asked for by node id."""

_NODE_ID = re.compile(rf"(?:\.\.?/)*{ITEMS}::(?P<claim>.*)", re.DOTALL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and their twins in the ini file."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Take node ids of claims out of the arguments: there is no file of that name."""
    found = [match for match in map(_NODE_ID.fullmatch, map(str, config.args)) if match]
    asked = [match["claim"] for match in found]
    if hasattr(config, "workerinput"):  # its controller has taken them out already
        asked = list(config.workerinput.get("theorems_asked", []))
    config.stash[ASKED] = asked
    if found:
        config.args = [
            argument for argument in config.args if not _NODE_ID.fullmatch(str(argument))
        ]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the session's plugin if anything is asked for."""
    config.addinivalue_line(
        "markers",
        "claim(name, ...): ties the test to a claim of theorems: verdicts made in it count "
        "as evidence of the claim",
    )
    options = read_options(config, config.stash.get(ASKED, ()))
    if options.in_use:
        from theorems.pytest_plugin.session import Session

        config.pluginmanager.register(Session(config, options), "theorems-session")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what was typed: its own command line is another one."""
    node.workerinput["theorems_asked"] = list(node.config.stash.get(ASKED, ()))
    node.workerinput["theorems_typed"] = node.config.stash.get(TYPED, False)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Look whether any collected test is tied to a claim; if so, whether there is such a claim."""
    report = yield
    items = [node for node in report.result or () if isinstance(node, pytest.Item)]
    tied = [item for item in items if item.get_closest_marker("claim") is not None]
    if tied and collector.nodeid != ITEMS:
        from theorems.pytest_plugin import marked

        marked.collected(collector, report, tied)
    return report
