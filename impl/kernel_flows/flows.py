r"""The kernel flow of arXiv:2601.00276: energies, velocities, and the point instances that claims
about them are checked on.

Squared loss, fast readout: J(Φ) = min_A ½‖Y − ΦAᵀ‖² + (λ/2)‖A‖² + (μ/2)‖Φ‖². Written with the
operators that floats, exact numbers, dual numbers and balls share, so each can be differentiated
exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import require, require_finite
from theorems.impl.instances.instance import Instance
from theorems.impl.instances.measured import Rounding, Slack
from theorems.impl.instances.precise import precise_data
from theorems.impl.kernel_flows.flow_errors import enclosed_coupled, moved_coupled
from theorems.impl.kernel_flows.objectives import loss_named, objective
from theorems.impl.kernel_flows.spectral import scalar
from theorems.impl.numbers.inverses import eye_like, inverse, slope
from theorems.impl.numbers.operands import Operand


@dataclass(frozen=True, eq=False)
class KernelPoint(Instance):
    """Free features at one time of the flow with fast readout.

    Args:
        features: Φ, (N, P).
        other: features of a second kernel, (N, P), for statements about two of them.
        targets: Y, (N, C).
        ridge: λ, (); the claims need it positive.
        decay: μ, not negative, ().
        lag: how far the readout is from its ridge optimum, (C, P): zero where it is fast.

    Raises:
        InputError: shapes that do not fit, NaN or infinity, λ < 0.
    """

    alone = ("features", 2)
    measured: ClassVar[Mapping[str, Rounding]] = {}  # all of it is data

    features: Operand
    other: Operand
    targets: Operand
    ridge: Operand
    decay: Operand
    lag: Operand

    def __post_init__(self) -> None:
        """Check shapes and signs."""
        rows = self.features.shape[-2]
        require(
            self.targets.shape[-2] == rows,
            f"expected {rows} rows of targets, got {tuple(self.targets.shape)}",
        )
        got = tuple(self.other.shape)
        require(
            got == tuple(self.features.shape),
            f"expected other of shape {tuple(self.features.shape)}, got {got}",
        )
        if isinstance(self.features, Tensor):
            for name in ("features", "other", "targets"):
                require_finite(name, getattr(self, name))
            require(bool(self.ridge >= 0), f"expected a ridge of at least 0, got {self.ridge}")

    def precise(self) -> Any:
        """Data alone: floats are the numbers that they are."""
        return precise_data(self)


def trace_of(matrix: Operand) -> Operand:
    """Trace of M over the last two dimensions, (…)."""
    return (matrix * eye_like(matrix)).sum(-1).sum(-1)


def ridge_readout(features: Operand, targets: Operand, ridge: Operand) -> Operand:
    """A = YᵀΦ(ΦᵀΦ + λI)⁻¹, (…, C, P): the readout at its optimum, solved on the width side."""
    gram = features.mT @ features
    return targets.mT @ features @ inverse(gram + eye_like(gram) * scalar(ridge))


def reduced_objective(
    features: Operand, targets: Operand, ridge: Operand, decay: Operand, lag: Operand | None = None
) -> Operand:
    """2J of the features alone, the readout at its optimum (plus ``lag``), (…); twice, so that
    exact numbers need no halves.
    """
    readout = ridge_readout(features, targets, ridge)
    readout = readout if lag is None else readout + lag
    missing = targets - features @ readout.mT
    fit = (missing * missing).sum(-1).sum(-1)
    return (
        fit
        + (readout * readout).sum(-1).sum(-1) * ridge
        + (features * features).sum(-1).sum(-1) * decay
    )


def fit_energy(kernel: Operand, targets: Operand, ridge: Operand) -> Operand:
    """λ tr(Yᵀ(K + λI)⁻¹Y), (…): twice the energy that the task puts on a kernel."""
    return (
        trace_of(targets.mT @ inverse(kernel + eye_like(kernel) * scalar(ridge)) @ targets) * ridge
    )


def energy(kernel: Operand, targets: Operand, ridge: Operand, decay: Operand) -> Operand:
    """2E(K) = λ tr(Yᵀ(K + λI)⁻¹Y) + μ tr K, (…)."""
    return fit_energy(kernel, targets, ridge) + trace_of(kernel) * decay


def drive(kernel: Operand, targets: Operand, ridge: Operand) -> Operand:
    """D(K) = λ(K + λI)⁻¹YYᵀ(K + λI)⁻¹, (…, N, N); ``ridge`` is (…)."""
    seen = inverse(kernel + eye_like(kernel) * scalar(ridge)) @ targets
    return seen @ seen.mT * scalar(ridge)


def kernel_velocity(kernel: Operand, targets: Operand, ridge: Operand, decay: Operand) -> Operand:
    """The kernel ODE's right side, DK + KD − 2μK, (…, N, N)."""
    pull = drive(kernel, targets, ridge)
    return pull @ kernel + kernel @ pull - kernel * scalar(decay) * 2


def _eye(size: Any, like: Operand) -> Operand:
    """The identity of a size, of floats unless the operands are symbols."""
    if hasattr(like, "identity"):
        return like.identity(size)
    return torch.eye(size, dtype=torch.float64)


def symmetric_directions(size: int, like: Operand) -> Operand:
    """All e_ie_jᵀ + e_je_iᵀ, (size, size, size, size)."""
    eye = _eye(size, like)
    units = eye[:, None, :, None] * eye[None, :, None, :]
    both = units + units.mT
    if hasattr(like, "identity"):
        return both
    return both.numpy().astype(int).astype(object) if isinstance(like, np.ndarray) else both


