"""Real training of any torch network, seen at its first layer, beside a run that knows the data by
Gram matrices only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from theorems.impl.errors import require, require_finite
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Slack
from theorems.impl.networks.copying import copied
from theorems.impl.networks.preconditioned_sgd import (
    PreconditionedSGD,
    Preconditioner,
    Rest,
    Stepper,
    matrix_of,
    rest_optimiser,
)
from theorems.impl.networks.restoring import Remembered
from theorems.impl.networks.running import Inputs, reseed, undisturbed
from theorems.impl.networks.spec import generator
from theorems.impl.networks.surgery import blank, first_layer
from theorems.impl.numbers.operands import Operand
from theorems.impl.preconditioning.step_errors import enclosed_steps, moved_steps, whole_numbers

First: TypeAlias = Callable[[list[nn.Parameter], float, Preconditioner, float], Stepper]

_SEED_STRIDE = 7919


@dataclass(frozen=True, eq=False)
class PreconditionedSteps(Instance):
    r"""Steps of real training at the first layer :math:`Z = XW^\top`; the leading dimension T
    counts the steps.

    With a bias, X stands for [X, 1] and W for [W, b]. Tokens count as rows.

    Args:
        inputs: X, (T, N, d).
        test_inputs: x, (T, M, d), which the loss never sees.
        weight: W before the step, (T, k, d).
        weight_after: W after the step, (T, k, d).
        preconditioner: P of the step, (T, d, d).
        before: Z as the layer computed it, (T, N, k).
        after: Z after the step, (T, N, k).
        test_before: z(x) before the step, (T, M, k).
        test_after: z(x) after the step, (T, M, k).
        output_grad: :math:`\nabla_Z L`, (T, N, k), by autograd of the network fed with noise for
            its inputs and with Z in place of the first layer's outputs: what the step may depend on
            besides the Gram matrix.
        seen_grad: :math:`\nabla_Z L`, (T, N, k), by autograd of the network on its inputs.
        gram_only: Z after the step, (T, N, k), in a run of its own that gets Z(0) and the Gram
            matrices, never X.
        rate: learning rate η, (T,).
        decay: decoupled weight decay λ, (T,).
        unit: unit roundoff of the format in which the network ran.
        obstacle: why the claims say nothing about this network, as far as recording could see; None
            if they do.
    Raises InputError for shapes that do not fit one another, NaN or infinity.
    """

    alone = ("weight", 3)

    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "steps": ("inputs", -3),
        "samples": ("inputs", -2),
        "inputs": ("inputs", -1),
        "outputs": ("weight", -2),
    }
    granted: ClassVar[Mapping[str, Slack]] = {"seen_grad": None}

    inputs: Operand
    test_inputs: Operand
    weight: Operand
    weight_after: Operand
    preconditioner: Operand
    before: Operand
    after: Operand
    test_before: Operand
    test_after: Operand
    output_grad: Operand
    seen_grad: Operand
    gram_only: Operand
    rate: Operand
    decay: Operand
    unit: float = 2.0**-53
    obstacle: str | None = None

    def __post_init__(self) -> None:
        """Check that the shapes fit one another and that the numbers are finite."""
        *lead, rows, d = self.inputs.shape
        tests, k = self.test_inputs.shape[-2], self.weight.shape[-2]
        wanted = {
            "test_inputs": (*lead, tests, d),
            "weight": (*lead, k, d),
            "weight_after": (*lead, k, d),
            "preconditioner": (*lead, d, d),
            "before": (*lead, rows, k),
            "after": (*lead, rows, k),
            "test_before": (*lead, tests, k),
            "test_after": (*lead, tests, k),
            "output_grad": (*lead, rows, k),
            "seen_grad": (*lead, rows, k),
            "gram_only": (*lead, rows, k),
            "rate": tuple(lead),
            "decay": tuple(lead),
        }
        for name, shape in wanted.items():
            value = getattr(self, name)
            require(
                tuple(value.shape) == shape,
                f"expected {name} of shape {shape}, got {tuple(value.shape)}",
            )
            if isinstance(value, Tensor):
                require_finite(name, value)

    @property
    def drift(self) -> float:
        """‖Z − Z_gram-only‖ over ‖Z‖ after the last step, in Frobenius norm."""
        end = (self.after - self.gram_only)[-1]
        size = float(torch.as_tensor(self.after[-1]).norm()) if isinstance(end, Tensor) else 1.0
        gap = float(end.norm()) if isinstance(end, Tensor) else float((end * end).sum()) ** 0.5
        return gap / size if size > 0 else gap

    enclosed = enclosed_steps

    def moved(self, **fields: Any) -> Any:
        """Under other gradients at Z, which W and Z follow."""
        return moved_steps(self, fields["seen_grad"])


@dataclass
class FirstLayerTraining:
    """A copy of ``model`` in training, and beside it one that never sees the inputs; `run` takes
    and records steps.

    Args:
        model: any module whose first layer is an ``nn.Linear``; it is copied, not changed.
        inputs: a tensor, a tuple of arguments or a mapping of keyword arguments.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        preconditioner: P, or a function from the number of steps taken to it; the identity by
            default.
        rate: learning rate η of the first layer.
        decay: decoupled weight decay λ of the first layer.
        rest: how all other parameters move: "frozen", "sgd", "momentum", "adam", or a function from
            them to an optimiser.
        rest_rate: learning rate of the rest; η by default.
        test_inputs: rows for the first layer, (M, d), that the loss never sees; five Gaussian ones
            by default.
        first: makes the optimiser of the first layer from its parameters, η, P and λ:
            `PreconditionedSGD`.
        exact: stop before a step in which an integer would leave ±2^50, so that no step rounds.
        seed: of dropout and of the noise that the blind runs get for inputs.
    """

    model: nn.Module
    inputs: Inputs
    targets: Any
    loss: Callable[[Any, Any], Tensor]
    preconditioner: Preconditioner | None = None
    rate: float = 0.1
    decay: float = 0.0
    rest: Rest = "sgd"
    rest_rate: float | None = None
    test_inputs: Tensor | None = None
    first: First | None = None
    exact: bool = False
    seed: int = 0
    taken: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Find the first layer, copy the model twice and set up the optimisers."""
        self.model = copied(self.model)
        self.layer = first_layer(self.model, self.inputs, self.targets, self.loss, seed=self.seed)
        self.obstacle = self.layer.obstacle
        if self.layer.module is None:
            return
        self.rows = self.layer.rows
        if self.preconditioner is None:
            self.preconditioner = torch.eye(
                self.rows.shape[-1], dtype=self.rows.dtype, device=self.rows.device
            )
        if self.test_inputs is None:
            width = self.layer.parameters[0].shape[-1]
            self.test_inputs = torch.randn(
                5, width, generator=generator(self.seed), dtype=torch.float64
            ).to(self.rows)
        self.test_rows = self.layer.with_ones(self.test_inputs)
        self.twin = copied(self.model)
        self.twin_layer = self.layer.same_in(self.twin)
        self.path = self.layer.outputs.clone()
        make = self.first or _preconditioned
        self.optimisers = [make(self.layer.parameters, self.rate, self.preconditioner, self.decay)]
        self.optimisers += rest_optimiser(self.rest, self.layer.others, self._rest_rate())
        self.twin_optimisers = rest_optimiser(self.rest, self.twin_layer.others, self._rest_rate())

    def _rest_rate(self) -> float:
        return self.rate if self.rest_rate is None else self.rest_rate

    def run(self, steps: int) -> PreconditionedSteps:
        """Take ``steps`` steps (fewer if ``exact`` demands it) and return what happened, for the
        claims to judge.
        """
        require(steps >= 1, f"expected at least one step, got steps={steps}")
        if self.layer.module is None:
            return _nothing(self.obstacle)
        records: list[dict[str, Tensor]] = []
        for _ in range(steps):
            record = self.step()
            if record is None:
                break
            records.append(record)
        require(
            bool(records),
            "expected a first step on integers below 2^50 (parameters, inputs, test_inputs, "
            "targets, P and rates), got others; use smaller entries, and whole test_inputs",
        )
        stacked = {name: torch.stack([record[name] for record in records]) for name in records[0]}
        unit = torch.finfo(self.rows.dtype).eps / 2
        return PreconditionedSteps(**stacked, unit=unit, obstacle=self.obstacle)

    def step(self) -> dict[str, Tensor] | None:
        """One step of the real network and one of the blind run, as fields of the record; None if
        ``exact`` forbids it.
        """
        layer, seed = self.layer, self.seed + _SEED_STRIDE * self.taken
        bias = len(layer.parameters) == 2
        assert self.preconditioner is not None
        matrix = matrix_of(self.preconditioner, self.taken, self.rows.shape[-1], bias=bias).to(
            self.rows
        )
        weight = layer.stacked_weight()
        for parameter in self.model.parameters():
            parameter.grad = None
        ahead = Remembered(self.model, parameters=False)
        with torch.random.fork_rng(), torch.enable_grad():
            reseed(seed)
            before, seen_grad = layer.backward(self.model, self.inputs, self.targets, self.loss)
        behind = Remembered(self.model, parameters=False)
        # a network that counts its calls, or keeps averages, is at the same count in both passes
        ahead.restore()
        with undisturbed(self.model, seed):
            z = before.clone().requires_grad_()
            output_grad = layer.gradient(
                self.model, blank(self.inputs), self.targets, self.loss, replaced=z
            )
        behind.restore()
        if self.exact and not whole_numbers(self, matrix, output_grad):
            return None
        if self.obstacle is None and not torch.equal(layer.rows, self.rows):
            self.obstacle = (
                "the inputs of the first layer change during training: something before it is "
                "trained or random"
            )
        test_before = layer.outputs_on(self.test_rows)
        for optimiser in self.optimisers:
            optimiser.step()
        self._blind_step(matrix, seed)
        self.taken += 1
        options: dict[str, Any] = {"dtype": torch.float64, "device": weight.device}
        return {
            "inputs": self.rows,
            "test_inputs": self.test_rows,
            "weight": weight,
            "weight_after": layer.stacked_weight(),
            "preconditioner": matrix,
            "before": before,
            "after": layer.outputs_on(self.rows),
            "test_before": test_before,
            "test_after": layer.outputs_on(self.test_rows),
            "output_grad": output_grad,
            "seen_grad": seen_grad,
            "gram_only": self.path.clone(),
            "rate": torch.tensor(self.rate, **options),
            "decay": torch.tensor(self.decay, **options),
        }

    def _blind_step(self, matrix: Tensor, seed: int) -> None:
        """Z ← (1 − ηλ) Z − η G ∇_Z and the other parameters by their own rule: everything this run
        ever does.
        """
        gram = self.rows @ matrix @ self.rows.mT
        z = self.path.clone().requires_grad_()
        for parameter in self.twin.parameters():
            parameter.grad = None
        with torch.random.fork_rng(), torch.enable_grad():
            reseed(seed)
            gradient = self.twin_layer.gradient(
                self.twin, blank(self.inputs), self.targets, self.loss, replaced=z, accumulate=True
            )
        for optimiser in self.twin_optimisers:
            optimiser.step()
        self.path = (1 - self.rate * self.decay) * self.path - self.rate * (gram @ gradient)

    def other_parameters(self) -> Tensor:
        """All parameters but those of the first layer as one vector."""
        parts = [p.detach().reshape(-1) for p in self.layer.others]
        return torch.cat([*parts, torch.zeros(1, dtype=self.rows.dtype)])


