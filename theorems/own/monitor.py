"""Watch a network while it trains: what the papers say of its features, its noise and its weights,
every few steps.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from theorems.files import replace_file
from theorems.impl.errors import InputError, require, told
from theorems.impl.networks.row_plans import LayerRows, rows_kept
from theorems.impl.networks.row_samples import row_samples
from theorems.impl.networks.running import Inputs
from theorems.own.factories import subject_of
from theorems.own.monitor_decay import Decayed, Decays, decayed
from theorems.own.monitor_measures import (
    agreement,
    digits_of,
    linearity,
    product_spectrum,
    rank,
    spectrum,
)
from theorems.own.places import Subject

COSINE, RANK, TAIL = "gram_virtual_cosine", "kernel_rank", "kernel_tail"
NOISE, LINEARITY = "noise_rank", "target_linearity"
WEIGHT_TAIL, DECAY_BOUND = "weight_tail", "decay_bound"
QUANTITIES = {
    RANK: "rank of the features' kernel HHᵀ, numerically",
    TAIL: "σ_{C+1}/σ_1 of HHᵀ: what a kernel of rank C does not have",
    NOISE: "rank of the samples' gradients at the features, centred, numerically",
    COSINE: "cosine of ΔG (weights) and ΔV (virtual features) since the record before",
    LINEARITY: "target linearity of the features",
    WEIGHT_TAIL: "σ_{C+1}(W) of a weight under decay from which the outputs are reached linearly",
    DECAY_BOUND: "‖∇_W J‖/λ, which bounds it at every step; J is the loss on the watched batch "
    "plus λ/2 ‖W‖²",
}
"""What is recorded of each layer; NaN where it is not defined."""


class History:
    """What was recorded along a training; made by `watch`.

    Args:
        subject: the network, its batch and its loss.
        every: steps between records.
        writer: with ``add_scalar(tag, value, step)``, such as TensorBoard's SummaryWriter; or None.
        rows: of each layer that are looked at, at most, evenly spaced; by default as
            `impl.networks.row_samples.rows_kept` says.

    ``rows`` has the records, ``missed`` the steps at which the network could not be looked at
    (NaN), with the reason.
    """

    def __init__(
        self, subject: Subject, *, every: int = 1, writer: Any = None, rows: int | None = None
    ) -> None:
        """Record nothing yet."""
        require(
            isinstance(every, int) and every >= 1,
            f"expected a whole number of steps every >= 1, got every={every!r}",
        )
        require(
            rows is None or (isinstance(rows, int) and not isinstance(rows, bool) and rows >= 2),
            f"expected a whole number of rows >= 2, got rows={rows!r}",
        )
        self.subject, self.every, self.writer = subject, every, writer
        self.rows_at_once, self._stepwise = rows, False
        self.rows: list[dict[str, Any]] = []
        self.missed: list[tuple[int, str]] = []
        self.steps = 0
        self._before: dict[str, tuple[Tensor, Tensor]] = {}
        self.decays = Decays(subject.model, subject.decay)
        self._waiting: dict[str, tuple[dict[str, Any], Decayed]] = {}

    def step(self) -> None:
        """One optimiser step is done: record if it is time. `watch` calls this by itself after
        every ``optimizer.step()`` of the model's parameters.
        """
        self.steps += 1
        # the record at the start was taken before any optimiser had shown its decay
        if self.decays.known:
            for row, point in self._waiting.values():
                self._write(row, self._bound(row, point))
            self._waiting.clear()
        if self.steps % self.every == 0:
            try:
                self.record(self.steps)
            except InputError as error:  # a training that diverges is the training's business
                self.missed.append((self.steps, str(error)))
                if len(self.missed) == 1:
                    warnings.warn(f"no record at step {self.steps}: {error}", stacklevel=2)

    def record(self, step: int | None = None) -> None:
        """Look at the network as it is now: one forward and one backward pass on the batch
        (recurrent layers run step by step in it), and small decompositions.

        The network, its gradients, its buffers and the random state are left as they were.

        Raises:
            InputError: as `impl.trace`.
        """
        step = self.steps if step is None else step
        seen = row_samples(
            *self.subject.task,
            seed=self.subject.seed,
            stepwise=self._stepwise,
            linked=not self.decays.absent,
            most=rows_kept if self.rows_at_once is None else self._rows_asked_for,
        )
        self._stepwise = seen.stepwise
        targets = self.subject.rows
        labels = None if isinstance(targets, str) else _one_hot(targets)
        points = {} if self.decays.absent else decayed(self.subject, seen)
        for name, layer in seen.layers.items():
            row: dict[str, Any] = {
                "step": step,
                "layer": name,
                **self._measure(name, layer, labels),
            }
            if name in points:
                self._bound(row, points[name])
            self.rows.append(row)
            self._write(row, QUANTITIES)

    def _rows_asked_for(self, rows: int, _d_in: int, _d_out: int) -> int:
        assert self.rows_at_once is not None
        return min(rows, self.rows_at_once)

    def _bound(self, row: dict[str, Any], point: Decayed) -> tuple[str, ...]:
        """Fill in what decay says of a layer; keep what is needed for it if no decay is known
        yet.
        """
        decay = self.decays.of(row["layer"])
        if decay is not None:
            row[WEIGHT_TAIL], row[DECAY_BOUND] = point.bound(decay)
        elif not self.decays.known:
            self._waiting[row["layer"]] = row, point
        return WEIGHT_TAIL, DECAY_BOUND

    def _write(self, row: Mapping[str, Any], quantities: Iterable[str]) -> None:
        for quantity in quantities:
            if self.writer is not None and math.isfinite(row[quantity]):
                self.writer.add_scalar(f"{quantity}/{row['layer']}", row[quantity], row["step"])

    def _measure(self, name: str, layer: LayerRows, labels: Tensor | None) -> dict[str, float]:
        features, dtype = layer.inputs.double(), layer.weight.dtype
        aligned = labels is not None and len(labels) == layer.rows
        if labels is not None and aligned:
            labels = labels[layer.chosen.to(labels.device)]
        digits, values = digits_of(dtype), spectrum(features, dtype)
        classes = labels.shape[-1] if labels is not None else 0
        tail = math.nan if not classes or float(values[0]) == 0 else 0.0
        if classes and classes < len(values) and float(values[0]) > 0:
            tail = float((values[classes] / values[0]) ** 2)
        return {
            RANK: rank(values, digits),
            TAIL: tail,
            NOISE: rank(self._noise(layer), digits),
            COSINE: self._agreement(name, layer),
            LINEARITY: linearity(features, labels) if aligned and labels is not None else math.nan,
            WEIGHT_TAIL: math.nan,
            DECAY_BOUND: math.nan,
        }

    @staticmethod
    def _noise(layer: LayerRows) -> Tensor:
        """Singular values of the samples' gradients at the features, centred."""
        if layer.input_grad is not None:
            grads = layer.input_grad.double()
            return spectrum(grads - grads.mean(0), layer.weight.dtype)
        delta = layer.output_grad.double()
        return product_spectrum(delta - delta.mean(0), layer.weight.double(), layer.weight.dtype)

    def _agreement(self, name: str, layer: LayerRows) -> float:
        """cos(ΔG, ΔV): G = WᵀW moved by training since the last record, V by the virtual step along
        −∇_H taken there.
        """
        before = self._before.get(name)
        self._before[name] = layer.weight, layer.weight_grad.to(layer.weight.dtype)
        return math.nan if before is None else agreement(*before, layer.weight)

    @property
    def layers(self) -> list[str]:
        """Names of the layers with records."""
        return list(dict.fromkeys(row["layer"] for row in self.rows))

    def series(self, layer: str, quantity: str) -> tuple[list[int], list[float]]:
        """Steps and values of one quantity at one layer.

        Raises:
            InputError: for a layer without records or an unknown quantity.
        """
        require(layer in self.layers, f"expected a layer among {self.layers}, got {layer!r}")
        require(
            quantity in QUANTITIES,
            f"expected a quantity among {list(QUANTITIES)}, got {quantity!r}",
        )
        rows = [row for row in self.rows if row["layer"] == layer]
        return [row["step"] for row in rows], [row[quantity] for row in rows]

    def frame(self) -> Any:
        """The records as a pandas DataFrame, a row per step and layer.

        Raises:
            InputError: if pandas is not installed; `to_dict` needs nothing.
        """
        try:
            import pandas as pd  # type: ignore[import-untyped, import-not-found, unused-ignore]
        except ImportError as error:
            raise InputError(
                f"expected pandas to be installed for frame(), got {told(error)}; pip "
                "install 'theorems[monitor]', or use to_dict()"
            ) from error
        return pd.DataFrame(self.rows)

    def to_dict(self) -> dict[str, list[Any]]:
        """The records by column."""
        return {name: [row[name] for row in self.rows] for name in ("step", "layer", *QUANTITIES)}

    def to_json(self, path: str | Path | None = None) -> str:
        """The records as JSON (undefined values are null), also written to ``path`` if one is
        given.
        """
        columns = {
            name: [None if isinstance(v, float) and not math.isfinite(v) else v for v in values]
            for name, values in self.to_dict().items()
        }
        content = json.dumps(columns, indent=2, allow_nan=False) + "\n"
        if path is not None:
            replace_file(Path(path), content)
        return content

    def plot(self, layers: list[str] | None = None) -> Any:
        """A matplotlib figure: a panel per quantity, a line per layer.

        Raises:
            InputError: without any record, or for a layer that has none.
        """
        from theorems.own.monitor_picture import figure

        require(
            bool(self.rows),
            "expected at least one record to plot, got none; call record() or train inside watch",
        )
        return figure(self, self.layers if layers is None else layers)


