"""How CPU time and peak memory grow with samples N, width, depth and the number of networks at
once: ``python benchmarks/growth.py docs/_static/growth.svg --record benchmarks/growth.json``.

Each curve is a process of its own with one thread, its sizes ascending, so that the high-water mark
of the process (``ru_maxrss``) is that of the last size; what it was after the imports is taken off.
A point is the median of at least three runs, and no curve goes on after one run took two seconds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from rich.progress import track
from torch import nn

from impl import NetworkSpec, build, half_squared_error, tangent_kernel, trace
from impl.gram_hierarchy.gated import gated_network
from impl.networks.layers import LayerTrace
from theorems import backward_pullback_recursion, feature_learning_equation
from theorems.own.models import check_model
from theorems.verdict import Outcome

SIZES: dict[str, tuple[int, ...]] = {
    "samples": (4, 16, 64, 256, 1024, 4096),
    "width": (4, 16, 64, 256, 1024),
    "depth": (1, 2, 4, 8, 16, 32, 64),
    "networks": (1, 4, 16, 64, 256, 1024),
}
"""What grows; the others stay at `USUAL`."""
USUAL = {"samples": 16, "width": 16, "depth": 4, "networks": 1}
LONG = 2.0
"""Seconds of one run after which a curve ends."""


def _normal(seed: int, *shape: int) -> torch.Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=source, dtype=torch.float64)


def _network(samples: int, width: int, depth: int, seed: int = 0) -> Any:
    spec = NetworkSpec(widths=(width,) * depth, batch=samples, classes=4, bias=True, seed=seed)
    return build(spec), _normal(seed, samples, width), _normal(seed + 1, samples, 4)


def passes(samples: int, width: int, depth: int, networks: int) -> Callable[[], Any]:
    """The forward and backward passes that everything else is to be seen beside."""
    made = [_network(samples, width, depth, seed) for seed in range(networks)]

    def run() -> Any:
        for model, inputs, targets in made:
            loss = half_squared_error(model(inputs), targets)
            torch.autograd.grad(loss, list(model.parameters()))

    return run


def layer_claim(samples: int, width: int, depth: int, networks: int) -> Callable[[], Any]:
    """Trace the networks, and judge the first layer of all in one stack."""
    made = [_network(samples, width, depth, seed) for seed in range(networks)]

    def run() -> Any:
        layers = [next(iter(trace(*one, half_squared_error).values())) for one in made]
        return feature_learning_equation(layers[0] if networks == 1 else LayerTrace.stack(layers))

    return run


def field_claim(samples: int, width: int, depth: int, networks: int) -> Callable[[], Any]:
    """Judge the backward recursion on ReLU networks in one stack."""
    lead = () if networks == 1 else (networks,)
    weights = [_normal(i, *lead, width, width) * (2 / width) ** 0.5 for i in range(depth)]
    readout, inputs = _normal(98, *lead, width), _normal(99, *lead, samples, width)
    # unit 0 stays alive on every sample: of a dead layer the claim does not speak
    inputs[..., 0] = inputs[..., 0].abs()
    weights[0][..., 0, 1:] = 0
    for weight in weights:
        weight[..., 0, :] = weight[..., 0, :].abs()
    net = gated_network(weights, readout, inputs, _normal(97, *lead, samples))
    net = net if networks == 1 else net.split()
    return lambda: backward_pullback_recursion(net)


def kernel(samples: int, width: int, depth: int, networks: int) -> Callable[[], Any]:
    """The tangent kernel, traced over four outputs, of one network after the other."""
    made = [_network(samples, width, depth, seed)[:2] for seed in range(networks)]
    return lambda: [tangent_kernel(model, inputs) for model, inputs in made]


def whole_model(samples: int, width: int, depth: int, networks: int) -> Callable[[], Any]:
    """All that is checked of a user's network."""
    made = [_network(samples, width, depth, seed) for seed in range(networks)]
    return lambda: [
        check_model(model, inputs, targets, nn.MSELoss()) for model, inputs, targets in made
    ]


