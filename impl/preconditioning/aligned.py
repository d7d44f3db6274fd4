"""A teacher on one eigenvector, learned in one preconditioned step, and the signal-to-noise ratio
of that step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from theorems.impl.errors import require, require_finite
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding
from theorems.impl.instances.precise import precise_data
from theorems.impl.networks.losses import half_squared_error
from theorems.impl.numbers.operands import Operand
from theorems.impl.preconditioning.linear_students import exp2


@dataclass(frozen=True, eq=False)
class AlignedTeacher(Instance):
    r"""A linear teacher β on inputs X = U Σ^½, UᵀU = I, Σ = diag(2^{2b}), and the preconditioner
    Σ^p.

    Args:
        design: U, (n, d), with orthonormal columns without rounding.
        root_logs: b = log₂ of √λ, (d,).
        teacher: β, (d, 1), on one eigenvector.
        power: p, ().

    Raises:
        InputError: shapes that do not fit one another, NaN or infinity, a teacher that is zero.
    """

    alone = ("design", 2)

    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    design: Operand
    root_logs: Operand
    teacher: Operand
    power: Operand

    def __post_init__(self) -> None:
        """Check shapes and numbers."""
        d = self.design.shape[-1]
        for name, shape in {"root_logs": (d,), "teacher": (d, 1), "power": ()}.items():
            value = getattr(self, name)
            require(
                tuple(value.shape) == shape,
                f"expected {name} of shape {shape}, got {tuple(value.shape)}",
            )
            if isinstance(value, Tensor):
                require_finite(name, value)
        if isinstance(self.teacher, Tensor):
            require(bool(self.teacher.any()), "expected a teacher that is not zero")

    @property
    def logs(self) -> Operand:
        """log₂ λ, (d,)."""
        return self.root_logs * 2

    @property
    def inputs(self) -> Operand:
        """X = U Σ^½, (n, d)."""
        return self.design * exp2(self.root_logs)

    def precise(self) -> Any:
        """Data alone: floats are the numbers that they are."""
        return precise_data(self)


def first_gradient(inputs: Tensor, targets: Tensor) -> Tensor:
    """∇_W (C, d) of a linear student at zero on ½‖XWᵀ − Y‖², by autograd."""
    layer = nn.Linear(inputs.shape[1], targets.shape[1], bias=False, dtype=torch.float64)
    nn.init.zeros_(layer.weight)
    with torch.enable_grad():
        half_squared_error(layer(inputs), targets).backward()
    assert layer.weight.grad is not None
    return layer.weight.grad
