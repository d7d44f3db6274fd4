"""One unit of a sweep: so many independent draws from the claim's own law, judged one by one.

Draws are not steered: nothing is aimed at the bound, mutated or shrunk, so what is counted is a
sample of the law that the claim's strategy states, and statistics of it mean something. The seed of
unit u is the u-th child that `numpy.random.SeedSequence.spawn` gives: whoever runs it, wherever,
draws the same.
"""

from __future__ import annotations

import functools
import hashlib
import math
import platform
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from theorems.checking.choices import draw
from theorems.claim import Claim
from theorems.domains import law
from theorems.impl.errors import InputError, require
from theorems.impl.strategies.bulk import stacks_of
from theorems.loading import is_path, load_claims
from theorems.stacks import verdicts_on
from theorems.statements import raised
from theorems.verdict import Outcome, Verdict

SIZE = 200
"""Instances of a unit: seconds of work, so that a kill costs little and a million is five thousand
rows.
"""
STACK = 64
"""Networks of a stack, which share their shape."""
STACKS = 16
"""Stacks of a unit."""
_REFUSED = 1_000
"""Draws that a strategy may refuse before one instance."""
_ROOT = Path(__file__).parent.parent
_LEFT_OUT = ("commands", "report", "pictures", "evidence", "pytest_plugin", "sweeping", "impl")


@dataclass(frozen=True)
class Unit:
    """What is to be judged: all that another machine needs, the package and the user's file
    excepted.

    Args:
        spec: name of a claim of the catalogue, or FILE.py:NAME.
        seed: of the sweep.
        number: of the unit.
        stacked: whether its instances come in stacks.
    """

    spec: str
    seed: int
    number: int
    stacked: bool = False

    @property
    def size(self) -> int:
        """How many instances it has."""
        return STACKS * STACK if self.stacked else SIZE

    @property
    def draws(self) -> int:
        """How many of them are independent of one another: one of each stack."""
        return STACKS if self.stacked else SIZE


@dataclass(frozen=True)
class Tally:
    """What came of a unit.

    Args:
        unit: which it was.
        version: digest of the code that drew and judged.
        outcomes: how many instances came out how, by name.
        grades: how many verdicts had which grade, by name.
        worst: the largest finite residual/bound.
        first: position of the first refuted instance; None without any.
        seconds: of processor time.
    """

    unit: Unit
    version: str
    outcomes: dict[str, int] = field(default_factory=dict)
    grades: dict[str, int] = field(default_factory=dict)
    worst: float = 0.0
    first: int | None = None
    seconds: float = 0.0


def _source(seed: int, number: int) -> Random:
    child = np.random.SeedSequence(seed, spawn_key=(number,))
    return Random(child.generate_state(8, np.uint32).tobytes())  # noqa: S311


def stacks(claim: Claim, seed: int, number: int) -> Iterator[Any]:
    """The stacks of a unit, in their order.

    Raises:
        InputError: for a claim on a strategy that nothing draws stacks for.
    """
    maker = stacks_of(law(claim))
    require(
        maker is not None,
        f"expected a claim whose instances can be drawn in stacks, got {claim.name}, on "
        f"{claim.subject.__name__}: sweep it without --stacked",
    )
    assert maker is not None
    rng = _source(seed, number)
    for _ in range(STACKS):
        yield maker(rng, STACK)


def instances(
    claim: Claim, seed: int, number: int, count: int = SIZE, *, stacked: bool = False
) -> Iterator[Any]:
    """The instances of a unit, in their order; what the strategy refuses is drawn again.

    Raises:
        InputError: for a strategy that refuses nearly everything.
    """
    if stacked:
        for stack in stacks(claim, seed, number):
            yield from stack.members
        return
    rng, strategy = _source(seed, number), claim.instances()
    for _ in range(count):
        drawn = next(
            (one for one in (draw(strategy, (), rng) for _ in range(_REFUSED)) if one is not None),
            None,
        )
        if drawn is None:
            raise InputError(
                f"expected the strategy of {claim.name} to draw an instance, got {_REFUSED} "
                "refusals (filter, assume) in a row: draw what is meant instead of filtering for "
                "it"
            )
        yield drawn.instance


def judged(unit: Unit) -> Tally:
    """Judge one unit; this is what runs on another machine.

    Raises:
        InputError: if the claim cannot be found, drawn or judged.
    """
    import torch

    torch.set_num_threads(1)
    claim, began = named(unit.spec), time.process_time()
    outcomes, grades, worst, first = Counter[str](), Counter[str](), 0.0, None
    try:
        for at, verdict in enumerate(_verdicts(claim, unit)):
            outcomes[verdict.outcome.name] += 1
            if verdict.grade is not None:
                grades[verdict.grade.name] += 1
            if verdict.outcome is Outcome.REFUTED:
                first = at if first is None else first
            elif math.isfinite(verdict.ratio):
                worst = max(worst, verdict.ratio)
    except InputError as error:
        raise InputError(str(error)) from error  # a kind of error that any other machine knows
    except Exception as error:
        raise InputError(
            f"expected {claim.name} to be drawn and judged, but {raised(error, claim.file)}"
        ) from error
    seconds = time.process_time() - began
    return Tally(
        unit,
        code_version(claim.file, stacked=unit.stacked),
        dict(outcomes),
        dict(grades),
        worst,
        first,
        seconds,
    )


def _verdicts(claim: Claim, unit: Unit) -> Iterator[Verdict]:
    if unit.stacked:
        for stack in stacks(claim, unit.seed, unit.number):
            yield from verdicts_on(claim, stack)
    else:
        yield from map(claim, instances(claim, unit.seed, unit.number))


@functools.cache
def named(spec: str) -> Claim:
    """The claim that a spec means.

    Raises:
        InputError: if there is none.
    """
    import theorems

    if is_path(spec):
        return load_claims(spec)[0]
    found = getattr(theorems, spec, None)
    if not isinstance(found, Claim):
        raise InputError(f"expected the name of a claim or FILE.py:NAME, got {spec!r}")
    return found


@functools.cache
def code_version(file: str, *, stacked: bool = False) -> str:
    """A digest of whatever draws and judges: this package without what only shows, the claim's own
    file, the packages below; another one where instances come in stacks, which are another law.
    """
    found = hashlib.sha256(f"{platform.python_version()} {stacked}".encode())
    for package in ("hypothesis", "numpy", "scipy", "torch"):
        found.update(f"{package} {version(package)}".encode())
    ours = [
        path for path in _ROOT.rglob("*.py") if path.relative_to(_ROOT).parts[0] not in _LEFT_OUT
    ]
    # in a checkout impl is a link, which rglob does not follow
    ours += [
        *(_ROOT / "impl").rglob("*.py"),
        Path(__file__),
    ]
    own = Path(file)
    for path in [
        *sorted(ours),
        *([own] if own.is_file() and _ROOT not in own.resolve().parents else []),
    ]:
        name = path.relative_to(_ROOT).as_posix() if _ROOT in path.parents else path.name
        found.update(name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n"))
    return found.hexdigest()[:16]
