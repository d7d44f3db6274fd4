"""What a check of a network and a watch on its training cost: ``python
benchmarks/compare_models.py [--rounds 2]``.

CPU time, peak memory and passes of networks of fixed size, each in a process of its own, so that
imports and memory are those of one network; rounds run all networks in turn, and medians are
printed. Two parts: `check_model` on all claims, beside the import of torch and of this package;
`watch`, in steps of the same batch. And the proof that noise has a small rank.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NETWORKS = ("mlp", "lenet", "lstm", "resnet18", "transformer")
STEPS = 5


def cpu() -> float:
    """Seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory(field: str = "VmHWM") -> float:
    """MiB: the peak since `forget`, or what is held now (``VmRSS``)."""
    with Path("/proc/self/status").open() as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def forget() -> None:
    """Give freed memory back and forget the peak."""
    import ctypes
    import gc

    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def check(name: str) -> dict[str, float]:
    """One check in a fresh process, with what is imported for it."""
    start, held = cpu(), memory("VmRSS")
    import torch

    torch.set_num_threads(1)
    torch_seconds, torch_memory = cpu() - start, memory()
    start = cpu()
    import model_networks

    from theorems.own.factories import subject_of
    from theorems.own.models import check_subject

    imported = cpu() - start
    subject = subject_of(model_networks.NETWORKS[name]())
    passes = [0, 0]
    grad = torch.autograd.grad

    def counting(outputs: Any, *args: Any, **kwargs: Any) -> Any:
        passes[1] += isinstance(outputs, torch.Tensor) and outputs.ndim == 0
        return grad(outputs, *args, **kwargs)

    subject.model.register_forward_pre_hook(lambda *_: passes.__setitem__(0, passes[0] + 1))
    torch.autograd.grad = counting  # type: ignore[assignment]
    start = cpu()
    rows = check_subject(subject)
    return {
        "torch": torch_seconds,
        "imports": imported,
        "check": cpu() - start,
        "torch MiB": torch_memory - held,
        "MiB": memory() - torch_memory,
        "forward": passes[0],
        "rows": len(rows),
    }


def watched(name: str) -> dict[str, float]:
    """A record in steps of plain gradient descent on the same batch, the least of five of each in
    turn; peaks beside what is held before.
    """
    import model_networks
    import torch

    from theorems.own.factories import subject_of
    from theorems.own.monitor import History

    torch.set_num_threads(1)
    model, inputs, targets, loss = model_networks.NETWORKS[name]()
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)
    history = History(subject_of((model, inputs, targets, loss)))
    history.decays.learn(optimiser)

    def step() -> None:
        optimiser.zero_grad()
        loss(model(inputs), targets).backward()
        optimiser.step()

    def timed(run: Callable[[], Any]) -> float:
        start, count = time.process_time(), 0
        while count < 3 or time.process_time() - start < 0.1:
            run()
            count += 1
        return (time.process_time() - start) / count

    step()
    history.record()
    steps, records = zip(*((timed(step), timed(history.record)) for _ in range(STEPS)), strict=True)
    peaks = []
    for run in (step, history.record):
        optimiser.zero_grad()
        forget()
        held = memory("VmRSS")
        run()
        peaks.append(memory() - held)
    return {
        "step ms": min(steps) * 1e3,
        "record ms": min(records) * 1e3,
        "steps": min(records) / min(steps),
        "step MiB": peaks[0],
        "record MiB": peaks[1],
    }


def noise(_name: str) -> dict[str, float]:
    """The rank of noise at (256, 1000) through ten classes, in milliseconds: the proof from thin
    factors, the proof from the whole decomposition, and torch's `matrix_rank`, which proves
    nothing.
    """
    import torch

    from theorems.impl.numbers.rounded import Ball
    from theorems.relations.spectra import singular_values
    from theorems.relations.thin_ranks import thin_values

    torch.set_num_threads(1)
    source = torch.Generator().manual_seed(0)
    left, right = (
        torch.randn(shape, generator=source, dtype=torch.float64)
        for shape in ((256, 10), (10, 1000))
    )
    matrix = Ball(left @ right, 2.0**-24 * 12 * (left.abs() @ right.abs()))
    runs = {
        "thin factors": lambda: thin_values(matrix, 10),
        "decomposition": lambda: singular_values(matrix),
        "matrix_rank": lambda: torch.linalg.matrix_rank(matrix.center),
    }
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(2 * STEPS):
        for name, run in runs.items():
            start = time.process_time()
            run()
            found[name].append((time.process_time() - start) * 1e3)
    return {name: statistics.median(values) for name, values in found.items()}


PARTS: dict[str, Callable[[str], dict[str, float]]] = {
    "check": check,
    "watch": watched,
    "noise": noise,
}


def table(part: str, found: dict[str, list[dict[str, float]]]) -> None:
    """Medians, a line per network."""
    columns = list(next(iter(found.values()))[0])
    print(f"\n{part:12}" + "".join(f"{column:>15}" for column in columns))  # noqa: T201
    for name, rounds in found.items():
        values = (statistics.median(one[column] for one in rounds) for column in columns)
        line = "".join(f"{value:15.3g}" for value in values)
        print(f"{name:12}{line}", flush=True)  # noqa: T201


def main() -> None:
    """All parts, or one in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--part", nargs=2, metavar=("PART", "NETWORK"))
    given = parser.parse_args()
    if given.part:
        print(json.dumps(PARTS[given.part[0]](given.part[1])))  # noqa: T201
        return
    for part in PARTS:
        names = NETWORKS if part != "noise" else ("256 × 1000",)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(given.rounds):
            for name in names:
                done = subprocess.run(
                    [sys.executable, __file__, "--part", part, name],
                    capture_output=True,
                    text=True,
                    check=True,
                    env=os.environ | {"OMP_NUM_THREADS": "1"},
                )
                found[name].append(json.loads(done.stdout))
        table(part, found)


if __name__ == "__main__":
    main()