def preconditioned_steps(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Callable[[Any, Any], Tensor],
    *,
    steps: int = 3,
    **options: Any,
) -> PreconditionedSteps:
    """Train a copy of ``model`` for some preconditioned steps and record them: the instance of the
    first-layer claims.

    Args:
        model: any module whose first layer is an ``nn.Linear`` and the only reader of the inputs.
            Where that is not so (a convolution, an input that is also used elsewhere, a tied
            weight), the instance says why, and the claims answer INAPPLICABLE with that reason.
        inputs: a tensor, a tuple of arguments or a mapping of keyword arguments.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        steps: how many.
        **options: of `FirstLayerTraining`: preconditioner, rate, decay, rest, rest_rate,
            test_inputs, seed.

    Raises:
        InputError: for a model without linear layers, inputs or targets that do not fit, NaN or
            infinity.
    """
    return FirstLayerTraining(model, inputs, targets, loss, **options).run(steps)


def _preconditioned(
    parameters: list[nn.Parameter], rate: float, preconditioner: Preconditioner, decay: float
) -> torch.optim.Optimizer:
    return PreconditionedSGD(parameters, rate, preconditioner, weight_decay=decay)


def _nothing(obstacle: str | None) -> PreconditionedSteps:
    """An instance with nothing recorded, for networks without a first layer of the right kind."""
    fields: dict[str, Any] = dict.fromkeys(
        (
            "inputs",
            "test_inputs",
            "weight",
            "weight_after",
            "preconditioner",
            "before",
            "after",
            "test_before",
            "test_after",
            "output_grad",
            "seen_grad",
            "gram_only",
        ),
        torch.zeros(1, 1, 1, dtype=torch.float64),
    )
    rate = torch.zeros(1, dtype=torch.float64)
    return PreconditionedSteps(**fields, rate=rate, decay=rate, obstacle=obstacle)
