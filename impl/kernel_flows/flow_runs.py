"""Integrated flows as instances: where a flow stopped, and how fast missing modes grow beside a
stationary subset.
"""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.kernel_flows.flow_solvers import (
    Rest,
    coupled_flow,
    descend,
    features_of,
    flow_to_rest,
    gradient_norm,
    kernel_flow,
    return_rate,
)
from theorems.impl.kernel_flows.flows import ridge_readout
from theorems.impl.kernel_flows.spectral import Escapes, FlowEnd, SpectralTask

KINDS = ("kernel ODE", "factored flow", "gradient descent", "coupled flow")


def _shared(task: SpectralTask) -> dict[str, Any]:
    return {f.name: getattr(task, f.name) for f in fields(SpectralTask)}


def rest_rate(task: SpectralTask, width: int) -> float:
    """ρ of `impl.kernel_flows.flow_solvers.return_rate` at the minimum that the kernel's convex
    energy has, found by soft thresholding Y.
    """
    ridge, decay = float(task.ridge), float(task.decay)
    left, values, right = torch.linalg.svd(task.targets, full_matrices=False)
    kept = (values - (ridge * decay) ** 0.5).clamp(min=0)
    rank = int((kept > 0).sum())
    require(rank <= width, f"expected a width of at least {rank} (active modes), got {width}")
    phi, readout = (
        torch.zeros(left.shape[0], width).double(),
        torch.zeros(right.shape[1], width).double(),
    )
    phi[:, :rank] = left[:, :rank] * (kept[:rank] * (ridge / decay) ** 0.5).sqrt()
    readout[:, :rank] = right.mT[:, :rank] * (kept[:rank] * (decay / ridge) ** 0.5).sqrt()
    return return_rate(phi, readout, task.targets, ridge=ridge, decay=decay, rank=rank)


def run(
    task: SpectralTask,
    features: Tensor,
    readout: Tensor,
    *,
    how: str,
    flaw: str = "",
    rate: float | None = None,
) -> FlowEnd:
    """Integrate one of the flows to rest from Φ(0) (and A(0), where the readout is not fast).

    Args:
        task: labels and decays.
        features: Φ(0), (N, P).
        readout: A(0), (C, P), used by the coupled flow only.
        how: one of `KINDS`.
        flaw: names a hypothesis that the start violates on purpose.
        rate: ρ, where it is known not to be `rest_rate`'s.
    """
    require(how in KINDS, f"expected how to be one of {', '.join(KINDS)}, got how={how!r}")
    ridge, decay, targets = float(task.ridge), float(task.decay), task.targets
    rho = rest_rate(task, features.shape[1]) if rate is None else rate
    until = 30 / rho
    if how == "kernel ODE":
        lam = torch.tensor(ridge, dtype=torch.float64)
        kernel = features @ features.mT
        for _ in range(6):
            kernel = kernel_flow(kernel, targets, ridge=ridge, decay=decay, until=10 / decay)
            phi = features_of(kernel)
            fitted = ridge_readout(phi, targets, lam)
            end = Rest(phi, fitted, gradient_norm(phi, fitted, targets, ridge, decay), 0, until)
            if end.distance <= 1e-7 * rho:
                break
    elif how == "factored flow":
        end = flow_to_rest(features, targets, ridge=ridge, decay=decay)
    elif how == "gradient descent":
        end = descend(features, targets, ridge=ridge, decay=decay)
    else:
        end = coupled_flow(features, readout, targets, ridge=ridge, decay=decay, until=until)
    return FlowEnd(
        **_shared(task),
        features=end.features,
        readout=end.readout,
        rate=torch.tensor(rho, dtype=torch.float64),
        how=how,
        flaw=flaw,
    )


def escapes(task: SpectralTask, *, start: float = 1e-6, until: float = 1e-4) -> Escapes:
    """Integrate the kernel's ODE from every stationary subset of active modes, each missing one
    started at ``start``, and fit.

    A missing mode alone grows at exactly 2(λs²/(k+λ)² − μ), between the rate at k = 0 and that at
    the end of the window: the mean slope of log k over the window is off by at most their
    difference. The integrator's own error is measured by a second run at a hundredth of its
    tolerance; both make the interval.
    """
    ridge, root = float(task.ridge), float(task.root)
    active = [i for i, on in enumerate(task.active.tolist()) if on]
    values = task.values
    slopes, modes, intervals = [], [], []
    for count in range(len(active)):
        for subset in combinations(active, count):
            levels = torch.zeros_like(values)
            for i in subset:
                levels[i] = values[i] * root - ridge
            for missing in (i for i in active if i not in subset):
                # the window is set by the fastest growth there can be, so that k stays below
                # ``until`` whatever the theory says
                fastest = 2 * float(values.max()) ** 2 / ridge
                window = np.log(until / start) / fastest
                begun = levels.clone()
                begun[missing] = start
                kernel = (task.left * begun) @ task.left.mT
                grown = [
                    _growth(kernel, task, mode=missing, window=window, tolerance=tolerance)
                    for tolerance in (1e-11, 1e-13)
                ]
                mean = [(np.log(level) - np.log(start)) / window for level in grown]
                drift = (
                    2
                    * float(values[missing]) ** 2
                    / ridge
                    * (1 - (ridge / (max(grown) + ridge)) ** 2)
                )
                slopes.append(mean[1])
                modes.append(missing)
                intervals.append(drift + 2 * abs(mean[0] - mean[1]))
    pick = torch.tensor
    return Escapes(
        **_shared(task),
        slopes=pick(slopes, dtype=torch.float64),
        modes=tuple(modes),
        intervals=pick(intervals, dtype=torch.float64),
    )


def _growth(
    kernel: Tensor, task: SpectralTask, *, mode: int, window: float, tolerance: float
) -> float:
    """u_iᵀK(window)u_i."""
    from scipy.integrate import solve_ivp

    size, ridge, decay = kernel.shape[0], float(task.ridge), float(task.decay)
    y, u = task.targets.numpy(), task.left[:, mode].numpy()

    def right(_: float, flat: np.ndarray) -> np.ndarray:
        k = flat.reshape(size, size)
        seen = np.linalg.solve(k + ridge * np.eye(size), y)
        pull = ridge * seen @ (seen.T @ k)
        return (pull + pull.T - 2 * decay * k).reshape(-1)

    done = solve_ivp(
        right,
        (0.0, window),
        kernel.numpy().reshape(-1),
        method="DOP853",
        rtol=tolerance,
        atol=tolerance * 1e-10,
    )
    return float(u @ done.y[:, -1].reshape(size, size) @ u)
