"""Sweeps: independent draws, units that are kept once whatever happens, bounds that hold,
refutations that become scripts.
"""

import contextlib
import dataclasses
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from impl.errors import InputError
from theorems.evidence import file as evidence
from theorems.sweeping import bounds, engine, units
from theorems.sweeping.store import Store, missing
from theorems.sweeping.units import SIZE, Tally, Unit

MINE = """
from dataclasses import dataclass
import torch
from hypothesis import strategies as st
from impl import Instance, Operand
from theorems import equals

@dataclass(frozen=True, eq=False)
class Pair(Instance):
    "Two numbers."
    measured = {}
    value: Operand

def pairs():
    return st.integers(0, 9999).map(lambda n: Pair(torch.tensor([float(n)], dtype=torch.float64)))

@equals(observed=lambda pair: pair.value, on=pairs, mutants={})
def itself(pair: Pair) -> Operand:
    "A number is itself."
    return 1 * pair.value

@equals(observed=lambda pair: pair.value, on=pairs, mutants={})
def rarely_wrong(pair: Pair) -> Operand:
    "A number below 9900 is itself."
    return pair.value + (pair.value >= 9900)
"""


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    units.named.cache_clear()
    return lambda name: f"{tmp_path / 'mine.py'}:{name}"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "sweep")


def swept(specs, store, count, **options):
    with ThreadPoolExecutor(1) as executor:
        return engine.sweep(specs, store, executor, count=count, **options)


def counted(store):
    return {
        (t.claim, t.units, tuple(sorted(t.outcomes.items())), t.refuted) for t in store.totals()
    }


def values(spec, seed, number):
    return [float(one.value) for one in units.instances(units.named(spec), seed, number)]


def test_a_unit_is_what_its_child_seed_draws_and_nothing_else(spec):
    """Drawn again it is the same, whatever was drawn before; other units and seeds are others."""
    first = values(spec("itself"), 7, 3)
    assert len(first) == SIZE
    assert values(spec("itself"), 7, 4) != first
    assert values(spec("itself"), 8, 3) != first
    assert values(spec("itself"), 7, 3) == first
    child = np.random.SeedSequence(7).spawn(4)[3]
    rng = random.Random(child.generate_state(8, np.uint32).tobytes())
    drawn = units.draw(units.named(spec("itself")).instances(), (), rng)
    assert float(drawn.instance.value) == first[0]


@pytest.mark.slow
def test_draws_are_not_steered(spec):
    """What refutes is met as often late as early: nothing aims at it, and nothing keeps away from
    what was drawn.
    """
    drawn = np.concatenate([values(spec("itself"), 0, number) for number in range(12)])
    halves = [(half >= 9900).mean() for half in np.split(drawn, 2)]
    assert all(0.001 < share < 0.05 for share in halves)


@pytest.mark.slow
def test_run_twice_or_further_nothing_is_counted_twice(spec, store):
    once = swept([spec("itself")], store, 2 * SIZE)
    assert (once.total, once.done) == (2, 2)
    before = counted(store)
    assert swept([spec("itself")], store, 2 * SIZE).total == 0
    assert counted(store) == before
    assert swept([spec("itself")], store, 2 * SIZE + 1).total == 1, "rounded up to a whole unit"
    (total,) = store.totals()
    assert (total.instances, total.outcomes["HOLDS"]) == (3 * SIZE, 3 * SIZE)


@pytest.mark.slow
def test_a_refutation_stops_its_claim_alone_and_is_found_again(spec, store):
    found = swept([spec("itself"), spec("rarely_wrong")], store, 12 * SIZE)
    wrong = next(t for t in store.totals() if "wrong" in t.claim)
    right = next(t for t in store.totals() if "itself" in t.claim)
    assert found.refuted == [spec("rarely_wrong")]
    assert right.units == 12
    assert wrong.units < 12
    assert wrong.outcomes["REFUTED"] >= 1
    claim, verdict = engine.refutation(wrong.claim, wrong.refuted)
    assert float(verdict.instance.value) == 9900, "shrunk"
    assert claim.name == "rarely_wrong"
    assert swept([spec("rarely_wrong")], store, 24 * SIZE).total == 0, "it stays stopped"


