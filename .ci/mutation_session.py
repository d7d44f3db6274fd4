"""Choose the mutants of a cosmic-ray session, run the tests that reach each, and report what became
of them.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import shutil
import sys
import time
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem
from mutation_forks import Forks
from mutation_page import Survivor, lines_of, page, read_explanations
from mutation_population import left_out, wrong_functions
from mutation_tests import Reached

LEAST = 0.9


def key(item: WorkItem) -> tuple[object, ...]:
    """A stable order."""
    m = item.mutations[0]
    return str(m.module_path), m.start_pos, m.operator_name, m.occurrence


def choose(
    db: WorkDB, sample: int | None, seed: int
) -> tuple[list[WorkItem], collections.Counter[str]]:
    """A seeded sample of the mutants that count, and how many are left out by which rule."""
    wrong = wrong_functions()
    counted: collections.Counter[str] = collections.Counter()
    real = []
    for item in sorted(db.work_items, key=key):
        rule = left_out(item, wrong)
        counted[rule or "count"] += 1
        if rule is None:
            real.append(item)
    chosen = real if sample is None else random.Random(seed).sample(real, min(sample, len(real)))
    return chosen, counted


def execute(db: WorkDB, chosen: list[WorkItem], forks: Forks) -> None:
    """Run what has no result yet; an interrupted run goes on where it was."""
    done = {job for job, _ in db.results}
    todo = collections.deque(item for item in chosen if item.job_id not in done)
    finished, started = len(chosen) - len(todo), time.monotonic()
    while todo or forks.busy:
        while todo and forks.free:
            item = todo.popleft()
            forks.start(item.job_id, item.mutations[0])
        for job, result in forks.wait():
            db.set_result(job, result)
            finished += 1
            print(
                f"{finished}/{len(chosen)} after {time.monotonic() - started:.0f} s: "
                f"{result.test_outcome} {result.output}",
                flush=True,
            )


def report(
    db: WorkDB,
    chosen: list[WorkItem],
    counted: collections.Counter[str],
    seed: int,
    out: Path | None,
) -> int:
    """Print rates and survivors, and write the page; 1 if too few die or a survivor is not
    explained.
    """
    results = dict(db.results)
    explained = read_explanations()
    killed, timeouts, survivors = 0, 0, []
    for item in sorted(chosen, key=key):
        result = results[item.job_id]
        if result.worker_outcome is WorkerOutcome.NO_TEST:
            continue
        if result.test_outcome is TestOutcome.SURVIVED:
            m, (old, new) = item.mutations[0], lines_of(result.diff or "")
            note = explained.get((str(m.module_path), old, new))
            survivors.append(
                Survivor(str(m.module_path), m.start_pos[0], old, new, note, (result.output or ""))
            )
        else:
            killed += 1
            timeouts += (result.output or "").startswith("timeout")
    total = killed + len(survivors)
    equivalent = sum(s.equivalent for s in survivors)
    rate = killed / max(1, total - equivalent)
    for s in survivors:
        print(
            f"{'explained  ' if s.note else 'UNEXPLAINED'} {s.path}:{s.line} ({s.tests})\n  - "
            f"{s.old}\n  + {s.new}"
        )
    print(
        f"{killed} of {total} mutants died ({killed / max(1, total):.1%}, {timeouts} of them by "
        f"timeout); of the {len(survivors)} that survived {equivalent} are equivalent: {rate:.1%} "
        "of the others died"
    )
    if out is not None:
        out.write_text(page(survivors, killed, timeouts, counted, seed), encoding="utf-8")
    return 0 if rate >= LEAST and all(s.note for s in survivors) else 1


def main() -> int:
    """The command line of `.ci/mutation`."""
    parser = argparse.ArgumentParser(prog="bash .ci/mutation")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--sample", type=int, help="how many mutants; all without it")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of tests per mutant")
    parser.add_argument("--page", type=Path, help="where to write the survivors")
    parser.add_argument("--work", type=Path, help="keep everything there")
    options = parser.parse_args()
    out = options.page and Path(os.environ.get("HERE", ".")) / options.page
    work: Path = options.directory
    with use_db(str(work / "session.sqlite"), WorkDB.Mode.open) as db:
        chosen, counted = choose(db, options.sample, options.seed)
        print(
            f"{counted['count']} mutants count, {len(chosen)} chosen by seed "
            f"{options.seed}; left out: {dict(counted)}",
            flush=True,
        )
        copies = [work / f"copy-{at}" for at in range(options.processes)]
        for copy in copies:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(".", copy)
        forks = Forks(copies, Reached(work / "reached.json"), options.budget)
        if not forks.sound({str(item.mutations[0].module_path) for item in chosen}):
            print((work / f"{forks.free[-1].name}.log").read_text(encoding="utf-8")[-3000:])
            sys.exit(
                "expected the tests to pass on unchanged code, they failed: no mutant was tried"
            )
        execute(db, chosen, forks)
        return report(db, chosen, counted, options.seed, out)


if __name__ == "__main__":
    sys.exit(main())
