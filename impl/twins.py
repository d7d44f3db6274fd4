"""Two data sets with equal preconditioned Gram matrices, both trained, and two that share less, for comparison."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from impl.errors import require
from impl.first_layer import FirstLayerTraining, Rest
from impl.losses import half_squared_error
from impl.operands import Instance, Operand


class DataSet(NamedTuple):
    """Inputs X (N, d), the preconditioner at every step, and the weights (k, d) from which the first layer starts."""

    inputs: Tensor
    preconditioner: Callable[[int], Tensor]
    start: Tensor


@dataclass(frozen=True, eq=False)
class TwinRuns(Instance):
    """Paths of training on two data sets; "inner" has an equal X Xᵀ only, "restarted" the twin's data from equal weights.

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
        for name in ("outputs", "twin_outputs", "inner_outputs", "restarted_outputs", "others", "twin_others"):
            got = getattr(self, name).shape[0]
            require(got == steps + 1, f"expected {name} of length T + 1 = {steps + 1}, got {got}")


def train_twins(
    rest: nn.Module,
    targets: Tensor,
    sets: Sequence[DataSet],
    *,
    steps: int,
    rate: float = 1.0,
    decay: float = 0.0,
    rule: Rest = "sgd",
) -> TwinRuns:
    """Train ``rest(X Wᵀ)`` on four data sets: the first, its twin, one with equal X Xᵀ, the twin from other weights.

    Args:
        rest: everything after the first layer; integer weights.
        targets: (N, C), integers.
        sets: the four data sets, integers.
        steps: at most how many; fewer if integers would leave ±2^50, beyond which float64 rounds.
        rate: η, a whole number.
        decay: λ, a whole number.
        rule: how the other parameters move.
    """
    trainings, paths = [], []
    for data in sets:
        layer = nn.Linear(data.inputs.shape[1], data.start.shape[0], bias=False, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(data.start)
        model = nn.Sequential(layer, copy.deepcopy(rest))
        tests = torch.zeros(1, data.inputs.shape[1], dtype=torch.float64)
        training = FirstLayerTraining(
            model, data.inputs, targets, half_squared_error, preconditioner=data.preconditioner, rate=rate,
            decay=decay, rest=rule, test_inputs=tests, exact=True,
        )  # fmt: skip
        trainings.append(training)
        paths.append([(training.path.clone(), training.other_parameters())])
    for _ in range(steps):
        records = [training.step() for training in trainings]
        if any(record is None for record in records):
            break
        for path, training, record in zip(paths, trainings, records, strict=True):
            assert record is not None
            path.append((record["after"], training.other_parameters()))
    taken = len(paths[0]) - 1
    require(taken > 0, "expected a first step on integers below 2^50, got larger ones; use smaller entries")
    outputs = [torch.stack([z for z, _ in path]) for path in paths]
    others = [torch.stack([theta for _, theta in path]) for path in paths]

    def first(data: DataSet) -> tuple[Tensor, Tensor, Tensor]:
        matrices = torch.stack([data.preconditioner(t) for t in range(taken)])
        return data.inputs.expand(taken, *data.inputs.shape), matrices, data.start

    return TwinRuns(
        *first(sets[0]), *first(sets[1]), outputs[0], others[0], outputs[1], others[1], outputs[2], others[2],
        outputs[3], others[3],
    )  # fmt: skip
