"""Linear students under preconditioned gradient descent: what is trained on what, and the training
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError, require, require_finite
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding
from theorems.impl.instances.precise import precise_data
from theorems.impl.networks.losses import half_squared_error
from theorems.impl.networks.preconditioned_sgd import PreconditionedSGD
from theorems.impl.numbers.linalg import least_squares
from theorems.impl.numbers.operands import Operand, count_of, is_exact


def _check(instance: Instance, wanted: dict[str, tuple[int, ...]]) -> None:
    for name, shape in wanted.items():
        value = getattr(instance, name)
        require(
            tuple(value.shape) == shape,
            f"expected {name} of shape {shape}, got {tuple(value.shape)}",
        )
        if isinstance(value, Tensor):
            require(
                value.dtype.is_floating_point, f"expected floating-point {name}, got {value.dtype}"
            )
            require_finite(name, value)


@dataclass(frozen=True, eq=False)
class LinearStudent(Instance):
    r"""A linear student on (1/2n)‖Xw − y‖², y = Xβ + ε, with P = R Rᵀ and β = Rγ.

    Args:
        inputs: X, (n, d).
        covariance_root: A, (d, d), of the population: Σ = AᵀA.
        factor: R, (d, d), invertible; P^½ is one choice. β = Rγ lies in the range of every P.
        teacher: γ, (d, 1).
        noise: σ², ().
        rates: η of every step, (T,).
        start: w(0), (1, d); None for zero, from which the claims start.

    Raises:
        InputError: shapes that do not fit one another, NaN or infinity, no step.
    """

    alone = ("inputs", 2)

    measures: ClassVar[dict[str, tuple[str, int]]] = {
        "steps": ("rates", -1),
        "samples": ("inputs", -2),
        "inputs": ("inputs", -1),
    }
    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    inputs: Operand
    covariance_root: Operand
    factor: Operand
    teacher: Operand
    noise: Operand
    rates: Operand
    start: Operand | None = None

    def __post_init__(self) -> None:
        """Check shapes and numbers."""
        d = self.inputs.shape[-1]
        require(
            len(self.rates.shape) == 1 and self.rates.shape[0] > 0,
            "expected rates of shape (T,), T at least 1",
        )
        wanted = {"covariance_root": (d, d), "factor": (d, d), "teacher": (d, 1), "noise": ()}
        _check(self, wanted if self.start is None else {**wanted, "start": (1, d)})

    @property
    def samples(self) -> int:
        """The number n of samples."""
        found: int = count_of(self.inputs.shape[-2])
        return found

    @property
    def steps(self) -> int:
        """The number T of steps."""
        return int(self.rates.shape[0])

    def precise(self) -> Any:
        """Data alone: floats are the numbers that they are."""
        return precise_data(self)


@dataclass(frozen=True, eq=False)
class InitialisedPair(Instance):
    r"""Two data sets, their preconditioners P = R Rᵀ and laws of W(0) ~ N(0, S Sᵀ), rows
    independent; one target.

    Args:
        inputs: X, (n, d).
        factor: R, (d, r).
        start: S, (d, m).
        twin_inputs: X', (n, d').
        twin_factor: R', (d', r').
        twin_start: S', (d', m').
        targets: y, (n, 1).
        rates: η of every step on ½‖Z − y‖², (T,).
        scale: c of the matched law N(0, cP), ().
    """

    alone = ("inputs", 2)

    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    inputs: Operand
    factor: Operand
    start: Operand
    twin_inputs: Operand
    twin_factor: Operand
    twin_start: Operand
    targets: Operand
    rates: Operand
    scale: Operand

    def __post_init__(self) -> None:
        """Check shapes and numbers."""
        (n, d), other = self.inputs.shape, self.twin_inputs.shape[-1]
        require(
            len(self.rates.shape) == 1 and self.rates.shape[0] > 0,
            "expected rates of shape (T,), T at least 1",
        )
        wanted = {
            "factor": (d, self.factor.shape[-1]),
            "start": (d, self.start.shape[-1]),
            "twin_inputs": (n, other),
            "twin_factor": (other, self.twin_factor.shape[-1]),
            "twin_start": (other, self.twin_start.shape[-1]),
            "targets": (n, 1),
            "scale": (),
        }
        _check(self, wanted)


def linear_student(
    inputs: Tensor,
    beta: Tensor,
    *,
    preconditioner: Tensor,
    covariance: Tensor,
    noise: float,
    rate: float,
    steps: int,
) -> LinearStudent:
    """A `LinearStudent` from matrices; β is projected on the range of P up to rounding, to which
    all claims refer.

    Args:
        inputs: X, (n, d).
        beta: β, (d,).
        preconditioner: P, (d, d), symmetric positive definite.
        covariance: Σ, (d, d), symmetric positive semidefinite.
        noise: σ².
        rate: η.
        steps: T.

    Raises:
        InputError: if P is not positive definite.
    """
    values, vectors = torch.linalg.eigh(preconditioner.double())
    smallest = float(values.min())
    require(
        smallest > 0,
        f"expected a positive definite preconditioner, got smallest eigenvalue {smallest:.3g}",
    )
    factor = (vectors * values.sqrt()) @ vectors.mT
    spread, frame = torch.linalg.eigh(covariance.double())
    return LinearStudent(
        inputs.double(),
        (frame * spread.clamp(min=0).sqrt()) @ frame.mT,
        factor,
        torch.linalg.solve(factor, beta.double()[:, None]),
        torch.tensor(noise, dtype=torch.float64),
        torch.full((steps,), rate, dtype=torch.float64),
    )


@dataclass(frozen=True, eq=False)
class PoweredCovariance(Instance):
    r"""Inputs X = ζ Σ^½ with Σ = Q diag(2^{2b}) Qᵀ, preconditioned by Σ^p; whole logarithms keep
    the numbers exact.

    Args:
        scores: ζ in the eigenbasis, (n, d).
        root_logs: b = log₂ of √λ, (d,).
        basis: Q, (d, d), orthogonal without rounding.
        power: p, ().
    """

    alone = ("scores", 2)

    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    scores: Operand
    root_logs: Operand
    basis: Operand
    power: Operand

    def __post_init__(self) -> None:
        """Check shapes, numbers, and that Q is orthogonal without rounding."""
        d = self.scores.shape[-1]
        _check(self, {"root_logs": (d,), "basis": (d, d), "power": ()})
        if isinstance(self.basis, Tensor) or is_exact(self.basis):
            gap = self.basis.mT @ self.basis - (
                torch.eye(d).double() if isinstance(self.basis, Tensor) else np.eye(d, dtype=int)
            )
            require(
                not bool((gap != 0).any()),
                "expected a basis that is orthogonal without rounding; see impl.reflections",
            )

    @property
    def logs(self) -> Operand:
        """log₂ λ, (d,)."""
        return self.root_logs * 2

    @property
    def inputs(self) -> Operand:
        """X = ζ Σ^½, (n, d)."""
        return (self.scores * exp2(self.root_logs)) @ self.basis.mT

    @property
    def preconditioner(self) -> Operand:
        """P = Σ^p, (d, d)."""
        return (self.basis * exp2(self.logs * self.power)) @ self.basis.mT

    def precise(self) -> Any:
        """Data alone: floats are the numbers that they are."""
        return precise_data(self)


def exp2(exponents: Operand) -> Operand:
    """2^x entry by entry; exact numbers need whole exponents.

    Raises:
        InputError: for an exact exponent that is not whole.
    """
    if not is_exact(exponents):
        return exponents.exp2()
    values = exponents.reshape(-1).tolist()
    for value in values:
        if Fraction(value).denominator != 1:
            raise InputError(
                f"expected whole exponents in exact arithmetic, got {value}; use whole "
                "logarithms and a whole power"
            )
    out = np.empty(len(values), dtype=object)
    out[:] = [Fraction(2) ** int(value) for value in values]
    return out.reshape(exponents.shape)


def identity(size: int, like: Operand) -> Operand:
    """The identity matrix of the kind of ``like``: exact for exact operands and balls of arb, a
    float64 tensor otherwise.
    """
    if hasattr(like, "fresh"):  # symbols
        return like.identity(size)
    if isinstance(like, np.ndarray):
        return np.array([[int(i == j) for j in range(size)] for i in range(size)], dtype=object)
    return torch.eye(size, dtype=torch.float64)


def reflections(dimension: int, source: torch.Generator, count: int = 3) -> Tensor:
    """An orthogonal matrix without rounding: reflections I − 2vvᵀ/‖v‖², v of one, two or four
    entries ±1, and a permutation.
    """
    matrix = torch.eye(dimension, dtype=torch.float64)[torch.randperm(dimension, generator=source)]
    for _ in range(count):
        sizes = [k for k in (1, 2, 4) if k <= dimension]
        size = sizes[int(torch.randint(len(sizes), (1,), generator=source))]
        place = torch.randperm(dimension, generator=source)[:size]
        v = torch.zeros(dimension, 1, dtype=torch.float64)
        v[place, 0] = torch.randint(0, 2, (size,), generator=source).double() * 2 - 1
        matrix = matrix - (2 / size) * v @ (v.mT @ matrix)
    return matrix


def descend(
    inputs: Tensor,
    targets: Tensor,
    preconditioner: Tensor,
    rates: Tensor,
    *,
    start: Tensor | None = None,
    scale: float = 1,
) -> list[Tensor]:
    """Real training: ``nn.Linear`` without bias on ‖XWᵀ − Y‖²/(2·scale), by autograd and
    `PreconditionedSGD`.

    Args:
        inputs: X, (n, d).
        targets: Y, (n, C); a column is a student of its own.
        preconditioner: P, (d, d).
        rates: η of every step, (T,).
        start: W(0), (C, d); zero by default.
        scale: n for the mean loss.

    Returns:
        W(0), …, W(T), each (C, d).
    """
    model = nn.Linear(inputs.shape[1], targets.shape[1], bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(torch.zeros_like(model.weight) if start is None else start)
    optimiser = PreconditionedSGD(model.parameters(), float(rates[0]), preconditioner)
    path = [model.weight.detach().clone()]
    for rate in rates.tolist():
        # half the summed squares, so that integers stay integers
        optimiser.param_groups[0]["lr"] = rate / scale
        optimiser.zero_grad()
        with torch.enable_grad():
            half_squared_error(model(inputs), targets).backward()
        optimiser.step()
        path.append(model.weight.detach().clone())
    return path


def empirical_inverse(inputs: Operand) -> Operand:
    """(XᵀX/n)⁺ = n X⁺X⁺ᵀ for X (n, d) of full row rank."""
    right = least_squares(inputs.mT, identity(inputs.shape[-1], inputs))
    return (right.mT @ right) * inputs.shape[-2]