@pytest.mark.slow
def test_a_claim_that_raises_costs_no_other(spec, store, tmp_path):
    text = MINE.replace(
        '"A number below 9900 is itself."', '"It raises."\n    raise ZeroDivisionError("because")'
    )
    (tmp_path / "mine.py").write_text(text)
    found = swept([spec("itself"), spec("rarely_wrong")], store, 4 * SIZE)
    assert list(found.errors) == [spec("rarely_wrong")]
    assert "because" in found.errors[spec("rarely_wrong")]
    assert next(t for t in store.totals() if "itself" in t.claim).units == 4


@pytest.mark.slow
def test_an_executor_that_breaks_loses_nothing(spec, store):
    class Breaking(ThreadPoolExecutor):
        def submit(self, work, unit):
            return super().submit(work if unit.number < 2 else broken, unit)

    def broken(unit):
        raise BrokenExecutor

    with Breaking(1) as executor, pytest.raises(InputError, match="what is finished is kept"):
        engine.sweep([spec("itself")], store, executor, count=4 * SIZE)
    assert swept([spec("itself")], store, 4 * SIZE).total == 2


def test_a_strategy_that_refuses_everything_is_named(spec, store, tmp_path):
    (tmp_path / "mine.py").write_text(
        MINE.replace("st.integers(0, 9999)", "st.integers(0, 9999).filter(lambda n: n < 0)")
    )
    found = swept([spec("itself")], store, SIZE)
    assert "expected the strategy of itself to draw an instance" in found.errors[spec("itself")]


@pytest.mark.slow
def test_other_code_is_counted_apart_and_refused_from_a_worker(spec, store, tmp_path, monkeypatch):
    swept([spec("itself")], store, SIZE)
    with (tmp_path / "mine.py").open("a") as file:
        file.write("# changed\n")
    units.code_version.cache_clear()
    swept([spec("itself")], store, SIZE)
    assert [t.units for t in store.totals()] == [1, 1]
    monkeypatch.setattr(engine, "judged", lambda unit: Tally(unit, "other"))
    with pytest.raises(InputError, match="expected workers that run the code of this process"):
        swept([spec("itself")], store, 2 * SIZE)


def tally(number, *, claim="c", version="v", seed=0, refuted=0):
    outcomes = {"HOLDS": SIZE - refuted} | ({"REFUTED": refuted} if refuted else {})
    return Tally(Unit(claim, seed, number), version, outcomes, {}, 0.5, 3 if refuted else None, 1.0)


def test_a_unit_is_kept_once_and_merged_once(store, tmp_path):
    other = Store(tmp_path / "other")
    assert store.add(tally(0))
    assert not store.add(tally(0)), "whoever brings it again"
    assert store.add(tally(1))
    for one in (tally(1), tally(2, refuted=2), tally(0, seed=5), tally(0, version="w")):
        assert other.add(one)
    assert [store.merge(other), store.merge(other)] == [3, 0]
    assert other.merge(store) == 1
    assert counted(other) == counted(store)
    total = next(t for t in store.totals() if t.version == "v")
    assert (total.units, total.instances, total.outcomes["REFUTED"]) == (4, 4 * SIZE, 2)
    assert total.refuted == (0, 2, 3)
    assert [unit.number for unit in missing(store, "c", "v", 0, 5 * SIZE)] == [3, 4]


def test_what_is_no_sweep_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a sweep in"):
        Store(tmp_path, make=False)
    (tmp_path / "sweep.sqlite").write_text("a poem " * 100)
    with pytest.raises(InputError, match="not a database"):
        Store(tmp_path)


KILLED = """
import sys
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
from theorems.sweeping.engine import sweep
from theorems.sweeping.store import Store
sweep([sys.argv[1]], Store(Path(sys.argv[2])), ThreadPoolExecutor(2), count=int(sys.argv[3]), workers=2)
"""  # noqa: E501


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_lost_or_counted_twice(spec, store, tmp_path):
    folder, count, rng = tmp_path / "killed", 40 * SIZE, random.Random(0)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    seen = 0
    for _ in range(3):
        running = subprocess.Popen(
            [sys.executable, "-c", KILLED, spec("itself"), folder, str(count)], env=environment
        )
        until = time.monotonic() + 120
        while running.poll() is None and time.monotonic() < until and done(folder) <= seen + 2:
            time.sleep(0.01)
        time.sleep(rng.random() * 0.1)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert done(folder) > seen, "what was kept is there"
        seen = done(folder)
    swept([spec("itself")], Store(folder), count)
    swept([spec("itself")], store, count)
    assert counted(Store(folder)) == counted(store)
    with sqlite3.connect(folder / "sweep.sqlite") as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def done(folder):
    try:
        with sqlite3.connect(f"file:{folder}/sweep.sqlite?mode=ro", uri=True) as base:
            return base.execute("SELECT count(*) FROM units").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


