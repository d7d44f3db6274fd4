"""Many instances from a strategy, outside of a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st


def visit(strategy: st.SearchStrategy[Any], count: int, *, seed: int, see: Callable[[Any], object]) -> None:
    """Call ``see`` on ``count`` instances (fewer where a strategy has no more); equal seeds draw equal ones."""

    @seeded(seed)
    @settings(
        max_examples=count, deadline=None, database=None, derandomize=False, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    @given(strategy)
    def run(instance: Any) -> None:
        see(instance)

    run()
