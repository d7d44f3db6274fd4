"""Which rows of a layer are looked at, and how they are taken while a backward pass runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.networks import patches
from theorems.impl.networks.recording import Call, Layer

FEWEST, MOST = 96, 1024
"""Rows that are looked at in any case, and at most."""
SHARE = 4
"""The part of a layer's own multiplications that its decompositions may cost, is one in so many."""


@dataclass(frozen=True, eq=False)
class LayerRows:
    """Some rows of one linear layer Z = H Wᵀ + b, evenly spaced.

    Args:
        weight: W, (d_out, d_in), a copy.
        weight_grad: ∇_W L, of the same shape, through this layer only and on all rows.
        inputs: H, (n, d_in).
        output_grad: ∇_Z L, (n, d_out).
        input_grad: ∇_H L, (n, d_in), where the layer was not asked to be ∇_Z W; else None.
        chosen: which of all rows these are, (n,).
        rows: how many there are.
        outputs: Z, where all rows are looked at; else None.
    """

    weight: Tensor
    weight_grad: Tensor
    inputs: Tensor
    output_grad: Tensor
    input_grad: Tensor | None
    chosen: Tensor
    rows: int
    outputs: Tensor | None = None

    def thinned(self, most: Callable[[int, int, int], int]) -> LayerRows:
        """As few of its rows as are to be looked at."""
        count = most(self.rows, self.weight.shape[1], self.weight.shape[0])
        if count >= len(self.chosen):
            return self
        kept = spaced(len(self.chosen), count, self.chosen.device)
        return LayerRows(
            self.weight,
            self.weight_grad,
            self.inputs[kept],
            self.output_grad[kept],
            None if self.input_grad is None else self.input_grad[kept],
            self.chosen[kept],
            self.rows,
        )


def spaced(rows: int, count: int, device: torch.device) -> Tensor:
    """So many of these rows, evenly spaced, the first and the last among them."""
    where = torch.linspace(0, rows - 1, count, dtype=torch.float64, device=device)
    return where.round().long()


