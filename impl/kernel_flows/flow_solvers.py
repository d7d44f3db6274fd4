"""Integrating the flows to rest: scipy on K as the reference, a factored fast path, the coupled
flow, gradient descent.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import InputError, require
from theorems.impl.kernel_flows.flows import reduced_objective, ridge_readout


class Rest(NamedTuple):
    """Where an integration stopped.

    Args:
        features: Φ(T), (N, P).
        readout: A(T), (C, P); the ridge optimum where the readout is fast.
        distance: gradient norm ‖∇J(T)‖_F at the returned state, measured on the full problem.
        steps: of the integrator.
        time: T.
    """

    features: Tensor
    readout: Tensor
    distance: float
    steps: int
    time: float


def gradient_norm(
    features: Tensor, readout: Tensor, targets: Tensor, ridge: float, decay: float
) -> float:
    """‖∇J‖_F of the squared loss by features and readout: how far a state is from rest."""
    grad = features @ readout.mT - targets
    return math.hypot(
        float((grad @ readout + decay * features).norm()),
        float((grad.mT @ features + ridge * readout).norm()),
    )


def kernel_flow(
    kernel: Tensor,
    targets: Tensor,
    *,
    ridge: float,
    decay: float,
    until: float,
    method: str = "LSODA",
    tolerance: float = 1e-10,
) -> Tensor:
    """K(until) by scipy's ``solve_ivp`` on all N² entries: the reference, slow beyond a few dozen
    samples.

    Raises:
        InputError: if the solver gives up.
    """
    from scipy.integrate import solve_ivp

    size = kernel.shape[0]
    y = targets.numpy()

    def right(_: float, flat: np.ndarray) -> np.ndarray:
        k = flat.reshape(size, size)
        seen = np.linalg.solve(k + ridge * np.eye(size), y)
        pull = ridge * seen @ (seen.T @ k)
        return (pull + pull.T - 2 * decay * k).reshape(-1)

    scale = float(kernel.abs().max()) + float(targets.norm())
    done = solve_ivp(
        right,
        (0.0, until),
        kernel.numpy().reshape(-1),
        method=method,
        rtol=tolerance,
        atol=tolerance * scale * 1e-2,
    )
    if not done.success:
        raise InputError(
            f"expected {method} to reach time {until}, it stopped at {done.t[-1]:.3g}: "
            f"{done.message}"
        )
    return torch.as_tensor(done.y[:, -1].reshape(size, size).copy())


def features_of(kernel: Tensor) -> Tensor:
    """Features with ΦΦᵀ = K (its positive part), (N, N)."""
    values, basis = torch.linalg.eigh((kernel + kernel.mT) / 2)
    return basis * values.clamp(min=0).sqrt()


def _krylov(
    targets: Tensor, features: Tensor, ridge: float, tolerance: float, largest: int
) -> Tensor:
    """An orthonormal basis that holds Y and (K₀ + λI)⁻¹Y to ``tolerance``: block Lanczos with full
    orthogonalisation.

    The drive acts within span{Y, K₀Y, K₀²Y, …}; what is orthogonal to it only decays.
    """
    left, values, _ = torch.linalg.svd(targets, full_matrices=False)
    alive = values > values[:1] * 1e-14
    if not bool(alive.any()):
        return targets.new_zeros(targets.shape[0], 0)
    basis = left[:, alive]
    newest, image = basis, features @ (features.mT @ basis)
    while basis.shape[1] < min(targets.shape[0], largest):
        inner = basis.mT @ image
        held = torch.linalg.solve(
            inner + ridge * torch.eye(basis.shape[1], dtype=targets.dtype), basis.mT @ targets
        )
        missing = targets - image @ held - ridge * (basis @ held)
        if float(missing.norm()) <= tolerance * float(targets.norm()):
            break
        newest = image[:, -newest.shape[1] :]
        for _ in range(2):
            newest = newest - basis @ (basis.mT @ newest)
        q, s, _ = torch.linalg.svd(newest, full_matrices=False)
        newest = q[:, s > s[:1] * 1e-12][:, : targets.shape[0] - basis.shape[1]]
        newest = torch.linalg.qr(newest - basis @ (basis.mT @ newest))[0]
        if newest.shape[1] == 0:
            break
        basis, image = (
            torch.cat([basis, newest], 1),
            torch.cat([image, features @ (features.mT @ newest)], 1),
        )
    return basis


def _pulls(factor: Tensor, targets: Tensor, ridge: float) -> Tensor:
    """√λ (LLᵀ + λI)⁻¹Y: its outer square is the drive."""
    kernel = factor @ factor.mT
    kernel.diagonal().add_(ridge)
    root, flaw = torch.linalg.cholesky_ex(kernel)
    if bool(flaw) or not bool(root.isfinite().all()):
        raise InputError(
            f"expected a kernel that float64 can invert beside the ridge {ridge:.3g}, got one up "
            f"to {float(kernel.abs().max()):.3g}; scale the labels or the features down, or raise "
            "the ridge"
        )
    return math.sqrt(ridge) * torch.cholesky_solve(targets, root)


def _longest_step(factor: Tensor, pulls: Tensor, ridge: float) -> float:
    """The step in which nothing grows by more than e², and in which the drive's answer to a change
    of the kernel, of rate ‖K‖‖D‖/λ, stays stable.

    Labels far above the threshold, s²/λ ≫ μ, overflow or oscillate in steps of 1/(4μ).
    """
    if pulls.numel() == 0:
        return math.inf
    drive, kernel = (float(torch.linalg.matrix_norm(m, 2)) ** 2 for m in (pulls, factor))
    return min(2 / (drive + 1e-300), ridge / (kernel * drive + 1e-300))


def _grow(factor: Tensor, pulls: Tensor, step: float, decay: float) -> Tensor:
    """e^{h(D − μ)}L for D = XXᵀ of low rank, exactly."""
    basis, values, _ = torch.linalg.svd(pulls, full_matrices=False)
    gain = torch.expm1(step * values**2)
    return math.exp(-step * decay) * (factor + basis @ (gain[:, None] * (basis.mT @ factor)))


def flow_to_rest(
    features: Tensor,
    targets: Tensor,
    *,
    ridge: float,
    decay: float,
    tolerance: float = 1e-10,
    accuracy: float = 1e-3,
    max_steps: int = 20_000,
) -> Rest:
    """The flow with fast readout from Φ(0) to rest, in factored form.

    Two reductions, both of which the end is checked against on the full problem: the drive D acts
    inside the block Krylov space of (K₀, Y), so Φ(t) = Q L(t)Oᵀ + e^{−μt}(I − QQᵀ)Φ(0) with L a
    small square matrix; and for D frozen over a step the flow is e^{h(D−μ)}L, exactly, with D of
    rank C. Exponential trapezoid with error control; steps stay below 1/(4μ) and below what
    ``_longest_step`` says, where its fixed point attracts.

    Args:
        features: Φ(0), (N, P).
        targets: Y, (N, C).
        ridge: λ > 0.
        decay: μ > 0.
        tolerance: stop once ‖Φ̇‖ ≤ tolerance · (μ‖Φ(0)‖ + ‖Y‖).
        accuracy: of one step of the path, relative; the end does not depend on it.
        max_steps: give up after so many.

    Raises:
        InputError: decays that are not positive, a kernel that float64 cannot invert beside the
            ridge, or no rest within ``max_steps``.
    """
    require(
        ridge > 0 and decay > 0, f"expected positive decays, got ridge={ridge} and decay={decay}"
    )
    basis = _krylov(targets, features, ridge, 1e-9, largest=400)
    inner, rotation = torch.linalg.qr((basis.mT @ features).mT)  # Q ᵀΦ = L Oᵀ with O = inner
    factor, small = rotation.mT.contiguous(), basis.mT @ targets
    outside = features - basis @ (basis.mT @ features)
    spare, goal = (
        float(outside.norm()),
        tolerance * (decay * float(features.norm()) + float(targets.norm())),
    )
    time, step, steps = 0.0, 0.1 / decay, 0
    pulls = _pulls(factor, small, ridge) if basis.shape[1] else small
    while steps < max_steps:
        speed = float((pulls @ (pulls.mT @ factor) - decay * factor).norm())
        if math.hypot(speed, decay * spare * math.exp(-decay * time)) <= goal:
            break
        step = min(step, _longest_step(factor, pulls, ridge))
        first = _grow(factor, pulls, step, decay)
        ahead = _pulls(first, small, ridge)
        both = torch.cat([pulls, ahead], 1) / math.sqrt(2)
        second = _grow(factor, both, step, decay)
        error = float((second - first).norm()) / (float(second.norm()) + 1e-300)
        steps += 1
        if error <= accuracy:
            factor, time = second, time + step
            pulls = _pulls(factor, small, ridge)
        step = min(
            step * min(4.0, max(0.2, 0.9 * math.sqrt(accuracy / (error + 1e-300)))), 0.25 / decay
        )
    else:
        raise InputError(
            f"expected the flow to reach rest within {max_steps} steps, got to time "
            f"{time:.3g}; raise max_steps"
        )
    end = basis @ (factor @ inner.mT) + math.exp(-decay * time) * outside
    readout = _narrow_readout(end, targets, ridge)
    return Rest(end, readout, gradient_norm(end, readout, targets, ridge, decay), steps, time)


def _narrow_readout(features: Tensor, targets: Tensor, ridge: float) -> Tensor:
    """The ridge readout from whichever side is smaller."""
    if features.shape[1] <= features.shape[0]:
        return ridge_readout(features, targets, torch.tensor(ridge, dtype=features.dtype))
    kernel = features @ features.mT
    kernel.diagonal().add_(ridge)
    return torch.cholesky_solve(targets, torch.linalg.cholesky(kernel)).mT @ features


def coupled_flow(
    features: Tensor,
    readout: Tensor,
    targets: Tensor,
    *,
    ridge: float,
    decay: float,
    until: float,
    tolerance: float = 1e-10,
) -> Rest:
    """Φ̇ = −(GA + μΦ), Ȧ = −(GᵀΦ + λA) of the squared loss until a time, by LSODA."""
    from scipy.integrate import solve_ivp

    (rows, width), classes = features.shape, readout.shape[0]
    y, cut = targets.numpy(), rows * width

    def right(_: float, flat: np.ndarray) -> np.ndarray:
        phi, a = flat[:cut].reshape(rows, width), flat[cut:].reshape(classes, width)
        grad = phi @ a.T - y
        return -np.concatenate(
            [(grad @ a + decay * phi).reshape(-1), (grad.T @ phi + ridge * a).reshape(-1)]
        )

    start = np.concatenate([features.numpy().reshape(-1), readout.numpy().reshape(-1)])
    done = solve_ivp(
        right, (0.0, until), start, method="LSODA", rtol=tolerance, atol=tolerance * 1e-2
    )
    if not done.success:
        raise InputError(
            f"expected LSODA to reach time {until}, it stopped at {done.t[-1]:.3g}: {done.message}"
        )
    flat = torch.as_tensor(done.y[:, -1].copy())
    phi, a = flat[:cut].reshape(rows, width), flat[cut:].reshape(classes, width)
    return Rest(phi, a, gradient_norm(phi, a, targets, ridge, decay), done.t.size, until)


def descend(
    features: Tensor,
    targets: Tensor,
    *,
    ridge: float,
    decay: float,
    tolerance: float = 1e-10,
    max_steps: int = 20_000,
) -> Rest:
    """Gradient descent on Φ for the reduced objective, its gradient by autograd through the ridge
    optimum; step 1/(4μ).
    """
    lam, mu = torch.tensor(ridge, dtype=features.dtype), torch.tensor(decay, dtype=features.dtype)
    phi, steps = features.clone(), 0
    for steps in range(1, max_steps + 1):  # noqa: B007
        phi = phi.detach().requires_grad_()
        with torch.enable_grad():
            (grad,) = torch.autograd.grad(reduced_objective(phi, targets, lam, mu) / 2, phi)
        phi = phi.detach()
        if float(grad.norm()) <= tolerance * (decay * float(phi.norm()) + float(targets.norm())):
            break
        phi = phi - grad / (4 * decay)
    readout = ridge_readout(phi, targets, lam)
    return Rest(
        phi, readout, gradient_norm(phi, readout, targets, ridge, decay), steps, steps / (4 * decay)
    )


def optimality(
    factor: Tensor, targets: Tensor, *, ridge: float, decay: float
) -> tuple[float, float]:
    """How nearly K = LLᵀ minimises the kernel's energy, from thin matrices only.

    With X = (K + λI)⁻¹Y, solved on the width of L, D = λXXᵀ has the eigenvalues of λXᵀX.

    Returns:
        least eigenvalue of μI − D (at least 0 up to rounding, at the minimum), and ‖(μI −
        D)L‖_F/(μ‖L‖_F) (0 for L = 0).
    """
    inner = factor.mT @ factor + ridge * torch.eye(factor.shape[1], dtype=factor.dtype)
    seen = (targets - factor @ torch.linalg.solve(inner, factor.mT @ targets)) / ridge
    slack = decay - ridge * float(torch.linalg.matrix_norm(seen, 2)) ** 2
    left = decay * factor - ridge * seen @ (seen.mT @ factor)
    size = float(factor.norm())
    return slack, float(left.norm()) / (decay * size) if size > 0 else 0.0


def return_rate(
    features: Tensor, readout: Tensor, targets: Tensor, *, ridge: float, decay: float, rank: int
) -> float:
    r"""The smallest nonzero Hessian eigenvalue of J at a minimum of rank r: the slowest rate at
    which the coupled flow returns.

    The minima form the orbit of a rotation of the width, of dimension rP − r(r+1)/2; along it the
    Hessian vanishes.
    """
    (rows, width), classes = features.shape, readout.shape[0]
    total = (rows + classes) * width
    directions = torch.eye(total, dtype=features.dtype)
    phi = directions[:, : rows * width].reshape(total, rows, width)
    a = directions[:, rows * width :].reshape(total, classes, width)
    grad = features @ readout.mT - targets
    change = phi @ readout.mT + features @ a.mT
    by_features = change @ readout + grad @ a + decay * phi
    by_readout = change.mT @ features + grad.mT @ phi + ridge * a
    hessian = torch.cat([by_features.reshape(total, -1), by_readout.reshape(total, -1)], 1)
    values = torch.linalg.eigvalsh((hessian + hessian.mT) / 2)
    return float(values[rank * width - rank * (rank + 1) // 2])
