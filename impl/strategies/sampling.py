"""Many instances from a strategy, outside of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

try:
    from hypothesis.internal.conjecture import providers as _providers

    _NONE: Any = _providers.Constants()  # type: ignore[attr-defined]
    _CACHE: Any = type(_providers.CONSTANTS_CACHE)(1024)
    _ours: dict[str, Any] = {"_get_local_constants": lambda: _NONE, "CONSTANTS_CACHE": _CACHE}
except (
    AttributeError,
    ImportError,
    TypeError,
):
    # a version that does not read the source of what is imported
    _ours = {}


@contextmanager
def drawing_alike() -> Iterator[None]:
    """Draw the same whatever has been imported.

    Hypothesis mixes in the numbers that it finds in the source of every module that was loaded from
    outside of site-packages: equal seeds would draw other instances under pytest than in the
    command, and others again once a file imports the catalogue.
    """
    before = {name: getattr(_providers, name) for name in _ours}
    for name, value in _ours.items():
        setattr(_providers, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(_providers, name, value)


def visit(
    strategy: st.SearchStrategy[Any], count: int, *, seed: int, see: Callable[[Any], object]
) -> None:
    """Call ``see`` on ``count`` instances (fewer where a strategy has no more); equal seeds draw
    equal ones.
    """

    @seeded(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(strategy)
    def run(instance: Any) -> None:
        see(instance)

    with drawing_alike():
        run()
