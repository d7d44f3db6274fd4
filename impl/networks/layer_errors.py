"""How far what was measured of a linear layer can be off: its gradients as functions of ∇_Z, and
∇_Z itself.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from theorems.impl.instances.measured import Doubt, given
from theorems.impl.networks.losses import half_squared_error
from theorems.impl.numbers.rounded import CAST, Ball, gamma


def enclosed_layer(layer: Any) -> Any:
    """A `LayerTrace` as balls; a gradient is a sum of products in the network's own format, ∇_Z and
    the factors given.
    """
    delta = Ball(layer.output_grad, unit=layer.unit)
    weight, inputs = _factor(layer.weight, layer.unit), _factor(layer.inputs, layer.unit)
    input_grad, weight_grad = delta @ weight, delta.mT @ inputs
    if layer.grad_magnitude is not None and input_grad.radius is not None:
        input_grad = _convolved(layer, layer.grad_magnitude, input_grad)
    outputs = None
    if layer.outputs is not None:
        model = inputs @ weight.mT
        model = model if layer.bias is None else model + Ball(layer.bias)[..., None, :]
        outputs = Ball(layer.outputs, model.radius)
    return replace(
        layer.map(given),
        outputs=outputs,
        weight_grad=Ball(layer.weight_grad, _accumulated(layer, weight_grad).radius),
        input_grad=Ball(layer.input_grad, input_grad.radius),
    )


def _factor(value: Tensor, unit: float) -> Ball:
    """A factor of a gradient; autocast casts it to the format in which the network ran."""
    return Ball(
        value,
        torch.full_like(value, CAST[unit], dtype=torch.float64) if unit in CAST else None,
        unit,
    )


def _accumulated(layer: Any, weight_grad: Ball) -> Ball:
    """Formats narrower than float32 round again whenever the gradient of another call is added."""
    if layer.calls == 1 or layer.unit < 2.0**-20:
        return weight_grad
    sizes = layer.output_grad.double().abs().mT @ layer.inputs.double().abs()
    extra = ((1 + layer.unit) ** (layer.calls - 1) - 1) * (sizes + weight_grad.error)
    return Ball(weight_grad.center, weight_grad.error + extra, weight_grad.unit)


def _convolved(layer: Any, magnitude: Tensor, input_grad: Ball) -> Ball:
    """A convolution's input gradient sums over overlapping patches as well."""
    extra = gamma(layer.grad_terms + 2, layer.unit) * magnitude.double()
    return Ball(input_grad.center, input_grad.error + 2 * extra)


# -- ∇_Z -------------------------------------------------------------------------------------------


def softmax_error(
    outputs: Tensor, targets: Tensor, scale: float = 1.0, unit: float = 2.0**-53
) -> Tensor:
    """Bound on the rounding error of autograd's gradient scale·(softmax(f)·Σt − t), entry by entry.

    Follows log-softmax through its operations (shift, exp, sum, log, and back), with exp and log
    accurate to 4 units in the last place: the vector libraries behind torch document at most 2.

    Args:
        outputs: f, (…, N, C), taken as exact.
        targets: t, of the same shape.
        scale: factor in front of the summed loss.
        unit: unit roundoff.
    """
    f, t = outputs.double(), targets.double()
    classes = f.shape[-1]
    log_p, total = functional.log_softmax(f, -1), t.abs().sum(-1, keepdim=True)
    p, depth = log_p.exp(), f.amax(-1, keepdim=True) - f
    spread = depth.amax(-1, keepdim=True)
    relative = unit * (depth + spread + log_p.abs() + 5 * classes + 20) * 1.01
    return scale * (
        p * total * (relative + (classes + 2) * unit) + 3 * unit * (t.abs() + p * total) + 1e-300
    )


def output_error(layer: Any, outputs: Any, targets: Any, loss: Any) -> Tensor | None:
    """How far rounding can have moved ∇_Z of a network's last layer, given Z; None where nothing
    proves a bound.

    Known are softmax cross-entropy without class weights, the mean (or summed) squared error, and
    half of it, of outputs that are the layer's own, number for number.

    Args:
        layer: a `LayerTrace`.
        outputs: what the network returned.
        targets: of the loss.
        loss: as it was called.
    """
    seen = layer.outputs
    if seen is None or seen.ndim != 2 or layer.calls > 1 or not isinstance(outputs, Tensor):
        return None
    same = outputs.numel() == seen.numel() and outputs.shape[-1:] == seen.shape[-1:]
    if not same or not torch.equal(outputs.detach().reshape(seen.shape), seen):
        return None
    if loss is functional.cross_entropy or (
        type(loss) is nn.CrossEntropyLoss and loss.weight is None
    ):
        shares = isinstance(targets, Tensor) and targets.dtype.is_floating_point
        if shares and float(targets.abs().max()) > 1:
            return None
        return _of_softmax(layer, outputs, loss)
    squared = loss is half_squared_error or loss is functional.mse_loss or type(loss) is nn.MSELoss
    if squared and isinstance(targets, Tensor) and targets.numel() == seen.numel():
        gap = Ball(seen) - Ball(targets.detach().reshape(seen.shape).to(seen.device))
        error = (
            torch.zeros_like(gap.center)
            if gap.radius is None and loss is half_squared_error
            else None
        )
        return (
            8 * layer.unit * layer.output_grad.double().abs() + 1e-300 if error is None else error
        )
    return None


def _of_softmax(layer: Any, outputs: Tensor, loss: Any) -> Tensor | None:
    """Σ|t| ≤ 1 + smoothing, entry by entry at most 1; a mean is over the samples that are not
    ignored.
    """
    if outputs.ndim != 2:
        return None
    counted = max(int((layer.output_grad != 0).any(-1).sum()), 1)
    scale = 1.0 / counted if getattr(loss, "reduction", "mean") == "mean" else 1.0
    return softmax_error(layer.outputs, torch.ones_like(layer.outputs), scale, layer.unit)


def output_doubt(layer: Any) -> Tensor | Doubt:
    """How far ∇_Z can be off: what is proved, or half of the digits, and no less than what a loss
    of size one rounds.

    (The gradient of a sample of which the network is sure is all rounding: 1 − p, of p next to 1.)
    """
    if layer.output_error is not None:
        return layer.output_error
    half = math.sqrt(layer.unit) * float(layer.output_grad.double().abs().max())
    radius = torch.full_like(layer.output_grad, max(half, 64 * layer.unit), dtype=torch.float64)
    return Doubt(radius, known=False)