METHODS: dict[str, tuple[Callable[..., Callable[[], Any]], tuple[str, ...]]] = {
    "forward and backward pass": (passes, tuple(SIZES)),
    "feature_learning_equation": (layer_claim, tuple(SIZES)),
    "backward_pullback_recursion": (field_claim, tuple(SIZES)),
    "tangent_kernel": (kernel, ("samples", "width", "depth")),
    "check --model": (whole_model, ("samples", "width", "depth")),
}
"""Each with what it is measured against."""


def curve(method: str, grows: str) -> list[tuple[int, float, float]]:
    """(size, seconds of CPU, MiB above the imports) of each size, in this process."""
    torch.set_num_threads(1)
    made, _ = METHODS[method]
    made(**USUAL | {"samples": 4, "width": 4})()  # what is imported late
    before, out = _peak(), []
    for size in SIZES[grows]:
        run, spent = made(**USUAL | {grows: size}), []
        if getattr(run(), "outcome", Outcome.HOLDS) is not Outcome.HOLDS:
            break  # so deep a network is dead, or its numbers tell nothing
        while len(spent) < 3 or (sum(spent) < 0.2 and len(spent) < 50):
            began = time.process_time()
            run()
            spent.append(time.process_time() - began)
            if spent[-1] > LONG:
                break
        out.append((size, statistics.median(spent), _peak() - before))
        if spent[-1] > LONG:
            break
    return out


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured() -> Iterator[tuple[str, str, list[tuple[int, float, float]]]]:
    """Every curve, each by a process of its own."""
    todo = [(method, grows) for method, (_, axes) in METHODS.items() for grows in axes]
    kind = multiprocessing.get_context("spawn")
    for method, grows in track(todo, "curves"):
        with ProcessPoolExecutor(1, mp_context=kind) as pool:
            yield method, grows, pool.submit(curve, method, grows).result()


def draw(record: dict[str, Any], path: Path) -> None:
    """Two rows of panels, time and memory, a column for each thing that grows."""
    from theorems.pictures.style import BLUE, GREEN, GREY, ORANGE, RED, footer, grid

    colours = dict(zip(METHODS, (GREY, BLUE, ORANGE, GREEN, RED), strict=True))
    marks = dict(zip(METHODS, "os^Dv", strict=True))
    figure, axes = grid(2, len(SIZES), (11, 6.6))
    for at, grows in enumerate(SIZES):
        for row, unit in enumerate(("ms of CPU", "MiB above the imports")):
            panel = axes[row * len(SIZES) + at]
            for method, found in record["curves"].items():
                if grows not in found:
                    continue
                sizes = [size for size, _, _ in found[grows]]
                values = [p[1] * 1e3 if row == 0 else max(p[2], 0.1) for p in found[grows]]
                panel.loglog(
                    sizes, values, marks[method] + "-", color=colours[method], markersize=4.5,
                    label=method,
                )  # fmt: skip
            panel.set_xscale("log", base=2)
            panel.set_xlabel((grows if grows != "networks" else "networks at once") if row else "")
            panel.set_ylabel(unit if at == 0 else "")
    names = axes[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside upper center", ncols=len(METHODS), frameon=False)
    usual = ", ".join(f"{name} {value}" for name, value in USUAL.items() if name != "networks")
    footer(figure, f"where it does not grow: {usual}, one network; 4 outputs", record["machine"])
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "growth"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> None:
    """Measure, or read what was measured, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--record", type=Path, help="write the numbers there")
    parser.add_argument("--draw", type=Path, help="read the numbers from there: measure nothing")
    options = parser.parse_args()
    if options.draw is not None:
        record = json.loads(options.draw.read_text())
    else:
        curves: dict[str, dict[str, Any]] = {}
        for method, grows, found in measured():
            curves.setdefault(method, {})[grows] = found
        machine = f"torch {torch.__version__}, one thread, float64, {platform.machine()}"
        record = {"machine": machine, "curves": curves}
    if options.record is not None:
        options.record.write_text(json.dumps(record, indent=1) + "\n")
    draw(record, options.picture)


if __name__ == "__main__":
    main()
