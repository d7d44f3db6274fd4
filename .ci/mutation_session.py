"""Choose the mutants of a cosmic-ray session, and report what became of them."""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import subprocess
import sys
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

EXPLAINED = Path("docs/mutation-survivors.md")
LEAST = 0.9


def untested_spans(path: str) -> list[tuple[int, int, int, int]]:
    """Where a change means nothing: annotations, which this code never evaluates to compute."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    nodes = []
    for node in ast.walk(tree):
        nodes += [getattr(node, name, None) for name in ("annotation", "returns")]
    return [(n.lineno, n.col_offset, n.end_lineno, n.end_col_offset) for n in nodes if isinstance(n, ast.expr)]


def choose(db: WorkDB, sample: int | None, seed: int) -> None:
    """Skip changes of annotations and of wrong formulas that only mutants call, and all but a seeded sample of the others."""
    subprocess.run([sys.executable, ".ci/mutation_tests.py", "map"], check=True)
    known = json.loads(Path(".mutation-map.json").read_text(encoding="utf-8"))
    spans: dict[str, list[tuple[int, int, int, int]]] = {}
    real, idle = [], []
    for item in db.work_items:
        m = item.mutations[0]
        path = str(m.module_path)
        if path not in spans:
            spans[path] = untested_spans(path)
            spans[path] += [(low, 0, high + 1, 0) for p, low, high in known["only mutants"] if p == path]
        inside = any((a, b) <= m.start_pos and m.end_pos <= (c, d) for a, b, c, d in spans[path])
        (idle if inside else real).append(item)
    real.sort(key=key)
    chosen = real if sample is None else random.Random(seed).sample(real, min(sample, len(real)))
    skipped = {i.job_id for i in idle + real} - {i.job_id for i in chosen}
    db.set_multiple_results(sorted(skipped), WorkResult(worker_outcome=WorkerOutcome.SKIPPED))
    print(
        f"{len(real)} mutants ({len(idle)} more in annotations and in mutants of claims are left out), {len(chosen)} chosen, seed {seed}",
        flush=True,
    )


def key(item: WorkItem) -> tuple[object, ...]:
    """A stable order."""
    m = item.mutations[0]
    return str(m.module_path), m.start_pos, m.operator_name, m.occurrence


def lines_of(diff: str) -> tuple[str, str]:
    """The changed line before and after."""
    body = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    old = " ".join(" ".join(line[1:].split()) for line in body if line[0] == "-")
    new = " ".join(" ".join(line[1:].split()) for line in body if line[0] == "+")
    return old, new


def report(db: WorkDB, out: Path | None) -> int:
    """Print rate and survivors; 1 if fewer than 90 % die or a survivor is not explained."""
    explained = EXPLAINED.read_text(encoding="utf-8") if EXPLAINED.exists() else ""
    killed = timeouts = 0
    survivors = []
    for item, result in sorted(db.completed_work_items, key=lambda pair: key(pair[0])):
        if result.worker_outcome is WorkerOutcome.SKIPPED:
            continue
        if result.test_outcome is TestOutcome.SURVIVED:
            survivors.append((item.mutations[0], *lines_of(result.diff or "")))
        else:
            killed += 1
            timeouts += result.output == "timeout"
    total = killed + len(survivors)
    rate = killed / total if total else 0.0
    text = [f"{killed} of {total} mutants died ({rate:.1%}; {timeouts} of them by timeout), {len(survivors)} survived"]
    unknown = 0
    for m, old, new in survivors:
        known = f"`{old}`" in explained and f"`{new}`" in explained
        unknown += not known
        text.append(
            f"{'explained  ' if known else 'UNEXPLAINED'} {m.module_path}:{m.start_pos[0]}\n  - {old}\n  + {new}"
        )
    print("\n".join(text), flush=True)
    if out is not None:
        (Path(os.environ.get("OLDPWD_ROOT", ".")) / out).write_text("\n".join(text) + "\n", encoding="utf-8")
    return 0 if rate >= LEAST and not unknown else 1


def main() -> int:
    """The command line of `.ci/mutation`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["choose", "report"])
    parser.add_argument("session")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    with use_db(options.session, WorkDB.Mode.open) as db:
        if options.task == "choose":
            choose(db, options.sample, options.seed)
            return 0
        return report(db, options.report)


if __name__ == "__main__":
    sys.exit(main())
