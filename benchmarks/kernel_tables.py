"""Tables of tangent kernels: every method, first alone in a process of its own (is it right, how
much memory), then all in turn.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import kernel_methods
import kernel_peers
import neural_tangents_peer
import torch
from kernel_cases import Case
from measuring import Run, alone

SLOW = 2.0
"""Seconds above which the run in a process of its own stays the only one."""
LARGEST = {False: 2.5e9, True: 1e9}
"""Bytes of a Jacobian that is still formed, in the trace and in the full form."""
QUICK, REPEATS = 5e-3, 20
"""Runs below so many seconds are repeated within each round."""


@dataclass
class Group:
    """One table."""

    case: Case
    full: bool
    methods: dict[str, Callable[[Case, bool], Any]]
    alone: dict[str, Run] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What is computed, in which format."""
        form = "every pair of outputs" if self.full else "trace"
        return f"{self.case.name}, {form}, {str(self.case.inputs.dtype).removeprefix('torch.')}"

    def timed(self) -> list[str]:
        """Methods that take part in the rounds."""
        runs = self.alone.items()
        return [name for name, run in runs if run.seconds is not None and run.seconds <= SLOW]


def groups(cases: list[Case]) -> list[Group]:
    """Every case in both formats and both forms."""
    return [
        Group(chosen, full, kernel_methods.methods(chosen, full=full))
        for case in cases
        for dtype in (torch.float64, torch.float32)
        for chosen in (case.of(dtype),)
        for full in (False, True)
    ]


def measure_alone(group: Group, peer: neural_tangents_peer.Peer | None) -> None:
    """Is each method right, and how much memory does it take."""
    small = group.case.of(group.case.inputs.dtype, 2)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "wanted"
        for name, method in group.methods.items():
            needed = kernel_peers.needed(name, group.case, full=group.full)
            limit = LARGEST[group.full] * (2 if name == "vmap(jacrev)" else 1)
            if needed > limit:
                problem = f"not run: a Jacobian of {needed / 1e9:.1f} GB"
                group.alone[name] = Run(problem=problem)
                continue

            def check(found: Any, name: str = name) -> None:
                if file.exists():
                    kernel_methods.check(name, found, torch.load(file))
                else:
                    torch.save(found, file)

            group.alone[name] = alone(
                lambda method=method: method(group.case, group.full),  # type: ignore[misc]
                lambda method=method: method(small, group.full),  # type: ignore[misc]
                check,
            )
        if peer is not None and group.case.widths is not None:
            for way in neural_tangents_peer.WAYS:
                name = f"neural-tangents, {way}"
                large = group.case.jacobian_bytes > LARGEST[True]
                if large and way != "structured derivatives":
                    group.alone[name] = Run(problem="not run: minutes and gigabytes")
                    continue
                answer = peer.run(group.case, way, full=group.full)
                kernel_methods.check(name, answer["kernel"], torch.load(file))
                group.alone[name] = Run(answer["seconds"], answer["bytes"])


def rounds(
    all_groups: list[Group], count: int, peer: neural_tangents_peer.Peer | None
) -> Iterator[Group]:
    """Every method in turn, group by group; the groups once in each round."""
    for turn in range(count):
        for group in all_groups:
            for name in group.timed():
                _time(group, name, peer, warm=turn == 0)
            yield group


def _time(group: Group, name: str, peer: neural_tangents_peer.Peer | None, *, warm: bool) -> None:
    way = name.removeprefix("neural-tangents, ")
    method = group.methods.get(name)

    def once() -> float:
        if method is None:
            assert peer is not None
            return float(peer.run(group.case, way, full=group.full)["seconds"])
        start = time.process_time()
        method(group.case, group.full)
        return time.process_time() - start

    first = once()  # of each round, to bring caches into their state
    repeats = REPEATS if first < QUICK else 1
    if warm or repeats > 1:
        group.seconds.setdefault(name, []).extend(once() for _ in range(repeats))
    else:
        group.seconds.setdefault(name, []).append(first)


def table(group: Group) -> Iterator[str]:
    """Markdown: CPU time, its spread, how many times ours, memory."""
    ours = statistics.median(group.seconds["tangent_kernel"])
    yield f"\n| tangent kernel: {group.title} | CPU | fastest … slowest | × ours | peak |\n"
    yield "|---|--:|--:|--:|--:|\n"
    for name, run in group.alone.items():
        if run.seconds is None:
            yield f"| {name} | {run.problem} | | | |\n"
            continue
        times = group.seconds.get(name, [run.seconds])
        median = statistics.median(times)
        peak = "" if run.peak is None else f"{run.peak / 1e6:.1f}{_SPACE}MB"
        yield f"| {name} | {shown(median)} | {spread(times)} | {median / ours:.2f} | {peak} |\n"


def spread(times: list[float]) -> str:
    """The fastest and the slowest."""
    if len(times) == 1:
        return "one run"
    return f"{shown(min(times))}{_SPACE}…{_SPACE}{shown(max(times))}"


def shown(seconds: float) -> str:
    """With three digits."""
    if seconds >= 10:
        return f"{seconds:.1f}{_SPACE}s"
    return f"{seconds * 1e3:{'.0f' if seconds >= 0.1 else '.3g'}}{_SPACE}ms"


_SPACE = "\N{NO-BREAK SPACE}"
"""A number and its unit stay on one line of a table."""
