"""Draw instances with Hypothesis from a seed: what every search of the roof begins with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.strategies import SearchStrategy

SEARCH = (Phase.generate,)
AIMED = (Phase.generate, Phase.target)
SHRINKING = (Phase.generate, Phase.shrink)


def searching(examples: int, phases: tuple[Phase, ...]) -> settings:
    """Settings of a search that only ``examples`` and a seed decide: no database, no deadline, no profile."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )


def for_each(
    strategy: SearchStrategy[Any],
    use: Callable[[Any], None],
    *,
    examples: int,
    seed: int,
    phases: tuple[Phase, ...] = SEARCH,
) -> None:
    """Call ``use`` on up to ``examples`` drawn instances; what it raises comes out (shrunk, if the phases say so)."""

    @seeded(seed)
    @searching(examples, phases)
    @given(strategy)
    def run(instance: Any) -> None:
        use(instance)

    run()


def draws(strategy: SearchStrategy[Any], *, examples: int, seed: int) -> list[Any]:
    """Up to ``examples`` instances; equal seeds draw equal ones, and a strategy may have fewer."""
    found: list[Any] = []
    for_each(strategy, found.append, examples=examples, seed=seed)
    return found
