"""Everything that the tables of docs/speed.md compare, in one interleaved run: ``OMP_NUM_THREADS=1
THEOREMS_JAX=JAX/bin/python python benchmarks/compare.py [--rounds 5] [--quick]``.

Tangent kernels by every method in float64 and float32, summed over outputs and for every pair of
them. Each method runs once in a process of its own, where its result is compared with ours and the
high-water mark of its resident set is read; then each round runs every method in turn, so that a
slow moment of the machine hits all of them. Times are CPU time of one thread. Whatever takes longer
than two seconds runs in the process of its own only.

Peers are left out where they are not installed; how to install them says `kernel_peers`, and for
neural-tangents, which needs an interpreter of its own, `neural_tangents_worker`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import kernel_methods
import kernel_peers
import kernel_tables
import neural_tangents_peer
import stack_methods
import torch
import workloads

Groups: TypeAlias = Mapping[str, Mapping[str, Callable[[], Any]]]
PACKAGES = {
    "torch": "torch",
    "nngeometry": "nngeometry",
    "curvlinops": "curvlinops-for-pytorch",
    "backpack": "backpack-for-pytorch",
    "opacus": "opacus",
}


def others() -> Groups:
    """What is timed beside single kernels."""
    return {
        "tangent kernels of 200 networks, N=16, width 16": stack_methods.methods(),
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


def interleaved(groups: Groups, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds of CPU by group and method."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for turn in range(rounds + 1):
        for group, methods in groups.items():
            for name, run in methods.items():
                start = time.process_time()
                run()
                if turn > 0:  # the first is to warm up
                    seconds.setdefault((group, name), []).append(time.process_time() - start)
    return seconds


def conditions(rounds: int, peer: neural_tangents_peer.Peer | None) -> str:
    """Versions, processor, and how it was measured."""
    found = []
    for name, package in PACKAGES.items():
        if name == "torch" or kernel_peers.installed(name):
            found.append(f"{name} {importlib.metadata.version(package)}")
    missing = [name for name in PACKAGES if name != "torch" and not kernel_peers.installed(name)]
    if peer is not None:
        found += [f"{name} {version}" for name, version in peer.versions.items()]
    else:
        missing.append("neural-tangents")
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    processor = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "")
    count = len([line for line in lines if line.startswith("processor")])
    return (
        f"\n{', '.join(found)}; {processor or platform.processor()}, {count} cores, one thread; "
        f"CPU time, medians of {rounds} interleaved rounds; peak: growth of the resident set in a "
        "process of its own" + (f"; not installed: {', '.join(missing)}" if missing else "") + "\n"
    )


def main() -> None:
    """Check that all methods agree, time them, print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small networks only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = [kernel_methods.mlp(16, 16)]
    if not options.quick:
        cases += [
            kernel_methods.mlp(256, 256),
            kernel_methods.lenet(),
            kernel_methods.all_convolutional(),
        ]
    kernel_peers.bring()
    peer = neural_tangents_peer.peer()
    groups = kernel_tables.groups(cases)
    start = time.perf_counter()
    for group in groups:  # before this process has differentiated anything
        kernel_tables.measure_alone(group, peer)
        sys.stderr.write(f"{time.perf_counter() - start:5.0f} s, alone: {group.title}\n")
    for group in kernel_tables.rounds(groups, options.rounds, peer):
        sys.stderr.write(f"{time.perf_counter() - start:5.0f} s, in turn: {group.title}\n")
    for group in groups:
        sys.stdout.writelines(kernel_tables.table(group))
    rest = others()
    seconds = interleaved(rest, options.rounds)
    for name, methods in rest.items():
        first = statistics.median(seconds[name, next(iter(methods))])
        sys.stdout.write(f"\n| {name} | CPU | fastest … slowest | × first |\n|---|--:|--:|--:|\n")
        for method in methods:
            times = seconds[name, method]
            median = statistics.median(times)
            sys.stdout.write(
                f"| {method} | {kernel_tables.shown(median)} | "
                f"{kernel_tables.spread(times)} | {median / first:.2f} |\n"
            )
    sys.stdout.write(conditions(options.rounds, peer))
    if peer is not None:
        peer.close()


if __name__ == "__main__":
    main()
