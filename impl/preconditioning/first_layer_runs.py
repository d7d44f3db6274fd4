"""Short preconditioned trainings of somebody's own network, for the claims about its first
layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from theorems.impl.errors import InputError
from theorems.impl.networks.bare_steps import BareAdam
from theorems.impl.networks.running import Inputs
from theorems.impl.networks.surgery import FirstLayer, first_layer
from theorems.impl.preconditioning.first_layer import FirstLayerTraining, PreconditionedSteps

LARGEST_ROWS, LARGEST_COLUMNS = 4096, 2048
"""Rows N (samples times tokens) and columns d up to which the (N, N) Gram matrix and the (d, d)
preconditioner are formed.
"""

_STEPS = 3
_SHARE = 1e-2
"""‖ΔW‖/‖W‖ of the first step: large enough to tell, small enough that no network runs away."""


def first_layer_runs(
    model: nn.Module,
    inputs: Inputs,
    targets: Any,
    loss: Callable[[Any, Any], Tensor],
    *,
    seed: int = 0,
) -> dict[str, PreconditionedSteps | str] | str:
    """Three steps of a copy of ``model`` with plain gradients at its first layer, and three with
    whitened ones; the rest under Adam.

    Args:
        model: any module; it is copied, not changed.
        inputs: a tensor, a tuple of arguments or a mapping of keyword arguments.
        targets: whatever ``loss`` takes.
        loss: a callable to one scalar.
        seed: of dropout and of the test rows.

    Returns:
        the recorded steps by place ("name of the layer, rule"), or why there are none: no fully
        connected first layer, inputs that are also read elsewhere, tied or frozen weights,
        something trained before it, a Gram matrix that is too large to form.
    """
    try:
        found = first_layer(model, inputs, targets, loss, seed=seed)
        reason = (
            found.obstacle if found.module is None or found.obstacle is not None else _unfit(found)
        )
        return (
            reason
            if reason is not None
            else {
                f"{found.name}, {rule}": FirstLayerTraining(
                    model,
                    inputs,
                    targets,
                    loss,
                    preconditioner=matrix,
                    rate=_rate(found, matrix),
                    rest=_adam,
                    seed=seed,
                ).run(_STEPS)
                for rule, matrix in (
                    ("plain steps", _identity(found.rows)),
                    ("whitened steps", _whitening(found.rows)),
                )
            }
        )
    except InputError as error:
        return f"its first layer cannot be trained on its own: {error}"


def _adam(parameters: list[nn.Parameter]) -> BareAdam:
    """Adam with an ε that is not zero in half precision."""
    return BareAdam(parameters, lr=1e-3, eps=1e-3)


def _unfit(layer: FirstLayer) -> str | None:
    """Why the layer's steps are not recorded although the claims would apply, or None."""
    rows, columns = layer.rows.shape
    if layer.rows.is_complex() or layer.outputs.is_complex():
        return (
            f"the first layer, {layer.name!r}, holds complex numbers: the claims about steps "
            "are about real ones"
        )
    if layer.outputs.dtype != layer.rows.dtype:
        return (
            f"the first layer, {layer.name!r}, turns {layer.rows.dtype} into {layer.outputs.dtype} "
            "(autocast): whose rounding is not bounded; check it without"
        )
    if columns > LARGEST_COLUMNS:
        return (
            f"the first layer, {layer.name!r}, reads d = {columns} numbers: P would have d² "
            f"entries, up to d = {LARGEST_COLUMNS} are formed"
        )
    if rows > LARGEST_ROWS:
        return (
            f"the first layer, {layer.name!r}, has {rows} rows: G would have as many, up to "
            f"{LARGEST_ROWS} are formed; give it fewer samples, or smaller ones"
        )
    return None


def _identity(rows: Tensor) -> Tensor:
    return torch.eye(rows.shape[-1], dtype=rows.dtype, device=rows.device)


def _whitening(rows: Tensor) -> Tensor:
    """(XᵀX/N + ε)⁻¹ with ε a tenth of the mean eigenvalue, so that P is well defined for N < d."""
    x = rows.double()
    covariance = x.mT @ x / len(x)
    ridge = 0.1 * float(covariance.diagonal().mean()) or 1.0
    inverse = torch.linalg.inv(
        covariance + ridge * torch.eye(len(covariance), dtype=x.dtype, device=x.device)
    )
    even: Tensor = (inverse + inverse.mT) / 2
    return even.to(rows)


def _rate(layer: FirstLayer, matrix: Tensor) -> float:
    """η that moves W by a hundredth in the first step; 0.1 where W or its gradient is zero."""
    gradient = (layer.gradients.double().mT @ layer.rows.double()) @ matrix.double()
    size, step = float(layer.stacked_weight().norm()), float(gradient.norm())
    return _SHARE * size / step if size > 0 and step > 0 else 0.1
