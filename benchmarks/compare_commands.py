"""What commands take: ``python benchmarks/compare_commands.py [--rounds 3]``.

Seconds by the clock, each command started anew, in interleaved rounds; medians. Then sweeps in
stacks, in milliseconds of CPU per network and claim, and the same sweep by one and by two workers
of Dask (the extra ``cluster``; left out without it).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track

import theorems
from theorems.stacks import verdicts_on
from theorems.sweeping.engine import sweep
from theorems.sweeping.store import Store
from theorems.sweeping.units import STACK, stacks
from theorems.verdict import Outcome

COMMANDS = (
    "list",
    "show gram_flow",
    "check gram_flow --examples 1",
    "check --jobs 1",
    "check",
)
"""The catalogue at 100 instances is ``check``, by default on all cores."""
SWEPT = (
    "feature_learning_equation",
    "gram_follows_virtual_covariance",
    "stationary_gram_is_feature_correlation",
    "gram_flow",
    "single_layer_residual_dynamics",
    "layerwise_kernel",
    "backward_pullback_recursion",
    "weight_gram_is_first_nontrivial_pullback",
    "forward_pushforward_recursion",
    "kernel_cut_identity",
    "closure_needs_gram_from_depth_three",
    "gram_operator_flow",
)
"""Identities of a layer, and of the fields of a network."""


def clock(command: str) -> float:
    """Seconds of one command."""
    began = time.perf_counter()
    run = [sys.executable, "-m", "theorems", *command.split()]
    subprocess.run(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def per_network(name: str, drawn: int, seed: int) -> float:
    """Milliseconds of CPU to draw and to judge one network of ``drawn`` stacks."""
    claim, began = getattr(theorems, name), time.process_time()
    for stack in islice(stacks(claim, seed, 0), drawn):
        assert all(one.outcome is Outcome.HOLDS for one in verdicts_on(claim, stack))
    return (time.process_time() - began) / drawn / STACK * 1e3


@contextlib.contextmanager
def workers(count: int) -> Iterator[Any]:
    """So many processes of Dask."""
    distributed = importlib.import_module("distributed")
    with (
        distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor(pure=False)


def swept(count: int, networks: int) -> float:
    """Seconds by the clock of a sweep by so many workers that have imported everything."""
    with workers(count) as executor, tempfile.TemporaryDirectory() as folder:
        ask: dict[str, Any] = {"workers": count, "stacked": True}
        sweep(["gram_flow"], Store(Path(folder) / "warm"), executor, count=count * 4096, **ask)
        began = time.perf_counter()
        sweep(["gram_flow"], Store(Path(folder) / "timed"), executor, count=networks, **ask)
        return time.perf_counter() - began


def row(name: str, values: list[float], unit: str) -> str:
    """A line of a table: median, fastest and slowest."""
    return (
        f"| {name} | {statistics.median(values):.3g} {unit} "
        f"| {min(values):.3g} … {max(values):.3g} |"
    )


def processor() -> str:
    """Its name."""
    lines = Path("/proc/cpuinfo")
    named = [one for one in lines.read_text().splitlines() if one.startswith("model name")]
    return named[0].split(":")[1].strip() if named else platform.processor()


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--networks", type=int, default=100_000, help="of the sweeps by Dask")
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    seconds: dict[str, list[float]] = {command: [] for command in COMMANDS}
    each: dict[str, list[float]] = {name: [] for name in SWEPT}
    for turn in track(range(options.rounds), "rounds", console=Console(stderr=True)):
        for command, found in seconds.items():
            found.append(clock(command))
        for name, found in each.items():
            found.append(per_network(name, 6, turn))
    out = ["| command | by the clock | fastest … slowest |", "|---|--:|--:|"]
    out += [row(f"`theorems {command}`", found, "s") for command, found in seconds.items()]
    out += ["", "| sweep in stacks | per network, CPU | fastest … slowest |", "|---|--:|--:|"]
    out += [row(f"`{name}`", found, "ms") for name, found in each.items()]
    if importlib.util.find_spec("distributed") is not None:
        one, two = (swept(count, options.networks) for count in (1, 2))
        out += ["", f"{options.networks} networks of `gram_flow` by Dask: one worker {one:.1f} s, "]
        out[-1] += f"two {two:.1f} s, {one / two:.2f} times."
    cores = len(os.sched_getaffinity(0))
    out += ["", f"torch {torch.__version__}, {processor()}, {cores} cores, medians of "]
    out[-1] += f"{options.rounds} interleaved rounds"
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
