"""Instances given by their spectra: labels Y = U diag(s) Vᵀ with decays, ends of a flow, kernel
regression, graph Laplacians.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from theorems.impl.errors import require, require_finite
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.precise import precise_left, precise_task
from theorems.impl.kernel_flows.flow_errors import (
    enclosed_end,
    enclosed_escapes,
    enclosed_left,
    enclosed_task,
)
from theorems.impl.numbers.operands import Operand, is_exact


def diagonal(basis: Operand, values: Operand) -> Operand:
    """U diag(k) Uᵀ, (…, N, N)."""
    return (basis * values[..., None, :]) @ basis.mT


def positive_part(values: Operand) -> Operand:
    """(t)₊ entry by entry, of floats, exact numbers and balls."""
    return np.maximum(values, 0) if is_exact(values) else values.clamp(min=0)


def scalar(value: Operand) -> Operand:
    """A scalar per instance (…) as (…, 1, 1), to go with matrices."""
    return value[..., None, None]


def _check(
    instance: Instance, shapes: dict[str, tuple[int, ...]], positive: tuple[str, ...]
) -> None:
    for name, shape in shapes.items():
        got = tuple(getattr(instance, name).shape)
        require(got == shape, f"expected {name} of shape {shape}, got {got}")
        if isinstance(getattr(instance, name), Tensor):
            require_finite(name, getattr(instance, name))
    for name in positive:
        value = getattr(instance, name)
        if isinstance(value, Tensor | np.ndarray):
            require(bool(np.all(np.asarray(value) > 0)), f"expected a positive {name}, got {value}")


@dataclass(frozen=True, eq=False)
class SpectralTask(Instance):
    r"""Labels with their singular vectors, :math:`Y = U \mathrm{diag}(s) V^\top`, and both decays
    with :math:`\lambda = \mu q^2`.

    The root q = √(λ/μ) is data, so that every quantity of the water-filling law is rational in the
    instance.

    Args:
        left: U, (…, N, N), orthogonal: the columns beyond the labels' rank have s = 0.
        values: s, (…, N), not negative, in any order.
        right: V, (…, C, N), columns orthonormal where s > 0, anything elsewhere.
        decay: μ, (…).
        root: q, (…).
        amplitudes: a, (…, N): features Φ = U diag(a) where a claim asks for a point on the path.
    """

    alone = ("left", 2)

    left: Operand
    values: Operand
    right: Operand
    decay: Operand
    root: Operand
    amplitudes: Operand

    def __post_init__(self) -> None:
        """Check shapes and signs."""
        *lead, rows, _ = self.left.shape
        classes = self.right.shape[-2]
        shapes = {
            "left": (*lead, rows, rows), "values": (*lead, rows), "right": (*lead, classes, rows),
            "decay": tuple(lead), "root": tuple(lead), "amplitudes": (*lead, rows),
        }  # fmt: skip
        _check(self, shapes, ("decay", "root"))
        if isinstance(self.values, Tensor | np.ndarray):
            require(
                bool(np.all(np.asarray(self.values) >= 0)), "expected singular values of at least 0"
            )

    @property
    def ridge(self) -> Operand:
        """λ = μ q², (…, 1, 1)."""
        return scalar(self.decay) * scalar(self.root) * scalar(self.root)

    @property
    def targets(self) -> Operand:
        """Y, (…, N, C)."""
        return (self.left * self.values[..., None, :]) @ self.right.mT

    @property
    def threshold(self) -> Operand:
        """√(λμ) = μ q, (…, 1)."""
        return self.decay[..., None] * self.root[..., None]

    @property
    def active(self) -> Operand:
        """1 where s_i > √(λμ), else 0, (…, N); not for balls."""
        above = self.values > self.threshold
        return (
            above.astype(int).astype(object)
            if isinstance(above, np.ndarray)
            else above.to(self.values.dtype)
        )

    def enclosed(self) -> Any:
        """Frames that are orthogonal up to rounding stand for orthogonal ones."""
        return enclosed_task(self)

    def precise(self) -> Any:
        """Exact Gram–Schmidt frames."""
        return precise_task(self)


@dataclass(frozen=True, eq=False)
class FlowEnd(SpectralTask):
    """Where a flow (or a descent) stopped, with what bounds its distance from rest.

    Args:
        features: Φ(T), (N, P).
        readout: A(T), (C, P).
        rate: smallest rate ρ at which a state near the minimum returns to it (least nonzero Hessian
            eigenvalue there), ().
        how: "kernel ODE", "factored flow", "gradient descent" or "coupled flow".
        flaw: which hypothesis on the start was violated on purpose; empty if none.
    """

    features: Operand = None
    readout: Operand = None
    rate: Operand = None
    how: str = ""
    flaw: str = ""

    def enclosed(self) -> Any:
        """Where the flow stopped, with its distance from rest as the gradient there bounds it."""
        return enclosed_end(self)

    def precise(self) -> Any:
        """Where an integrator stopped is a measurement."""
        return None


@dataclass(frozen=True, eq=False)
class Escapes(SpectralTask):
    """Growth of the missing modes beside each stationary subset, fitted to integrated paths.

    Args:
        slopes: fitted rates of log u_iᵀK(t)u_i, one per (subset, missing mode), (M,).
        modes: index i of each, (M,).
        intervals: half-widths of what the fit leaves open, (M,).
    """

    slopes: Operand = None
    modes: tuple[int, ...] = ()
    intervals: Operand = None

    def enclosed(self) -> Any:
        """The fitted rates with their intervals."""
        return enclosed_escapes(self)

    def precise(self) -> Any:
        """A fitted rate is a measurement."""
        return None


@dataclass(frozen=True, eq=False)
class Regression(Instance):
    """Kernel ridge regression of a fixed design, given by the kernel's spectrum.

    Args:
        left: U, (…, N, N), orthogonal.
        levels: k, eigenvalues of the kernel, (…, N), not negative.
        ridge: λ > 0, (…).
        signal: f* at the design points, (…, N).
        noise: σ² > 0, (…).
        others: other eigenvalues to compare the best ones with, (…, N), not negative.
        covariance: of the noise that is really there, divided by σ², (…, N, N); None for the
            identity.
    """

    alone = ("left", 2)

    left: Operand
    levels: Operand
    ridge: Operand
    signal: Operand
    noise: Operand
    others: Operand
    covariance: Operand | None = None

    def __post_init__(self) -> None:
        """Check shapes and signs."""
        *lead, rows, _ = self.left.shape
        vector = (*lead, rows)
        shapes = {"left": (*lead, rows, rows), "levels": vector, "signal": vector, "others": vector}
        _check(self, shapes, ("ridge", "noise"))

    def enclosed(self) -> Any:
        """A frame that is orthogonal up to rounding stands for an orthogonal one."""
        return enclosed_left(self)

    def precise(self) -> Any:
        """An exact Gram–Schmidt frame."""
        return precise_left(self)


@dataclass(frozen=True, eq=False)
class LaplacianTask(Instance):
    """A Laplacian with its eigenbasis and the strengths of the self-supervised energy.

    Args:
        left: U, (…, N, N), orthogonal.
        frequencies: ℓ, (…, N), not negative: L = U diag(ℓ) Uᵀ.
        decay: μ > 0, (…).
        drive: β > 0, (…).
        floor: ε > 0, (…).
    """

    alone = ("left", 2)

    left: Operand
    frequencies: Operand
    decay: Operand
    drive: Operand
    floor: Operand

    def __post_init__(self) -> None:
        """Check shapes and signs."""
        *lead, rows, _ = self.left.shape
        _check(
            self,
            {"left": (*lead, rows, rows), "frequencies": (*lead, rows)},
            ("decay", "drive", "floor"),
        )

    @property
    def laplacian(self) -> Operand:
        """L, (…, N, N)."""
        return diagonal(self.left, self.frequencies)

    def enclosed(self) -> Any:
        """A frame that is orthogonal up to rounding stands for an orthogonal one."""
        return enclosed_left(self)

    def precise(self) -> Any:
        """An exact Gram–Schmidt frame."""
        return precise_left(self)