def doubled_features_velocity(point: KernelPoint) -> Operand:
    """2Φ̇ under the gradient flow of the reduced objective, (N, P): −d(2J) along every unit
    matrix.
    """
    rows, width = point.features.shape[-2:]
    down, across = (_eye(size, point.features) for size in (rows, width))
    units = down[:, None, :, None] * across[None, :, None, :]
    like = isinstance(point.features, np.ndarray)
    directions = units.numpy().astype(int).astype(object) if like else units
    return -slope(
        lambda phi: reduced_objective(phi, point.targets, point.ridge, point.decay, point.lag),
        point.features,
        directions,
    )


def doubled_kernel_velocity(point: KernelPoint) -> Operand:
    """2K̇ under the gradient flow of the reduced objective, by differentiating it along every S Φ:
    −d(2J)[(E_ij + E_ji)Φ].
    """
    directions = symmetric_directions(point.features.shape[-2], point.features) @ point.features
    return -slope(
        lambda phi: reduced_objective(phi, point.targets, point.ridge, point.decay, point.lag),
        point.features,
        directions,
    )


def doubled_fit_slopes(point: KernelPoint) -> Operand:
    """−d(λ tr(Yᵀ(K+λI)⁻¹Y)) along every E_ij + E_ji at K = ΦΦᵀ, (N, N): 2D if D is the task's
    drive.
    """
    kernel = point.features @ point.features.mT
    directions = symmetric_directions(kernel.shape[-1], kernel)
    return -slope(lambda k: fit_energy(k, point.targets, point.ridge), kernel, directions)


@dataclass(frozen=True, eq=False)
class CoupledPoint(Instance):
    """Free features and readout at one time of the coupled flow, with both velocities as measured.

    Args:
        features: Φ, (N, P).
        readout: A, (C, P).
        targets: Y, (N, C).
        ridge: λ, (); decay of the readout.
        decay: μ, (); decay of the features.
        features_velocity: Φ̇, as measured.
        readout_velocity: Ȧ, as measured.
        output_grad: G, as measured, (N, C).
        loss: one of `impl.kernel_flows.objectives.LOSSES`.
        speedup: rate of the readout's flow relative to the features', ().
    """

    alone = ("features", 2)
    granted: ClassVar[Mapping[str, Slack]] = {"output_grad": None}

    features: Operand
    readout: Operand
    targets: Operand
    ridge: Operand
    decay: Operand
    features_velocity: Operand
    readout_velocity: Operand
    output_grad: Operand
    loss: str = "squared"
    speedup: Operand = None

    def enclosed(self) -> Any:
        """Both velocities with the rounding of their products."""
        return enclosed_coupled(self)

    def moved(self, **fields: Any) -> Any:
        """Under another gradient at the outputs."""
        return moved_coupled(self, fields["output_grad"])


def coupled_point(
    features: Tensor,
    readout: Tensor,
    targets: Tensor,
    *,
    ridge: float,
    decay: float,
    loss: str = "squared",
    speedup: float = 1.0,
) -> CoupledPoint:
    """Measure the coupled flow at a point by autograd of J: Φ̇ = −∇_ΦJ, Ȧ = −speedup·∇_AJ."""
    leaves = [features.detach().requires_grad_(), readout.detach().requires_grad_()]
    with torch.enable_grad():
        value = objective(leaves[0], leaves[1], targets, loss=loss, ridge=ridge, decay=decay)
        by_features, by_readout = torch.autograd.grad(value, leaves)
        outputs = (features @ readout.mT).detach().requires_grad_()
        (output_grad,) = torch.autograd.grad(loss_named(loss)(outputs, targets), outputs)

    def number(value: float) -> Tensor:
        return torch.tensor(value, dtype=torch.float64)

    return CoupledPoint(
        features,
        readout,
        targets,
        number(ridge),
        number(decay),
        -by_features,
        -by_readout * speedup,
        output_grad,
        loss,
        number(speedup),
    )


def coupled_derivatives(point: CoupledPoint, order: int) -> tuple[list[Operand], list[Operand]]:
    r"""Time derivatives of Φ and A along the coupled flow of the squared loss, orders 0 …
    ``order``, by Leibniz's rule.

    The flow is polynomial, so the derivatives are: :math:`G^{(n)} = \sum_i \binom ni Φ^{(i)}
    A^{(n-i)\top} - Y\,[n = 0]`, and so on.
    """
    phi, readout, grads = [point.features], [point.readout], []
    ridge, decay, speed = scalar(point.ridge), scalar(point.decay), scalar(point.speedup)
    for n in range(order):
        grad = _leibniz([(phi[i], readout[n - i].mT) for i in range(n + 1)])
        grads.append(grad - point.targets if n == 0 else grad)
        pull = _leibniz([(grads[i], readout[n - i]) for i in range(n + 1)])
        back = _leibniz([(grads[i].mT, phi[n - i]) for i in range(n + 1)])
        phi.append(-(pull + phi[n] * decay))
        readout.append(-(back + readout[n] * ridge) * speed)
    return phi, readout


def _leibniz(pairs: list[tuple[Operand, Operand]]) -> Operand:
    n = len(pairs) - 1
    total = pairs[0][0] @ pairs[0][1]
    for i, (a, b) in enumerate(pairs[1:], 1):
        total = total + (a @ b) * comb(n, i)
    return total


def imbalance_derivatives(point: CoupledPoint, order: int) -> list[Operand]:
    """Time derivatives of ΦᵀΦ − AᵀA along the coupled flow, orders 0 … ``order``."""
    phi, readout = coupled_derivatives(point, order)
    return [
        _leibniz([(phi[i].mT, phi[n - i]) for i in range(n + 1)])
        - _leibniz([(readout[i].mT, readout[n - i]) for i in range(n + 1)])
        for n in range(order + 1)
    ]
