"""How far each measured number of an instance can be from the exact one: instances as balls."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import Any

from torch import Tensor

from impl.features import FeatureSet
from impl.gated import GatedNetwork, fields
from impl.operands import Instance
from impl.tracing import LayerTrace
from theorems.rounding import Ball


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
    from theorems.rounding import gamma

    extra = gamma(layer.grad_terms + 2, layer.unit) * layer.grad_magnitude.double()
    return Ball(input_grad.center, input_grad.error + 2 * extra)


@enclose.register
def _gated(net: GatedNetwork) -> GatedNetwork:
    balls = net.map(given)
    coarse = net.map(lambda value: Ball(value, unit=net.unit) if isinstance(value, Tensor) else value)
    seen = fields(coarse)
    # reverse mode multiplies by r first and pulls back then; the products and so the bound are the same either way
    steps = [(coarse.residual[..., None] * seen.delta[i + 1]).mT @ seen.z[i] for i in range(net.depth)]
    speeds = [_measured(v, model) for v, model in zip(net.weight_velocity, steps, strict=True)]
    return replace(balls, weight_velocity=tuple(speeds))


@enclose.register
def _features(features: FeatureSet) -> FeatureSet:
    return features.map(given)
