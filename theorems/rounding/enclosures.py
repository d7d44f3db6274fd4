"""How far each measured number of an instance can be from the exact one: instances as balls."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from impl.features import FeatureSet
from impl.gated import GatedNetwork, loss_gradient
from impl.operands import Instance
from impl.tracing import LayerTrace
from theorems.rounding import CAST, Ball, gamma


def given(value: Any) -> Any:
    """Data: exact by definition, in whatever format they came."""
    return Ball(value) if isinstance(value, Tensor) else value


@singledispatch
def enclose(instance: Instance) -> Any:
    """The instance with every operand as a `Ball`: data exact, measured gradients with the error of their computation.

    A gradient is a sum of products in the network's own format; its error is bounded by γ_k Σ|products| in that format,
    where k is the number of products. A type says in ``measured``, field by field, what was computed or how far it can be off; what it does not
    name is data.
    """
    balls = instance.map(given)
    for name, bound in getattr(type(instance), "measured", {}).items():
        value, found = getattr(instance, name), bound(balls)
        parts = tuple(map(_widened, value, found)) if isinstance(value, tuple) else _widened(value, found)
        balls = replace(balls, **{name: parts})
    return balls


def _widened(value: Tensor, bound: Ball | Tensor) -> Ball:
    """The measured numbers with the radius of the formula that was computed, or with the radius that was given."""
    return _measured(value, bound) if isinstance(bound, Ball) else Ball(value, bound)


def _measured(value: Tensor, model: Ball) -> Ball:
    """The measured tensor with the radius that computing ``model`` in its format has."""
    return Ball(value, model.radius)


@enclose.register
def _layer(layer: LayerTrace) -> LayerTrace:
    delta = Ball(layer.output_grad, unit=layer.unit)
    weight, inputs = _factor(layer.weight, layer.unit), _factor(layer.inputs, layer.unit)
    input_grad, weight_grad = delta @ weight, delta.mT @ inputs
    if layer.grad_magnitude is not None and input_grad.radius is not None:
        input_grad = _convolved(layer, layer.grad_magnitude, input_grad)
    outputs = None
    if layer.outputs is not None:
        model = inputs @ weight.mT
        outputs = _measured(layer.outputs, model if layer.bias is None else model + Ball(layer.bias)[..., None, :])
    return replace(
        layer.map(given),
        outputs=outputs,
        weight_grad=_measured(layer.weight_grad, _accumulated(layer, weight_grad)),
        input_grad=_measured(layer.input_grad, input_grad),
    )


def _factor(value: Tensor, unit: float) -> Ball:
    """A factor of a gradient; autocast casts it to the format in which the network ran."""
    return Ball(value, torch.full_like(value, CAST[unit], dtype=torch.float64) if unit in CAST else None, unit)


def _accumulated(layer: LayerTrace, weight_grad: Ball) -> Ball:
    """Formats narrower than float32 round again whenever the gradient of another call is added."""
    if layer.calls == 1 or layer.unit < 2.0**-20:
        return weight_grad
    sizes = layer.output_grad.double().abs().mT @ layer.inputs.double().abs()
    extra = ((1 + layer.unit) ** (layer.calls - 1) - 1) * (sizes + weight_grad.error)
    return Ball(weight_grad.center, weight_grad.error + extra, weight_grad.unit)


def _convolved(layer: LayerTrace, magnitude: Tensor, input_grad: Ball) -> Ball:
    """A convolution's input gradient sums over overlapping patches as well."""
    extra = gamma(layer.grad_terms + 2, layer.unit) * magnitude.double()
    return Ball(input_grad.center, input_grad.error + 2 * extra)


@enclose.register
def _gated(net: GatedNetwork) -> GatedNetwork:
    coarse = net.map(lambda value: Ball(value, unit=net.unit) if isinstance(value, Tensor) else value)
    steps = loss_gradient(coarse, coarse.weights, coarse.residual)
    speeds = tuple(_measured(v, model) for v, model in zip(net.weight_velocity, steps, strict=True))
    return replace(net.map(given), weight_velocity=speeds)


@enclose.register
def _features(features: FeatureSet) -> FeatureSet:
    return features.map(given)