def rows_kept(rows: int, d_in: int, d_out: int) -> int:
    """How many of a layer's rows are looked at, of so many: at most `MOST`, and beyond `FEWEST` as
    many as cost no more to decompose than a quarter of what the layer itself multiplies in one step
    (6 N d_out d_in).
    """
    kept = min(rows, MOST)
    while kept > FEWEST and SHARE * _work(kept, d_in) > 6 * rows * d_in * d_out:
        kept = max(FEWEST, kept // 2)
    return kept


def _work(rows: int, d_in: int) -> int:
    """Multiplications of a Gram matrix and its eigenvalues, twice, an eigenvalue's weighed as it is
    slower.
    """
    side = min(rows, d_in)
    return 2 * (2 * rows * d_in * side + 12 * side**3)


def by_name(calls: Sequence[Call]) -> dict[str, list[Call]]:
    """The calls of each layer that is one matrix."""
    found: dict[str, list[Call]] = {}
    for call in calls:
        if isinstance(call.layer, nn.Linear) or call.layer.groups == 1:
            found.setdefault(call.name, []).append(call)
    return found


def linked_layers(calls: Sequence[Call], outputs: Any) -> frozenset[str]:
    """The readout, whose outputs are the network's, number for number, and the layers whose outputs
    another of them reads as they are; none if there is no readout or nothing is linked to it.
    """
    named = by_name(calls)
    sizes = {name: sum(map(_row_count, group)) for name, group in named.items()}
    last = next(
        (
            name
            for name, group in reversed(named.items())
            if isinstance(outputs, Tensor)
            and not outputs.is_nested
            and outputs.numel() == sizes[name] * group[0].outputs.shape[_channels(group[0])]
            and outputs.shape[-1] == group[0].outputs.shape[_channels(group[0])]
            and torch.equal(outputs.reshape(sizes[name], -1), _all(group, "outputs"))
        ),
        None,
    )
    if last is None:
        return frozenset()
    near = [name for name in named if sizes[name] == sizes[last]]
    made = {name: _all(named[name], "outputs") for name in near}
    read = {name: _all(named[name], "inputs") for name in near}
    found, waiting = {last}, [last]
    while waiting:
        wanted = read[waiting.pop()]
        below = [
            name
            for name in near
            if name not in found
            and made[name].shape == wanted.shape
            and torch.equal(made[name], wanted)
        ]
        found |= set(below)
        waiting += below
    return frozenset(found) if len(found) > 1 else frozenset()


def _channels(call: Call) -> int:
    return -1 if isinstance(call.layer, nn.Linear) else -len(call.layer.kernel_size) - 1


def _all(calls: Sequence[Call], what: str) -> Tensor:
    """All rows of what a layer read or made."""
    rows = _rows_of if what == "inputs" else _output_rows
    parts = [rows(call.layer, getattr(call, what).detach(), None) for call in calls]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


class RowPlan:
    """Which rows of one layer are kept, and what the backward pass shows of them."""

    def __init__(
        self,
        calls: list[Call],
        weight: Tensor,
        most: Callable[[int, int, int], int],
        *,
        whole: bool,
    ) -> None:
        """Choose the rows, of what was read at once."""
        self.layer, self.weight = calls[0].layer, weight
        sizes = [_row_count(call) for call in calls]
        self.total = sum(sizes)
        d_in, d_out = math.prod(weight.shape[1:]), weight.shape[0]
        count = self.total if whole else most(self.total, d_in, d_out)
        self.chosen = spaced(self.total, count, weight.device)
        starts = [sum(sizes[:i]) for i in range(len(calls) + 1)]
        self.parts = [
            self.chosen[(self.chosen >= low) & (self.chosen < high)] - low
            for low, high in zip(starts[:-1], starts[1:], strict=True)
        ]
        self.deltas: dict[int, Tensor] = {}
        self.inputs: dict[int, Tensor] = {}
        # a class of the user's own may do something else with what it reads
        unusual = type(self.layer).forward not in _FORWARDS
        self.own = (whole or unusual) and isinstance(self.layer, nn.Linear)
        self.asked = [call.inputs for call in calls] if self.own else []
        self.features, self.outputs = (
            [
                rows(self.layer, getattr(call, what).detach(), part)
                for call, part in zip(calls, self.parts, strict=True)
                if what == "inputs" or whole
            ]
            for what, rows in (("inputs", _rows_of), ("outputs", _output_rows))
        )

    def watch(self, calls: Sequence[Call], stack: ExitStack) -> None:
        """Take the rows of the gradients while the backward pass runs; nothing is held of the
        forward pass, so that it frees what it is done with.
        """
        for i, call in enumerate(calls):
            if call.outputs.requires_grad:
                take = _taking(self.deltas, i, self.layer, _output_rows, self.parts[i])
                stack.callback(call.outputs.register_hook(take).remove)
            if self.own and call.inputs.requires_grad:
                take = _taking(self.inputs, i, self.layer, _rows_of, self.parts[i])
                stack.callback(call.inputs.register_hook(take).remove)

    @property
    def reached(self) -> bool:
        """Whether the loss depends on it."""
        return bool(self.deltas)

    def rows(self, gradient: Tensor) -> LayerRows:
        """What was kept."""
        weight = self.weight.detach().clone().flatten(1)
        delta = torch.cat(
            [
                self.deltas[i] if i in self.deltas else weight.new_zeros(len(p), len(weight))
                for i, p in enumerate(self.parts)
            ]
        )
        sent = [self.inputs[i] for i in range(len(self.parts)) if i in self.inputs]
        return LayerRows(
            weight,
            gradient.flatten(1),
            torch.cat(self.features),
            delta,
            torch.cat(sent) if len(sent) == len(self.parts) else None,
            self.chosen,
            self.total,
            torch.cat(self.outputs) if self.outputs else None,
        )


_FORWARDS = (nn.Linear.forward, nn.Conv1d.forward, nn.Conv2d.forward, nn.Conv3d.forward)


def _taking(
    kept: dict[int, Tensor],
    i: int,
    layer: Layer,
    rows: Callable[[Layer, Tensor, Tensor | None], Tensor],
    chosen: Tensor,
) -> Callable[[Tensor], None]:
    def take(gradient: Tensor) -> None:
        kept[i] = rows(layer, gradient.detach(), chosen)

    return take


def _row_count(call: Call) -> int:
    if isinstance(call.layer, nn.Linear):
        return call.inputs.numel() // max(1, call.inputs.shape[-1])
    shape = patches.output_shape(call.layer, tuple(call.inputs.shape))
    return math.prod(shape) // call.layer.out_channels


def _rows_of(layer: Layer, tensor: Tensor, chosen: Tensor | None) -> Tensor:
    """Rows of what a layer reads: of a convolution the patches, of those rows alone."""
    if isinstance(layer, nn.Linear):
        rows = tensor.reshape(-1, tensor.shape[-1])
        return rows if chosen is None else rows[chosen]
    space = len(layer.kernel_size)
    seen = patches.windows(layer, tensor[None] if tensor.ndim == space + 1 else tensor)
    return _at(seen, tuple(seen.shape[2 : 2 + space]), chosen).flatten(1)


def _output_rows(layer: Layer, tensor: Tensor, chosen: Tensor | None) -> Tensor:
    if isinstance(layer, nn.Linear):
        rows = tensor.reshape(-1, tensor.shape[-1])
        return rows if chosen is None else rows[chosen]
    tensor = tensor[None] if tensor.ndim == len(layer.kernel_size) + 1 else tensor
    return _at(tensor, tuple(tensor.shape[2:]), chosen)


def _at(tensor: Tensor, positions: tuple[int, ...], chosen: Tensor | None) -> Tensor:
    """(B, C, *positions, …) at some of its B·L rows: (n, C, …)."""
    if chosen is None:
        chosen = torch.arange(tensor.shape[0] * math.prod(positions), device=tensor.device)
    where = torch.unravel_index(chosen, (tensor.shape[0], *positions))
    index: Any = (where[0], slice(None), *where[1:])
    return tensor[index]
