"""Two data sets with equal preconditioned Gram matrices, both trained, and two that share less, for
comparison.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding, Slack
from theorems.impl.networks.losses import half_squared_error
from theorems.impl.networks.preconditioned_sgd import PreconditionedSGD, Rest, rest_optimiser
from theorems.impl.numbers.operands import Operand
from theorems.impl.preconditioning.step_errors import LARGEST


class DataSet(NamedTuple):
    """Inputs X (N, d), the preconditioner at every step, and the weights (k, d) from which the
    first layer starts.
    """

    inputs: Tensor
    preconditioner: Callable[[int], Tensor]
    start: Tensor


@dataclass(frozen=True, eq=False)
class TwinRuns(Instance):
    """Paths of training on two data sets; "inner" has an equal X Xᵀ only, "restarted" the twin's
    data from equal weights.

    Args:
        inputs: X, (T, N, d).
        preconditioner: P, (T, d, d).
        start: W(0), (k, d).
        twin_inputs: X', (T, N, d').
        twin_preconditioner: P', (T, d', d').
        twin_start: W'(0), (k, d').
        outputs: Z, (T+1, N, k).
        others: all other parameters, (T+1, m).
        twin_outputs: Z', (T+1, N, k).
        twin_others: (T+1, m).
        inner_outputs: Z of a run on inputs with the same X Xᵀ under the first P, (T+1, N, k).
        inner_others: (T+1, m).
        restarted_outputs: Z of a run on the twin's data from W(0), (T+1, N, k).
        restarted_others: (T+1, m).

    Raises:
        InputError: paths of different lengths.
    """

    alone = ("start", 2)

    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "steps": ("inputs", -3),
        "samples": ("inputs", -2),
        "inputs": ("inputs", -1),
        "outputs": ("start", -2),
    }
    measured: ClassVar[Mapping[str, Rounding]] = {}
    granted: ClassVar[Mapping[str, Slack]] = dict.fromkeys(
        f"{run}{path}"
        for run in ("", "twin_", "inner_", "restarted_")
        for path in ("outputs", "others")
    )

    inputs: Operand
    preconditioner: Operand
    start: Operand
    twin_inputs: Operand
    twin_preconditioner: Operand
    twin_start: Operand
    outputs: Operand
    others: Operand
    twin_outputs: Operand
    twin_others: Operand
    inner_outputs: Operand
    inner_others: Operand
    restarted_outputs: Operand
    restarted_others: Operand

    def __post_init__(self) -> None:
        """Check that all paths have the same number of steps."""
        steps = self.inputs.shape[0]
        for name in (
            "outputs",
            "twin_outputs",
            "inner_outputs",
            "restarted_outputs",
            "others",
            "twin_others",
        ):
            got = getattr(self, name).shape[0]
            require(got == steps + 1, f"expected {name} of length T + 1 = {steps + 1}, got {got}")


def _path(
    rest: nn.Sequential,
    targets: Tensor,
    data: DataSet,
    *,
    steps: int,
    rate: float,
    decay: float,
    rule: Rest,
) -> Iterator[tuple[Tensor, Tensor]]:
    """(Z, readout) at every step of real training, as long as every sum is over whole numbers below
    2^50.
    """
    layer = nn.Linear(data.inputs.shape[1], data.start.shape[0], bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(data.start)
    readout: Tensor = rest[-1].weight  # type: ignore[assignment]
    first = PreconditionedSGD(layer.parameters(), rate, data.preconditioner, weight_decay=decay)
    optimisers: list[Any] = [first, *rest_optimiser(rule, list(rest.parameters()), rate)]
    for taken in range(steps + 1):
        z = layer(data.inputs)
        yield z.detach().clone(), readout.detach().reshape(-1).clone()
        outputs = rest(z)
        x, v, residual = (
            data.inputs.abs(),
            readout.detach().abs(),
            (outputs - targets).detach().abs(),
        )
        delta, weight = residual @ v, layer.weight.detach().abs()
        moved = (
            weight * (1 + rate * decay) + (delta.mT @ x) @ data.preconditioner(taken).abs() * rate
        )
        hidden = z.detach().abs()
        # momentum adds up at most so many gradients
        grown = v * 2 + (residual.mT @ hidden) * rate * (steps + 1)
        coming = x @ moved.mT
        if max(float(t.max()) for t in (moved, grown, coming, coming @ grown.mT)) >= LARGEST:
            return
        for optimiser in optimisers:
            optimiser.zero_grad()
        half_squared_error(outputs, targets).backward()
        for optimiser in optimisers:
            optimiser.step()


def train_twins(
    rest: nn.Sequential,
    targets: Tensor,
    sets: Sequence[DataSet],
    *,
    steps: int,
    rate: float = 1.0,
    decay: float = 0.0,
    rule: Rest = "sgd",
) -> TwinRuns:
    """Train ``rest(X Wᵀ)`` on four data sets: the first, its twin, one with equal X Xᵀ, the twin
    from other weights.

    Args:
        rest: an activation that keeps integers (identity, ReLU) and a readout without bias, of
            whole weights.
        targets: (N, C), integers.
        sets: the four data sets, integers.
        steps: at most how many; fewer if integers would leave ±2^50, beyond which float64 rounds.
        rate: η, a whole number.
        decay: λ, a whole number.
        rule: how the other parameters move.
    """
    paths = [
        list(
            _path(
                copy.deepcopy(rest), targets, data, steps=steps, rate=rate, decay=decay, rule=rule
            )
        )
        for data in sets
    ]
    taken = min(len(path) for path in paths) - 1
    require(
        taken > 0,
        "expected a first step on integers below 2^50, got larger ones; use smaller entries",
    )
    paths = [path[: taken + 1] for path in paths]
    outputs = [torch.stack([z for z, _ in path]) for path in paths]
    others = [torch.stack([theta for _, theta in path]) for path in paths]

    def first(data: DataSet) -> tuple[Tensor, Tensor, Tensor]:
        matrices = torch.stack([data.preconditioner(t) for t in range(taken)])
        return data.inputs.expand(taken, *data.inputs.shape), matrices, data.start

    return TwinRuns(
        *first(sets[0]),
        *first(sets[1]),
        outputs[0],
        others[0],
        outputs[1],
        others[1],
        outputs[2],
        others[2],
        outputs[3],
        others[3],
    )
