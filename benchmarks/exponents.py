"""The exponent of the first step's remainder over the whole grid of the statement, d = 64 … 2048: a
table in Markdown.

``python benchmarks/exponents.py [FILE.jsonl]`` runs `first_step_is_rank_one` on every path of the
thorough profile, cheapest first, appends each verdict to the file and skips those that it holds
already; about an hour and a half on one free core. ``--table`` prints what is there.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from rich.console import Console

from impl.strategies.function_space import STEP_GRID
from theorems import first_step_is_rank_one

CONSOLE = Console()


def run(file: Path) -> None:
    """Judge every path that the file does not hold yet."""
    done = {(r["activation"], r["alpha"], r["beta"]) for r in records(file)}
    for kind, options in sorted(
        STEP_GRID, key=lambda case: dict(case[1])["alpha"] * dict(case[1])["beta"]
    ):
        path = kind(**dict(options))
        if (path.activation, path.alpha, path.beta) in done:
            continue
        begin = time.monotonic()
        verdict = first_step_is_rank_one(path)
        record = {
            name: getattr(path, name) for name in ("activation", "target", "alpha", "beta", "seed")
        }
        record |= {
            "outcome": verdict.outcome.name,
            "fitted": verdict.context.get("exponent fitted"),
            "drift": verdict.context.get("drift of the local exponent"),
            "distances": verdict.context["distances"],
            "seconds": round(time.monotonic() - begin, 1),
        }
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
        CONSOLE.print(
            path.activation, path.target, path.alpha, path.beta, record["outcome"], record["fitted"]
        )


def records(file: Path) -> list[dict[str, object]]:
    """What the file holds."""
    return (
        [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        if file.exists()
        else []
    )


def table(file: Path) -> str:
    """One row per path: the fitted exponent, and the local exponent between neighbouring sizes."""
    rows = sorted(records(file), key=lambda r: (str(r["activation"]), r["alpha"], r["beta"]))  # type: ignore[arg-type,return-value]
    steps = list(rows[0]["drift"])  # type: ignore[call-overload]
    head = ["σ", "g", "α", "β", "exponent", *steps]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for r in rows:
        drift = [f"{value:.2f}" for value in r["drift"].values()]  # type: ignore[attr-defined]
        cells = [
            r["activation"],
            r["target"],
            r["alpha"],
            r["beta"],
            str(r["fitted"]).split()[0],
            *drift,
        ]
        lines.append(
            "| " + " | ".join(f"{c:g}" if isinstance(c, float) else str(c) for c in cells) + " |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    where = Path(next((a for a in sys.argv[1:] if not a.startswith("-")), "exponents.jsonl"))
    if "--table" in sys.argv:
        CONSOLE.print(table(where), markup=False, highlight=False, soft_wrap=True)
    else:
        torch.set_num_threads(1)
        run(where)
