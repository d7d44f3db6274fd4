"""Running an experiment: blocks of seeds, kept as they finish, then one verdict on all of them and
one on each mutant.
"""

from __future__ import annotations

import inspect
import json
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from theorems.checking.collected import Evidence
from theorems.checking.controls import Control
from theorems.checking.records import Record
from theorems.evidence.file import record, versions
from theorems.experiments.experiment import CONFIDENCE, Experiment, Scale, summaries
from theorems.files import replace_file
from theorems.impl.errors import InputError, require
from theorems.impl.experiments.runs import Runs, joined

_APART = 1000
"""Seeds of the replicates of one run are apart from those of the next by this much."""


def seeds_of(scale: Scale, seed: int) -> tuple[int, ...]:
    """The seeds of the replicates of a run, from 1000·seed on, or after those that are left out."""
    begin = _APART * seed + scale.first
    return tuple(range(begin, begin + scale.replicates))


def blocks_of(scale: Scale, seed: int) -> list[tuple[int, ...]]:
    """The seeds in the blocks that are trained side by side."""
    seeds = seeds_of(scale, seed)
    return [seeds[at : at + scale.block] for at in range(0, len(seeds), scale.block)]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Networks as small as these are slower on several threads, and blocks run side by side."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def measured(
    module: str, name: str, seeds: tuple[int, ...], settings: dict[str, Any]
) -> tuple[dict[str, Any], float]:
    """One block, named so that another process can run it, and the processor time that it took."""
    import importlib

    began = time.process_time()
    with _one_thread():
        found: dict[str, Any] = getattr(importlib.import_module(module), name)(seeds, settings)
    return found, time.process_time() - began


