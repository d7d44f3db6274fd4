"""Rounding of what the kernel-flow instances measured: registrations of `theorems.rounding.enclosures.enclose`."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from impl.decayed import DecayedMatrix
from impl.flows import CoupledPoint
from impl.spectral import Escapes, FlowEnd, LaplacianTask, Regression, SpectralTask
from impl.training import MinibatchNoise
from theorems.rounding import Ball, gamma, underflow
from theorems.rounding.enclosures import enclose, given
from theorems.rounding.projection import _norm


def _output_grad(measured: Tensor, error: Tensor | None, unit: float) -> Ball:
    """G as measured; the softmax gradient has a distance from one whose rows sum to zero."""
    return Ball(measured, error, unit=unit)


@enclose.register
def _decayed(point: DecayedMatrix) -> DecayedMatrix:
    drive = _output_grad(point.output_grad, point.output_error, point.unit)
    for linear in point.maps:
        drive = drive @ Ball(linear, unit=point.unit)
    if point.inputs is not None:
        drive = drive.mT @ Ball(point.inputs, unit=point.unit)
    if drive.shape != tuple(point.matrix.shape):  # the way is not linear: no model, the measured numbers as they are
        return point.map(given)
    total = drive + Ball(point.matrix) * Ball(point.decay[..., None, None])
    return replace(point.map(given), gradient=Ball(point.gradient, total.radius))


@enclose.register
def _noise(noise: MinibatchNoise) -> MinibatchNoise:
    grad = _output_grad(noise.output_grad, noise.output_error, noise.unit)
    if noise.rescaled:  # 1/b and 1/N were multiplied out again: two more roundings of every entry
        grad = Ball(grad.center, grad.error + 4 * noise.unit * grad.center.abs(), noise.unit)
    readout, rows = Ball(noise.readout, unit=noise.unit), float(noise.features.shape[0])
    weights = Ball(noise.counts * rows)[..., None]
    repeated = weights * grad[None]
    if repeated.radius is not None:  # autograd adds a sample's gradient up as often as the batch holds it
        sums = gamma(int(noise.counts.max()), noise.unit) * repeated.magnitude
        repeated = Ball(repeated.center, repeated.radius + sums, noise.unit)
    batch, full = repeated @ readout, grad @ readout
    # what underflowed in a sum of C products, and in the loss's own gradient, was multiplied afterwards
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


@enclose.register
def _coupled(point: CoupledPoint) -> CoupledPoint:
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
    """An orthogonal matrix within the returned ball of the given one: its polar factor is ‖QᵀQ − I‖_F away at most."""
    columns = basis if alive is None else basis * alive[..., None, :]
    eye = torch.eye(basis.shape[-1], dtype=torch.float64, device=basis.device)
    wanted = eye if alive is None else eye * alive[..., None, :]
    defect = _norm(Ball(columns).mT @ Ball(columns) - wanted)
    return Ball(basis, None if not bool(defect.any()) else defect[..., None, None].expand_as(basis))


_Task = TypeVar("_Task", bound=SpectralTask)


@enclose.register
def _spectral(task: SpectralTask) -> SpectralTask:
    return _orthogonalised(task)


def _orthogonalised(task: _Task) -> _Task:
    alive = (task.values > 0).to(torch.float64)
    return replace(task.map(given), left=_orthogonal(task.left), right=_orthogonal(task.right, alive))


@enclose.register
def _escapes(task: Escapes) -> Escapes:
    return replace(_orthogonalised(task), slopes=Ball(task.slopes, task.intervals))


@enclose.register
def _end(end: FlowEnd) -> FlowEnd:
    """Near a minimum the gradient bounds the distance: ‖x − rest‖ ≤ 2‖∇J‖/ρ while it is below ρ/(3‖rest‖).

    (J is quartic: along a direction h ⟂ the orbit of minima, ⟨∇J, h⟩ ≥ ρt − (3/2)‖rest‖t², so at least ρt/2 there.) If the flow did
    not end near a minimum, the radius is too small, and the comparison comes out REFUTED: that is the claim.
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


@enclose.register
def _regression(fit: Regression) -> Regression:
    return replace(fit.map(given), left=_orthogonal(fit.left))


@enclose.register
def _laplacian(task: LaplacianTask) -> LaplacianTask:
    return replace(task.map(given), left=_orthogonal(task.left))