@pytest.mark.parametrize(("refuted", "judged"), [(0, 1), (0, 1000), (3, 1000), (500, 1000), (7, 7)])
def test_the_bounds_are_above_what_was_seen_and_in_order(refuted, judged):
    assert refuted / judged <= bounds.fixed(refuted, judged) <= bounds.anytime(refuted, judged) <= 1


def test_known_values_of_the_bounds():
    assert bounds.fixed(0, 1000) == pytest.approx(1 - 0.05 ** (1 / 1000))
    assert 3e-6 < bounds.anytime(0, 10**6) < 1.2e-5
    assert bounds.anytime(0, 0) == bounds.fixed(0, 0) == 1
    with pytest.raises(InputError, match="expected 0 <= refuted <= judged"):
        bounds.fixed(2, 1)


@pytest.mark.slow
def test_the_betting_bound_holds_at_all_times_together():
    """Of 300 sequences with share 0.1, at most about one in twenty may ever be told that it is
    smaller.
    """
    draws = np.random.default_rng(0).random((300, 400)) < 0.1
    looks = range(9, 400, 10)
    wrong = sum(
        any(bounds._excluded(0.1, int(row[: n + 1].sum()), n + 1, 0.05) for n in looks)
        for row in draws
    )
    assert wrong <= 25
    assert bounds.anytime(40, 400) < 0.25


@pytest.mark.slow
def test_the_command_sweeps_shows_merges_and_the_report_reads_it(run, spec, tmp_path, monkeypatch):
    from theorems.report.evidence import Run

    @dataclasses.dataclass
    class Here:
        """An executor of this process in place of others, which know nothing of monkeypatches."""

        submit = staticmethod(lambda work, unit: ThreadPoolExecutor(1).submit(work, unit))

    @contextlib.contextmanager
    def here(jobs, dask):
        yield Here(), 1

    monkeypatch.setattr("theorems.commands.sweep._executor", here)
    code, out, err = run(
        "sweep", "mine.py", "--instances", 12 * SIZE, "-o", "a", "--json", "e.json"
    )
    assert code == 1, err
    assert "9900" in out
    assert "script: a/" in out
    claims = {entry["name"]: entry for entry in evidence.read(tmp_path / "e.json")["claims"]}
    assert claims["itself"]["outcome"] == "HOLDS"
    assert claims["itself"]["instances"] == 12 * SIZE
    assert claims["rarely_wrong"]["counterexample"]["script"]
    assert claims["itself"]["sweep"]["share"]["anytime"] < 0.01
    assert len(Run(evidence.read(tmp_path / "e.json")).claims) == 2
    (script,) = (tmp_path / "a").glob("*.py")
    assert run("replay", script)[0] == 0
    assert run("sweep", "merge", "a", "a", "-o", "b")[0] == 1
    assert counted(Store(tmp_path / "a")) == counted(Store(tmp_path / "b"))
    assert str(12 * SIZE) in run("sweep", "show", "b")[1]
    for wrong in (("sweep", "mine.py"), ("sweep", "show", "nowhere"), ("sweep", "merge", "a")):
        code, _, err = run(*wrong)
        assert code == 2
        assert "expected" in err


@pytest.mark.slow
def test_two_dask_workers_one_of_which_is_killed(spec, store):
    distributed = pytest.importorskip(
        "distributed", reason="needs distributed: pip install 'theorems[cluster]'"
    )
    count = 30 * SIZE
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": None,
    }
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        pids = list(client.run(os.getpid).values())
        seen = itertools.count()

        def kill(progress):
            if progress.done >= 5 and next(seen) == 0:
                os.kill(pids[0], signal.SIGKILL)

        found = engine.sweep(
            [spec("itself")],
            store,
            client.get_executor(pure=False),
            count=count,
            workers=2,
            on_progress=kill,
        )
    assert next(seen) > 0, "one was killed"
    assert (found.done, found.errors) == (30, {})
    (total,) = store.totals()
    assert (total.units, total.instances) == (30, count)
    assert Path(store.path).is_file()