class Blocks:
    """Blocks that are finished: in memory, and in a folder if there is one.

    A block is that of a measuring function, its settings and seeds, the versions of torch and of
    this program, and the source of the function's module and of everything that trains networks
    (`impl.experiments`): whatever changes one of them makes another file.

    Args:
        folder: where to keep them; None for this run alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Nothing is read before it is asked for."""
        self.folder = folder
        self._kept: dict[str, Runs] = {}
        self._seconds: dict[str, float] = {}

    def key(self, found: Experiment, scale: Scale, seeds: Sequence[int]) -> str:
        """The name of a block's file."""
        import torch

        files = [
            *sorted(Path(inspect.getfile(Runs)).parent.glob("*.py")),
            Path(inspect.getfile(found.measure)),
        ]
        code = [file.read_text(encoding="utf-8") for file in files]
        told = repr(
            (
                sorted(scale.settings.items()),
                tuple(seeds),
                torch.__version__,
                versions()["theorems"],
                code,
            )
        )
        return f"{found.measure.__name__}-{seeds[0]}-{zlib.crc32(told.encode()):08x}"

    def get(self, key: str) -> Runs | None:
        """A finished block; None if there is none, or its file cannot be read."""
        if key in self._kept or self.folder is None:
            return self._kept.get(key)
        file = self.folder / f"{key}.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            values = {
                name: np.asarray(rows, dtype=float) for name, rows in content["values"].items()
            }
            self._seconds[key] = float(content.get("seconds", "nan"))
            self._kept[key] = Runs(values, tuple(content["seeds"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return self._kept[key]

    def seconds(self, keys: Sequence[str]) -> float | None:
        """The processor time that these blocks took, whenever that was; None where one does not
        say.
        """
        return _number(round(sum(self._seconds[key] for key in keys), 1))

    def put(self, key: str, runs: Runs, seconds: float) -> None:
        """Keep a finished block and the processor time that it took."""
        self._kept[key] = runs
        self._seconds[key] = seconds
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            content = {
                "seeds": list(runs.seeds),
                "seconds": seconds,
                "values": {name: rows.tolist() for name, rows in runs.values.items()},
            }
            replace_file(self.folder / f"{key}.json", json.dumps(content))


def replicates(
    found: Experiment, scale: Scale, *, seed: int, blocks: Blocks, jobs: int = 1, on_block: Callable[[], None] | None = None  # noqa: E501
) -> Runs:  # fmt: skip
    """Every replicate of an experiment: what is kept is read, the rest is trained.

    Args:
        found: the experiment.
        scale: how large.
        seed: of the run.
        blocks: where finished blocks are kept.
        jobs: processes; with one, the blocks run in this one.
        on_block: called after each block.
    """
    wanted = blocks_of(scale, seed)
    keys = [blocks.key(found, scale, seeds) for seeds in wanted]
    missing = [
        (key, seeds) for key, seeds in zip(keys, wanted, strict=True) if blocks.get(key) is None
    ]
    for _ in range(len(wanted) - len(missing)):
        if on_block is not None:
            on_block()
    call = partial(measured, found.measure.__module__, found.measure.__name__)
    for key, seeds, (values, seconds) in _trained(call, missing, dict(scale.settings), jobs):
        blocks.put(key, Runs(values, seeds), seconds)
        if on_block is not None:
            on_block()
    return joined([block for key in keys if (block := blocks.get(key)) is not None])


def _trained(
    call: Callable[..., tuple[dict[str, Any], float]], missing: Sequence[tuple[str, tuple[int, ...]]], settings: dict[str, Any], jobs: int  # noqa: E501
) -> Iterator[tuple[str, tuple[int, ...], tuple[dict[str, Any], float]]]:  # fmt: skip
    if jobs == 1 or len(missing) < 2:
        for key, seeds in missing:
            yield key, seeds, call(seeds, settings)
        return
    with ProcessPoolExecutor(min(jobs, len(missing)), mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(call, seeds, settings): (key, seeds) for key, seeds in missing}
        try:
            for done in as_completed(futures):
                yield *futures[done], done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list((pool._processes or {}).values()):  # noqa: SLF001
                # else an interrupt would wait for the blocks that are on their way
                process.terminate()
            raise


def judge(found: Experiment, runs: Runs, *, seconds: float = 0.0) -> Evidence:
    """The verdict on the replicates, and that on every mutant."""
    evidence = Evidence(found.claim, seconds=seconds)
    evidence.add(found.claim(runs))
    for name, mutant in found.claim.mutants.items():
        control = Control(name)
        control.take(mutant(runs).outcome, statistical=True)
        evidence.controls.append(control)
    return evidence


def run(
    found: Experiment, *, scale: str = "default", seed: int = 0, folder: Path | None = None, blocks: Blocks | None = None, jobs: int = 1,  # noqa: E501
    on_block: Callable[[], None] | None = None,
) -> Record:  # fmt: skip
    """Run an experiment and give its entry in the evidence file.

    Args:
        found: the experiment.
        scale: "smoke", "default" or "paper".
        seed: of the run.
        folder: where finished blocks are kept, for a run that is cut short; None for nowhere.
        blocks: instead of ``folder``: shared by experiments that measure the same runs.
        jobs: processes.
        on_block: called after each block of seeds.

    Raises:
        InputError: for a scale that is none, a seed below zero, a training that diverged, data that
            are not installed.
    """
    require(seed >= 0, f"expected a seed of at least zero, got {seed}")
    size = found.scale(scale)
    started = time.perf_counter()
    kept = Blocks(folder) if blocks is None else blocks
    try:
        runs = replicates(found, size, seed=seed, blocks=kept, jobs=jobs, on_block=on_block)
    except InputError as error:
        raise InputError(f"{found.name}: {error}") from error
    evidence = judge(found, runs, seconds=time.perf_counter() - started)
    spent = kept.seconds([kept.key(found, size, seeds) for seeds in blocks_of(size, seed)])
    return record(evidence) | {"experiment": told(found, runs, scale) | {"trained": spent}}


def told(found: Experiment, runs: Runs, scale: str) -> Record:
    """What the entry of an experiment says beside what every entry says: the protocol, the effects,
    the curves.
    """
    size = found.scale(scale)
    entry: Record = {
        "scale": scale,
        "replicates": len(runs.seeds),
        "seeds": [runs.seeds[0], runs.seeds[-1]],
        "settings": {name: str(value) for name, value in size.settings.items()},
        "unit": found.unit,
        "reported": found.reported,
        "differs": found.differs,
        "news": found.news,
        "confidence": CONFIDENCE,
        "effects": [
            {
                "part": s.part,
                "median": s.median,
                "low": _number(s.low),
                "high": _number(s.high),
                "margin": s.margin,
                "above": s.above,
                "needed": s.needed,
                "values": [float(f"{value:.6g}") for value in s.effects],
            }
            for s in summaries(found, runs)
        ],
    }
    if found.curves is not None:
        entry["curves"] = _curves(found, runs, size)
    return entry


def _number(value: float) -> float | None:
    """The number, or None where JSON has none."""
    return value if np.isfinite(value) else None


def _curves(found: Experiment, runs: Runs, size: Scale) -> Record:
    from theorems.experiments.experiment import median_interval

    curves = found.curves
    assert curves is not None
    at = [float(x) for x in curves.at(size.settings)]
    lines = []
    for label, name in curves.lines.items():
        values = runs[name].reshape(len(runs.seeds), -1)
        require(
            values.shape[1] == len(at),
            f"expected {name} at {len(at)} places, got {values.shape[1]}",
        )
        ends = [median_interval(column, CONFIDENCE) for column in values.T]
        middle = [float(f"{v:.6g}") for v in np.median(values, 0)]
        low, high = ([_number(float(f"{end[k]:.6g}")) for end in ends] for k in (0, 1))
        lines.append({"label": label, "median": middle, "low": low, "high": high})
    return {"x": curves.x, "y": curves.y, "log": curves.log, "at": at, "lines": lines}
