"""How far each measured number of an instance can be from the exact one: instances as balls."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import Any

from torch import Tensor

from impl.features import FeatureSet
from impl.gated import GatedNetwork, loss_gradient
from impl.operands import Instance
from impl.tracing import LayerTrace
from theorems.rounding import Ball, gamma


def given(value: Any) -> Any:
    """Data: exact by definition, in whatever format they came."""
    return Ball(value) if isinstance(value, Tensor) else value


@singledispatch
def enclose(instance: Instance) -> Any:
    """The instance with every operand as a `Ball`: data exact, measured gradients with the error of their computation.

    A gradient is a sum of products in the network's own format; its error is bounded by γ_k Σ|products| in that format,
    where k is the number of products. Registered per instance type; an instance of data only needs no registration.
    """
    return instance.map(given)


def _measured(value: Tensor, model: Ball) -> Ball:
    """The measured tensor with the radius that computing ``model`` in its format has."""
    return Ball(value, model.radius)


@enclose.register
def _layer(layer: LayerTrace) -> LayerTrace:
    delta = Ball(layer.output_grad, unit=layer.unit)
    weight, inputs = Ball(layer.weight, unit=layer.unit), Ball(layer.inputs, unit=layer.unit)
    input_grad = delta @ weight
    if layer.grad_magnitude is not None and input_grad.radius is not None:
        input_grad = _convolved(layer, input_grad)
    return replace(
        layer.map(given),
        weight_grad=_measured(layer.weight_grad, delta.mT @ inputs),
        input_grad=_measured(layer.input_grad, input_grad),
    )


def _convolved(layer: LayerTrace, input_grad: Ball) -> Ball:
    """A convolution's input gradient sums over overlapping patches as well."""
    extra = gamma(layer.grad_terms + 2, layer.unit) * layer.grad_magnitude.double()
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
