"""A pytest plugin: how long each test takes. With pytest-cov's contexts it tells which tests reach
a line, and which to run first.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

TIMES = Path(".mutation-times.json")
_SECONDS: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up set-up, call and tear-down; a test that fails on unchanged code cannot judge a
    mutant.
    """
    _SECONDS[report.nodeid] += report.duration if not report.failed else float("inf")


def pytest_sessionfinish() -> None:
    """Write them, from the process that hears of all tests."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        passed = {name: seconds for name, seconds in _SECONDS.items() if seconds < float("inf")}
        TIMES.write_text(json.dumps(passed), encoding="utf-8")