def _one_hot(targets: Tensor) -> Tensor:
    return targets if targets.ndim == 2 else torch.nn.functional.one_hot(targets).double()


@contextmanager
def watch(
    model: nn.Module,
    inputs: Inputs,
    targets: Any = None,
    loss: Any = None,
    *,
    every: int = 1,
    writer: Any = None,
    log_dir: str | Path | None = None,
    decay: float | None = None,
    seed: int = 0,
    rows: int | None = None,
) -> Iterator[History]:
    """Record what the papers speak of along a training.

    Around the usual loop: ``with watch(model, inputs, targets, loss) as history:``.

    A record is taken at the start, after every ``every``-th ``step()`` of an optimiser that holds
    one of the model's parameters, and by ``history.record()``. It costs one forward and one
    backward pass on the watched batch (not on the training batch; recurrent layers run step by step
    in it), two spectra of some rows of each layer, and each layer's weight and gradient kept until
    the next record.
    Training is unaffected, bit for bit. The hook on optimisers is removed at the end, also after an
    error.

    Args:
        model: any module with linear layers.
        inputs: the batch to look at, of fixed samples.
        targets: labels (N,) or numbers (N, C).
        loss: a callable to one scalar.
        every: steps between records.
        writer: a TensorBoard SummaryWriter, or anything with ``add_scalar(tag, value, step)``.
        log_dir: where to write TensorBoard scalars with a writer of its own; needs ``tensorboard``
            (the extra ``monitor``).
        decay: λ of the training objective loss + (λ/2)‖W‖²; by default each parameter's
            ``weight_decay`` in its optimiser. Where λ is known and positive the decay bound is
            recorded (it holds for every λ > 0, so for decoupled decay too).
        seed: of dropout while it is looked at.
        rows: of each layer (samples, tokens or patches) that are looked at, at most, evenly spaced;
            no rank is larger. By default 96, and up to 1024 where their decompositions cost no
            more than a quarter of what the layer itself multiplies in a step.

    Yields:
        `History`, with ``plot()``, ``series()``, ``to_dict()``, ``to_json()`` and ``frame()``.

    Raises:
        InputError: as `theorems.check_model`; ``log_dir`` without tensorboard.
    """
    given: Mapping[str, Any] = {
        "model": model,
        "inputs": inputs,
        "targets": targets,
        "loss": loss,
        "decay": decay,
    }
    subject = subject_of(given, "watch to be given")
    own = None
    if log_dir is not None:
        require(writer is None, "expected writer or log_dir, got both")
        own = writer = _summary_writer(log_dir)
    history = History(replace(subject, seed=seed), every=every, writer=writer, rows=rows)
    mine = {id(p) for p in model.parameters()}

    def after(optimiser: torch.optim.Optimizer, _args: Any, _kwargs: Any) -> None:
        if any(id(p) in mine for group in optimiser.param_groups for p in group["params"]):
            history.decays.learn(optimiser)
            history.step()

    handle = register_optimizer_step_post_hook(after)
    try:
        history.record(0)
        yield history
    finally:
        handle.remove()
        if own is not None:
            own.close()


def _summary_writer(log_dir: str | Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter  # type: ignore[attr-defined, unused-ignore]
    except ImportError as error:
        raise InputError(
            f"expected tensorboard to be installed for log_dir, got {told(error)}; pip "
            "install 'theorems[monitor]'"
        ) from error
    return SummaryWriter(str(log_dir))  # type: ignore[no-untyped-call, unused-ignore]
