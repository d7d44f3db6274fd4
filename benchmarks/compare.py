"""Everything that the tables of docs/speed.md compare, in one interleaved run: ``python
benchmarks/compare.py [--rounds 7]``.

Each round runs every method once, so that a slow moment of the machine hits all of them; medians
over rounds are printed, and ratios of medians. One thread. What takes longer than 20 seconds runs
in the first round only. nngeometry is left out where it is not installed; it is to be installed
without its dependencies: ``pip install --no-deps nngeometry``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import kernel_methods
import torch
import workloads
from rich.console import Console
from rich.progress import Progress

SLOW = 20.0

Groups: TypeAlias = Mapping[str, Mapping[str, Callable[[], Any]]]


def interleave(groups: Groups, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds per run by (group, method): a first run of each that checks kernels against one
    another, then rounds in turn.
    """
    jobs = [
        (group, name, run) for group, methods in groups.items() for name, run in methods.items()
    ]
    seconds: dict[tuple[str, str], list[float]] = {(group, name): [] for group, name, _ in jobs}
    wanted: dict[str, Any] = {}
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("rounds", total=(rounds + 1) * len(jobs))
        for turn in range(rounds + 1):
            for group, name, run in jobs:
                progress.advance(task)
                if turn > 1 and seconds[group, name][0] > SLOW:
                    continue
                if turn == 1 and seconds[group, name][0] <= SLOW:
                    seconds[group, name].clear()  # the first run was to check and to warm up
                elif turn == 1:
                    continue
                start = time.perf_counter()
                found = run()
                seconds[group, name].append(time.perf_counter() - start)
                if turn == 0 and name in kernel_methods.METHODS:
                    kernel_methods.check(name, found, wanted.setdefault(group, found))
    return seconds


def row(name: str, seconds: list[float], reference: list[float]) -> str:
    """One line of the table: the median, and how many times the reference it takes."""
    median, base = statistics.median(seconds), statistics.median(reference)
    time_ = (
        f"{median:.1f} s"
        if median >= 10
        else f"{median * 1e3:.0f} ms"
        if median >= 0.1
        else f"{median * 1e3:.2f} ms"
    )
    note = "" if len(seconds) > 1 else " (one run)"
    return f"| {name} | {time_}{note} | {median / base:.2f} |"


def main() -> None:
    """Check that all methods agree, time them, print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--quick", action="store_true", help="leave out what takes longer than a few seconds"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    makers = [
        lambda: kernel_methods.mlp(16, 16),
        lambda: kernel_methods.mlp(256, 256),
        kernel_methods.lenet,
        kernel_methods.all_convolutional,
    ]
    cases = [make() for make in (makers[:1] + makers[2:3] if options.quick else makers)]
    groups: dict[str, Mapping[str, Callable[[], Any]]] = {
        f"tangent kernel: {c.name}": kernel_methods.methods(c) for c in cases
    }
    groups |= {
        "trace of a network (width 16, 4 layers)": {
            "impl.trace": workloads.traced(),
            "bare forward and backward": workloads.bare(),
        },
        "feature_learning_equation, one network": {"one instance": workloads.claimed()},
    } | {
        f"feature_learning_equation, 200 networks of width {width}": {
            "in a batch": workloads.batched(width),
            "in a Python loop": workloads.looped(width),
        }
        for width in (4, 16)
    }
    seconds = interleave(groups, options.rounds)
    for group, methods in groups.items():
        reference = seconds[group, next(iter(methods))]
        sys.stdout.write(f"\n| {group} | median | × first |\n|---|--:|--:|\n")
        for name in methods:
            sys.stdout.write(row(name, seconds[group, name], reference) + "\n")
    sys.stdout.write(
        f"\ntorch {torch.__version__}, one thread, float64, medians of {options.rounds} "
        "interleaved rounds\n"
    )


if __name__ == "__main__":
    main()
