"""How the fifty errors of `test_planted_errors.py` were chosen; ``python -m tests.planted`` draws
them again.

All single-token changes of all predictions of a paper (`theorems.planting`) are shuffled by a seed;
the first ten are taken that change what the claim predicts on some drawn instance and run on all of
them. Whether anything refutes them plays no part. Claims on whose instances a network is trained
(over a second each) are left to ``theorems plant``.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from theorems import CLAIMS, Outcome
from theorems.papers import PAPERS
from theorems.planting.plant import errors
from theorems.planting.trial import Fate, Pool, executed, try_one

SLOW = (
    "first_step_is_rank_one",
    "learned_weights_are_spiked_gaussian",
    "single_run_spike_direction",
)
NO_ERRORS = (Fate.SAME, Fate.WEAKER, Fate.STILLBORN, Fate.RAISES)


def choose(
    arxiv: str, count: int = 10, *, examples: int = 60, seed: int = 5
) -> list[tuple[str, str, int, Fate, int]]:
    """Claim, change, which of the lines that read so, fate and instances of the first ``count``
    errors of a paper.
    """
    claims = [
        c
        for c in CLAIMS
        if c.source.arxiv == arxiv and c.expected is Outcome.HOLDS and c.name not in SLOW
    ]
    every = [error for claim in claims for error in errors(claim)]
    Random(seed).shuffle(every)
    pools: dict[str, Pool] = {}
    running: dict[str, set] = {}
    found = []
    for error in every:
        name = error.claim.name
        if name not in pools:
            pools[name] = Pool(error.claim, examples=examples, seed=0)
            running[name] = executed(pools[name], error.side.functions, 20)
        if not error.runs(running[name]):
            continue
        trial = try_one(error, pools[name])
        if trial.fate not in NO_ERRORS:
            alike = [
                e for e in every if e.claim is error.claim and str(e.change) == str(error.change)
            ]
            place = sorted(e.change.start for e in alike).index(error.change.start)
            found.append((name, str(error.change), place, trial.fate, trial.instances))
        if len(found) == count:
            break
    return found


def main() -> None:
    """Draw the fifty again and write them between the marks of the test."""
    path = Path(__file__).parent / "checking" / "test_planted_errors.py"
    head, rest = path.read_text(encoding="utf-8").split("# fmt: off\nERRORS = (\n", 1)
    tail = rest.split(")\n# fmt: on\n", 1)[1]
    lines = []
    for paper in PAPERS:
        for name, change, place, fate, instances in choose(paper.arxiv):
            lines.append(f"    ({name!r}, {change!r}, {place}),  # {fate.name} after {instances}\n")
            print(lines[-1], end="", flush=True)  # noqa: T201
    path.write_text(
        f"{head}# fmt: off\nERRORS = (\n{''.join(lines)})\n# fmt: on\n{tail}", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
