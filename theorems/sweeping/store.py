"""Where a sweep is kept: one SQLite file, a transaction per unit, so that a kill at any moment
loses one unit at most and counts none twice.

The key of a unit is its claim, the version of the code, the seed and its number. A unit that is
there already is left as it is, whoever brings it again: a run that is resumed, a second machine, a
file that is merged twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from theorems.impl.errors import InputError, require
from theorems.sweeping.units import SIZE, STACKS, Tally, Unit

NAME = "sweep.sqlite"
_WAIT = 60.0
_TABLE = f"""
CREATE TABLE IF NOT EXISTS units (
    claim TEXT NOT NULL, version TEXT NOT NULL, seed TEXT NOT NULL, number INTEGER NOT NULL,
    size INTEGER NOT NULL, draws INTEGER NOT NULL CHECK (draws IN ({SIZE}, {STACKS})),
    outcomes TEXT NOT NULL, grades TEXT NOT NULL, worst REAL NOT NULL, first INTEGER, seconds REAL NOT NULL,
    PRIMARY KEY (claim, version, seed, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scripts (
    claim TEXT NOT NULL, version TEXT NOT NULL, verdict TEXT NOT NULL, script TEXT, PRIMARY KEY (claim, version)
) WITHOUT ROWID;
"""  # noqa: E501


@dataclass
class Total:
    """What all units of one claim and one version of its code add up to.

    Args:
        claim: name or FILE.py:NAME.
        version: of the code.
        units: how many.
        draws: how many of the instances are independent of one another.
        outcomes: how many instances came out how, by name.
        grades: how many verdicts had which grade, by name.
        worst: the largest finite residual/bound.
        seconds: of processor time.
        refuted: the seed and number of the first unit with a refutation, and the position in it;
            None without any.
        stacked: whether the instances came in stacks.
        verdict: the shrunk refutation; None while there is none.
        script: that shows it.
    """

    claim: str
    version: str
    units: int = 0
    draws: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    grades: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0
    seconds: float = 0.0
    refuted: tuple[int, int, int] | None = None
    stacked: bool = False
    verdict: str | None = None
    script: str | None = None

    @property
    def instances(self) -> int:
        """How many were drawn."""
        return self.outcomes.total()

    @property
    def judged(self) -> int:
        """Of how many of them the claim spoke."""
        return self.instances - self.outcomes["INAPPLICABLE"]

    @property
    def share(self) -> tuple[int, int]:
        """Refuted and judged draws, of which the bounds speak.

        Networks of a stack are not independent, stacks are. With R refuted among the m networks of
        a stack, P(R > 0) ≥ E[R]/m: what bounds the share of stacks with a refutation bounds that of
        refuted networks among all that are drawn. No more stacks can have one than networks are
        refuted.
        """
        if not self.stacked:
            return self.outcomes["REFUTED"], self.judged
        return min(self.outcomes["REFUTED"], self.draws), self.draws


class Store:
    """The file in a folder.

    Args:
        folder: made if need be.

    Raises:
        InputError: if there is no sweep and none is to be made, or the file is something else.
    """

    def __init__(self, folder: Path, *, make: bool = True) -> None:
        """Open it."""
        self.path = folder / NAME
        require(
            make or self.path.is_file(),
            f"expected a sweep in {str(folder)!r}, got no {NAME} there; `theorems sweep "
            f"NAME -o {folder}` makes one",
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._open() as base:
                base.execute("PRAGMA journal_mode=WAL")
                base.executescript(_TABLE)
        except (OSError, sqlite3.DatabaseError) as error:
            raise InputError(
                f"expected to read and write the sweep {str(self.path)!r}, but {error}"
            ) from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=_WAIT)) as base, base:
            yield base

    def add(self, tally: Tally) -> bool:
        """Keep one unit; False if it is there already."""
        unit = tally.unit
        row = (
            unit.spec,
            tally.version,
            str(unit.seed),
            unit.number,
            unit.size,
            unit.draws,
            json.dumps(tally.outcomes),
            json.dumps(tally.grades),
            tally.worst,
            tally.first,
            tally.seconds,
        )
        with self._open() as base:
            marks = ",".join("?" * len(row))
            done = base.execute(f"INSERT OR IGNORE INTO units VALUES ({marks})", row)  # noqa: S608
            return done.rowcount == 1

    def keep_script(self, claim: str, version: str, verdict: str, script: str | None) -> None:
        """Keep what a refutation was shrunk to."""
        with self._open() as base:
            base.execute(
                "INSERT OR REPLACE INTO scripts VALUES (?, ?, ?, ?)",
                (claim, version, verdict, script),
            )

    def numbers(self, claim: str, version: str, seed: int) -> set[int]:
        """Which units of a claim are done."""
        with self._open() as base:
            found = base.execute(
                "SELECT number FROM units WHERE claim = ? AND version = ? AND seed = ?",
                (claim, version, str(seed)),
            )
            return {number for (number,) in found}

    def totals(self) -> list[Total]:
        """One per claim and version, in the order of their names."""
        found: dict[tuple[str, str], Total] = {}
        with self._open() as base:
            for (
                claim,
                version,
                seed,
                number,
                size,
                draws,
                outcomes,
                grades,
                worst,
                first,
                seconds,
            ) in base.execute(
                "SELECT claim, version, seed, number, size, draws, outcomes, grades, worst, first, "
                "seconds FROM units ORDER BY claim, version, seed, number"
            ):
                total = found.setdefault((claim, version), Total(claim, version))
                total.units += 1
                total.draws, total.stacked = total.draws + draws, size > draws
                total.outcomes.update(json.loads(outcomes))
                total.grades.update(json.loads(grades))
                total.worst, total.seconds = max(total.worst, worst), total.seconds + seconds
                if first is not None and total.refuted is None:
                    total.refuted = int(seed), number, first
            for claim, version, verdict, script in base.execute("SELECT * FROM scripts"):
                if (claim, version) in found:
                    found[claim, version].verdict, found[claim, version].script = verdict, script
        return list(found.values())

    def merge(self, other: Store) -> int:
        """Take in what another file has and this one has not; give how many units that were."""
        with closing(sqlite3.connect(self.path, timeout=_WAIT)) as base:
            base.execute("ATTACH DATABASE ? AS other", (str(other.path),))
            with base:
                added = base.execute(
                    "INSERT OR IGNORE INTO units SELECT * FROM other.units"
                ).rowcount
                base.execute("INSERT OR IGNORE INTO scripts SELECT * FROM other.scripts")
            base.execute("DETACH DATABASE other")
        return added


def missing(
    store: Store, spec: str, version: str, seed: int, instances: int, *, stacked: bool = False
) -> Iterator[Unit]:
    """The units that are not done, of as many as hold so many instances."""
    done = store.numbers(spec, version, seed)
    size = Unit(spec, seed, 0, stacked).size
    numbers = (number for number in range(-(-instances // size)) if number not in done)
    return (Unit(spec, seed, number, stacked) for number in numbers)
