"""Rounding of what the kernel-flow instances measured: what their `enclosed` methods do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from theorems.impl.instances.measured import given
from theorems.impl.numbers.rounded import Ball, gamma, underflow
from theorems.impl.numbers.rounded_matrices import _norm


def _output_grad(measured: Tensor, error: Tensor | None, unit: float) -> Ball:
    """G as measured; the softmax gradient has a distance from one whose rows sum to zero."""
    return Ball(measured, error, unit=unit)


def enclosed_decayed(point: Any) -> Any:
    """M given, its gradient with the rounding of the products that it is made of, G given."""
    drive = _output_grad(point.output_grad, point.output_error, point.unit)
    for linear in point.maps:
        drive = drive @ Ball(linear, unit=point.unit)
    if point.inputs is not None:
        drive = drive.mT @ Ball(point.inputs, unit=point.unit)
    # the way is not linear: no model, half of the digits
    if drive.shape != tuple(point.matrix.shape):
        return replace(
            point.map(given),
            gradient=Ball(point.gradient, _half_digits(point.gradient, point.unit)),
        )
    total = drive + Ball(point.matrix) * Ball(point.decay[..., None, None])
    return replace(point.map(given), gradient=Ball(point.gradient, total.radius))


def _half_digits(value: Tensor, unit: float) -> Tensor:
    """What the rounding of a gradient is taken to be whose formula is not known: half of the digits
    of its largest entry.
    """
    return torch.full_like(value, math.sqrt(unit) * float(value.abs().max()), dtype=torch.float64)


def enclosed_noise(noise: Any) -> Any:
    """Both gradients with the rounding of the products that they are made of, G given up to
    `output_error`.
    """
    grad = _output_grad(noise.output_grad, noise.output_error, noise.unit)
    if noise.rescaled:  # 1/b and 1/N were multiplied out again: two more roundings of every entry
        grad = Ball(grad.center, grad.error + 4 * noise.unit * grad.center.abs(), noise.unit)
    readout, rows = Ball(noise.readout, unit=noise.unit), float(noise.features.shape[0])
    weights = Ball(noise.counts * rows)[..., None]
    repeated = weights * grad[None]
    # autograd adds a sample's gradient up as often as the batch holds it
    if repeated.radius is not None:
        sums = gamma(int(noise.counts.max()), noise.unit) * repeated.magnitude
        repeated = Ball(repeated.center, repeated.radius + sums, noise.unit)
    batch, full = repeated @ readout, grad @ readout
    # what underflowed in a sum of C products, and in the loss's own gradient, was multiplied
    # afterwards
    lost = underflow(noise.unit) * (noise.classes + 2)
    size = float(noise.size) if noise.rescaled else 1.0
    return replace(
        noise.map(given),
        output_grad=Ball(noise.output_grad, noise.output_error),
        batch_grad=Ball(noise.batch_grad, _widened(batch, lost * rows * size)),
        full_grad=Ball(noise.full_grad, _widened(full, lost * (rows if noise.rescaled else 1.0))),
    )


def _widened(ball: Ball, by: float) -> Tensor | None:
    return None if ball.radius is None else ball.radius + by  # None: nothing rounded


def enclosed_coupled(point: Any) -> Any:
    """Both velocities with the rounding of the products that they are made of, G given."""
    grad, phi, readout = Ball(point.output_grad), Ball(point.features), Ball(point.readout)
    ridge, decay = Ball(point.ridge[..., None, None]), Ball(point.decay[..., None, None])
    by_features = grad @ readout + phi * decay
    by_readout = (grad.mT @ phi + readout * ridge) * Ball(point.speedup[..., None, None])
    return replace(
        point.map(given),
        features_velocity=Ball(point.features_velocity, by_features.radius),
        readout_velocity=Ball(point.readout_velocity, by_readout.radius),
    )


def _orthogonal(basis: Tensor, alive: Tensor | None = None) -> Ball:
    """An orthogonal matrix within the returned ball of the given one: its polar factor is ‖QᵀQ −
    I‖_F away at most.
    """
    columns = basis if alive is None else basis * alive[..., None, :]
    eye = torch.eye(basis.shape[-1], dtype=torch.float64, device=basis.device)
    wanted = eye if alive is None else eye * alive[..., None, :]
    defect = _norm(Ball(columns).mT @ Ball(columns) - wanted)
    return Ball(basis, None if not bool(defect.any()) else defect[..., None, None].expand_as(basis))


def enclosed_task(task: Any) -> Any:
    """Frames that are orthogonal up to rounding stand for orthogonal ones."""
    return _orthogonalised(task)


def _orthogonalised(task: Any) -> Any:
    alive = (task.values > 0).to(torch.float64)
    return replace(
        task.map(given), left=_orthogonal(task.left), right=_orthogonal(task.right, alive)
    )


def enclosed_escapes(task: Any) -> Any:
    """The fitted rates with their intervals."""
    return replace(_orthogonalised(task), slopes=Ball(task.slopes, task.intervals))


def enclosed_end(end: Any) -> Any:
    """Near a minimum the gradient bounds the distance: ‖x − rest‖ ≤ 2‖∇J‖/ρ while it is below
    ρ/(3‖rest‖).

    (J is quartic: along a direction h ⟂ the orbit of minima, ⟨∇J, h⟩ ≥ ρt − (3/2)‖rest‖t², so at
    least ρt/2 there.) If the flow did not end near a minimum, the radius is too small, and the
    comparison comes out REFUTED: that is the claim.
    """
    labels = (end.left * end.values[..., None, :]) @ end.right.mT
    phi, readout = Ball(end.features), Ball(end.readout)
    grad = phi @ readout.mT - Ball(labels, 1e-14 * end.values.max() * torch.ones_like(labels))
    ridge, decay = end.ridge, end.decay[..., None, None]
    slopes = (_norm(grad @ readout + phi * decay), _norm(grad.mT @ phi + readout * ridge))
    distance = 2 * torch.hypot(*slopes) / end.rate
    return replace(
        _orthogonalised(end),
        features=Ball(end.features, distance[..., None, None].expand_as(end.features)),
        readout=Ball(end.readout, distance[..., None, None].expand_as(end.readout)),
    )


def enclosed_left(task: Any) -> Any:
    """A frame that is orthogonal up to rounding stands for an orthogonal one."""
    return replace(task.map(given), left=_orthogonal(task.left))


# -- under another ∇_F -----------------------------------------------------------------------------


def moved_decayed(point: Any, output_grad: Tensor) -> Any:
    """The gradient by M follows G along the linear way."""
    step = output_grad - point.output_grad
    for linear in point.maps:
        step = step @ linear
    if point.inputs is not None:
        step = step.mT @ point.inputs
    follows = tuple(step.shape) == tuple(point.matrix.shape)
    return replace(
        point,
        output_grad=output_grad,
        gradient=point.gradient + step if follows else point.gradient,
    )


def moved_noise(noise: Any, output_grad: Tensor) -> Any:
    """The gradients of every batch and of all samples follow G."""
    step = output_grad - noise.output_grad
    weights = (noise.counts * noise.features.shape[0])[..., None]
    batch, full = weights * step[None] @ noise.readout, step @ noise.readout
    return replace(
        noise,
        output_grad=output_grad,
        batch_grad=noise.batch_grad + batch,
        full_grad=noise.full_grad + full,
    )


def moved_coupled(point: Any, output_grad: Tensor) -> Any:
    """Both velocities follow G."""
    step = output_grad - point.output_grad
    speed = point.speedup[..., None, None]
    return replace(
        point,
        output_grad=output_grad,
        features_velocity=point.features_velocity - step @ point.readout,
        readout_velocity=point.readout_velocity - step.mT @ point.features * speed,
    )


def own_rounding(
    measured: Tensor,
    f: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    drawn: list[Tensor],
    scale: float,
    unit: float,
) -> Tensor | None:
    """How far rounding inside a loss of no known formula moves G: by what it differs between the
    batches; None for not at all.

    A gradient such as (exp f − t)/b cancels after 1/b has rounded both terms, so nothing about it
    follows from its own size. Twice the difference is believed, up to √u of the largest entry: what
    is more is no rounding, and the claim shall see it.
    """
    error = torch.zeros_like(measured)
    for index in drawn:
        with torch.enable_grad():
            (found,) = torch.autograd.grad(loss(index, f[index]), f)
        held = torch.bincount(index, minlength=len(f)).double()[:, None]
        apart = (found.double() * scale - held * measured).abs() / held.clamp(min=1)
        error = torch.maximum(error, torch.where(held > 0, 2 * apart, 0.0))
    error = error.clamp(max=math.sqrt(unit) * float(measured.abs().max()))
    return error if bool(error.any()) else None
