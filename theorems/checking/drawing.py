"""Draw instances with Hypothesis from a seed: what every search of the roof begins with."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import HypothesisWarning
from hypothesis.strategies import SearchStrategy

from theorems.impl.strategies.sampling import drawing_alike

SEARCH = (Phase.generate,)
AIMED = (Phase.generate, Phase.target)
SHRINKING = (Phase.generate, Phase.shrink)


def searching(examples: int, phases: tuple[Phase, ...], database: Path | None = None) -> settings:
    """Settings of a search that only ``examples``, a seed and what the database knows decide: no
    deadline, no profile.
    """
    return settings(
        max_examples=examples,
        deadline=None,
        database=None if database is None else DirectoryBasedExampleDatabase(database),
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
    database: Path | None = None,
    key: str = "",
) -> None:
    """Call ``use`` on up to ``examples`` drawn instances; what it raises comes out (shrunk, if the
    phases say so).

    With a ``database``, what raised is kept there under ``key``, and what is kept there is tried
    first.
    """

    # outside: a seed takes it away
    @searching(examples, phases if database is None else (Phase.reuse, *phases), database)
    @seeded(seed)
    @given(strategy)
    def run(instance: Any) -> None:
        use(instance)

    run._hypothesis_internal_database_key = key.encode()  # type: ignore[attr-defined]  # noqa: SLF001
    with drawing_alike(), warnings.catch_warnings():
        # nobody is shown it
        warnings.filterwarnings("ignore", "Generating overly large repr", HypothesisWarning)
        run()


def draws(strategy: SearchStrategy[Any], *, examples: int, seed: int) -> list[Any]:
    """Up to ``examples`` instances; equal seeds draw equal ones, and a strategy may have fewer."""
    found: list[Any] = []
    for_each(strategy, found.append, examples=examples, seed=seed)
    return found
