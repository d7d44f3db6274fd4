"""A two-layer student, a Gaussian population that is a data set, and one real step on it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from theorems.impl.errors import require, require_finite
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding
from theorems.impl.instances.precise import precise_data
from theorems.impl.networks.preconditioned_sgd import PreconditionedSGD
from theorems.impl.numbers.operands import Operand
from theorems.impl.preconditioning.linear_students import exp2

RULES = {
    1: ((1, Fraction(1)),),
    2: ((0, Fraction(6)), (1, Fraction(2)), (2, Fraction(1))),
    3: ((0, Fraction(140)), (1, Fraction(90)), (2, Fraction(18)), (3, Fraction(2))),
}
"""Whole nodes ±k with whole weights whose moments are N(0, 1)'s to degree 3, 5 and 7 (after
division by the total).
"""

DEGREES = {1: 3, 2: 5, 3: 7}
"""Polynomial degree to which a rule is exact."""


class _Quadratic(nn.Module):
    """z + z², whose derivative at zero is one and which keeps integers integral."""

    def forward(self, values: Tensor) -> Tensor:
        return values + values * values


SLOPES: dict[str, tuple[type[nn.Module], float, float]] = {
    "identity": (nn.Identity, 0, 1),
    "quadratic": (_Quadratic, 0, 1),
    "tanh": (nn.Tanh, 0.0, 1.0),
    "sigmoid": (nn.Sigmoid, 0.5, 0.25),
    "gelu": (nn.GELU, 0.0, 0.5),
    "silu": (nn.SiLU, 0.0, 0.5),
    "relu": (nn.ReLU, 0.0, 0.0),
}
"""Activation, σ(0) and σ'(0), whole where they are: exact numbers stay exact. Torch takes 0 for the
slope of ReLU at its kink, so from zero it learns nothing.
"""


def cubature(dimension: int, rule: int) -> tuple[Tensor, Tensor]:
    """Nodes (M, d) and weights (M,), all whole numbers: sums over them are Gaussian means times the
    total weight.

    Args:
        dimension: d; there are (2·rule + 1)^d nodes (2^d for rule 1).
        rule: 1, 2 or 3, exact for polynomials of degree 3, 5 or 7 in every coordinate.
    """
    require(rule in RULES, f"expected rule to be one of {sorted(RULES)}, got rule={rule}")
    line = [(s * k, w) for k, w in RULES[rule] for s in ((1, -1) if k else (1,))]
    nodes, weights = [], []
    for point in itertools.product(line, repeat=dimension):
        nodes.append([float(k) for k, _ in point])
        product = Fraction(1)
        for _, w in point:
            product *= w
        weights.append(float(product))
    return torch.tensor(nodes, dtype=torch.float64), torch.tensor(weights, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class GaussianTeacher(Instance):
    r"""f(x) = Σ a_j σ(⟨w_j, x⟩) on y = h(⟨β, x⟩), x ~ N(0, Σ), Σ = Q diag(2^{2b}) Qᵀ, P = Σ^p, and
    one step of size η.

    The population is a cubature: x = Σ^½ g over nodes g with weights m, exact for the polynomial
    h(⟨β, x⟩) x.

    Args:
        nodes: g in the eigenbasis, (M, d).
        masses: m, (M,), not normalised.
        root_logs: b = log₂ of √λ, (d,).
        basis: Q, (d, d), orthogonal without rounding.
        power: p, ().
        teacher: β, (d, 1).
        polynomial: coefficients of h, the constant first, (D,).
        readout: a, (k,), fixed.
        start: W(0), (k, d).
        rate: η, ().
        activation: a name of `SLOPES`.

    Raises:
        InputError: shapes that do not fit one another, NaN or infinity, an unknown activation.
    """

    alone = ("nodes", 2)

    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    nodes: Operand
    masses: Operand
    root_logs: Operand
    basis: Operand
    power: Operand
    teacher: Operand
    polynomial: Operand
    readout: Operand
    start: Operand
    rate: Operand
    activation: str = "tanh"

    def __post_init__(self) -> None:
        """Check shapes, numbers and the activation."""
        (count, d), k = self.nodes.shape, self.readout.shape[0]
        wanted = {
            "masses": (count,),
            "root_logs": (d,),
            "basis": (d, d),
            "power": (),
            "teacher": (d, 1),
            "start": (k, d),
            "rate": (),
        }
        for name, shape in wanted.items():
            value = getattr(self, name)
            require(
                tuple(value.shape) == shape,
                f"expected {name} of shape {shape}, got {tuple(value.shape)}",
            )
            if isinstance(value, Tensor):
                require_finite(name, value)
        known = ", ".join(SLOPES)
        require(
            self.activation in SLOPES,
            f"expected activation to be one of {known}, got {self.activation!r}",
        )

    @property
    def logs(self) -> Operand:
        """log₂ λ, (d,)."""
        return self.root_logs * 2

    @property
    def inputs(self) -> Operand:
        """X = Σ^½ g, (M, d)."""
        return (self.nodes * exp2(self.root_logs)) @ self.basis.mT

    @property
    def preconditioner(self) -> Operand:
        """P = Σ^p, (d, d)."""
        return (self.basis * exp2(self.logs * self.power)) @ self.basis.mT

    @property
    def targets(self) -> Operand:
        """Y = h(⟨β, x⟩), (M, 1), by Horner's rule."""
        u = self.inputs @ self.teacher
        value = u * 0 + self.polynomial[-1]
        for i in range(self.polynomial.shape[0] - 2, -1, -1):
            value = value * u + self.polynomial[i]
        return value

    def precise(self) -> Any:
        """Data alone; the nodes of the cubature are many, but small."""
        return precise_data(self, small=True) if self.nodes.ndim == 2 else None


def one_step(teacher: GaussianTeacher) -> Tensor:
    """The first layer's weights (k, d) after one real step on the population: autograd and
    `PreconditionedSGD`.
    """
    layer = nn.Linear(
        teacher.nodes.shape[1], teacher.readout.shape[0], bias=False, dtype=torch.float64
    )
    with torch.no_grad():
        layer.weight.copy_(teacher.start)
    activation = SLOPES[teacher.activation][0]()
    with torch.enable_grad():
        outputs = activation(layer(teacher.inputs)) @ teacher.readout
        loss = (teacher.masses * (outputs - teacher.targets[:, 0]) ** 2).sum() / 2
        loss.backward()
    PreconditionedSGD(layer.parameters(), float(teacher.rate), teacher.preconditioner).step()
    return layer.weight.detach()
